"""Published results: what is shipped, its doubtful cells, and files that are broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.reference import published
from tests.pinning import Pinned

LATENCY = "table,host,browser,framework,backend,processor,setting,model,stage,latency_ms\n"
ROW = "1,pc,,onnxruntime,native,cpu,,mobilenet_v2,prediction,2.9\n"
DECLARED = "title: T\ncitation: C\nfiles: [{name: latency.csv, holds: times, kind: latency}]\n"


def cell(**where: str) -> published.Latency:
    found = [one for one in published.load("tosem2025").latency if all(getattr(one, k) == v for k, v in where.items())]
    assert len(found) == 1
    return found[0]


def folder(tmp_path: Path, declared: str = DECLARED, latency: str = LATENCY + ROW) -> str:
    (tmp_path / "reference.yaml").write_text(declared)
    (tmp_path / "latency.csv").write_text(latency)
    return str(tmp_path)


def test_every_shipped_reference_can_be_read() -> None:
    found = {name: published.load(name) for name in published.names()}
    assert set(found) == {"tosem2025", "www2019", "aodnn"}
    assert all(one.declared.citation and all(one.rows.values()) for one in found.values())
    study = found["tosem2025"]
    assert {one.table for one in study.latency} == {str(number) for number in range(1, 12)}
    assert {one.table for one in study.kernel_shares} == {str(number) for number in range(12, 18)}


def test_a_cell_is_what_the_study_prints() -> None:
    assert cell(table="1", framework="onnxruntime", processor="cpu", model="mobilenet_v2", stage="prediction") == (
        published.Latency(
            table="1", host="pc", browser="", framework="onnxruntime", backend="native", processor="cpu", setting="",
            model="mobilenet_v2", stage="prediction", latency_ms=2.9,
        )
    )  # fmt: skip


def test_a_model_that_the_study_found_unsupported_has_no_time() -> None:
    where = {"table": "4", "framework": "ortjs", "setting": "discrete", "model": "yolov5m", "stage": "prediction"}
    assert cell(**where).latency_ms is None


@pytest.mark.parametrize(
    ("doubtful", "where"),
    [
        (True, {"table": "2", "setting": "threads", "model": "vgg16"}),
        (False, {"table": "2", "setting": "simd-threads", "model": "vgg16"}),
        (False, {"table": "3", "setting": "threads", "model": "vgg16"}),
        (True, {"table": "8", "framework": "onnxruntime", "processor": "gpu", "model": "efficientdet_d1"}),
        (False, {"table": "8", "framework": "tflite", "processor": "cpu", "model": "efficientdet_d1"}),
        (True, {"table": "3", "setting": "simd", "model": "bert_base"}),
        (True, {"table": "3", "setting": "simd", "model": "bert_small"}),
        (False, {"table": "3", "setting": "simd", "model": "mobilebert"}),
    ],
)
def test_doubtful_times_are_marked(doubtful: bool, where: dict[str, str]) -> None:
    assert bool(published.load("tosem2025").doubts(cell(stage="prediction", **where))) == doubtful


@pytest.mark.parametrize(
    ("doubtful", "where"),
    [
        (True, {"table": "12", "setting": "simd", "kernel": "Einsum"}),
        (False, {"table": "12", "setting": "simd", "kernel": "Slice"}),
        (False, {"table": "12", "setting": "discrete", "kernel": "Einsum"}),
        (False, {"table": "13", "setting": "simd", "kernel": "Einsum"}),
        (True, {"table": "17", "setting": "simd", "kernel": "Slice"}),
    ],
)
def test_doubtful_shares_are_marked(doubtful: bool, where: dict[str, str]) -> None:
    study = published.load("tosem2025")
    found = [one for one in study.kernel_shares if all(getattr(one, k) == v for k, v in where.items())]
    assert [bool(study.doubts(one)) for one in found] == [doubtful]


def test_a_folder_is_read_by_its_path(tmp_path: Path) -> None:
    found = published.load(folder(tmp_path))
    assert (found.name, found.rows, len(found.latency)) == (tmp_path.name, {"latency.csv": 1}, 1)


BROKEN: dict[str, Callable[[Path], object]] = {
    "column missing": lambda path: folder(path, latency=LATENCY.replace(",stage", "") + ROW),
    "column unknown": lambda path: folder(path, latency=LATENCY.replace("table", "tabelle") + ROW),
    "field missing": lambda path: folder(path, latency=LATENCY + "1,pc\n"),
    "no number": lambda path: folder(path, latency=LATENCY + ROW + ROW.replace("2.9", "fast")),
    "not finite": lambda path: folder(path, latency=LATENCY + ROW.replace("2.9", "nan")),
    "negative": lambda path: folder(path, latency=LATENCY + ROW.replace("2.9", "-1")),
    "unknown stage": lambda path: folder(path, latency=LATENCY + ROW.replace("prediction", "cooling")),
    "no row": lambda path: folder(path, latency=LATENCY),
    "empty": lambda path: folder(path, latency=""),
    "file missing": lambda path: folder(path, declared=DECLARED.replace("latency.csv", "times.csv")),
    "path outside": lambda path: folder(path, declared=DECLARED.replace("latency.csv", "../latency.csv")),
    "no source": lambda path: folder(path, declared=DECLARED.replace("citation: C\n", "")),
    "no yaml": lambda path: folder(path, declared="title: ["),
    "doubt about no column": lambda path: folder(
        path, declared=f"{DECLARED}doubts: [{{file: latency.csv, where: {{colour: red}}, reason: R}}]"
    ),
    "doubt about no file": lambda path: folder(
        path, declared=f"{DECLARED}doubts: [{{file: other.csv, where: {{model: m}}, reason: R}}]"
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_bad_input(case: str, tmp_path: Path, pinned: Pinned) -> None:
    BROKEN[case](tmp_path)
    with pinned.raises(BadInput):
        published.load(str(tmp_path))


def test_text_that_is_not_utf8_is_bad_input(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "latency.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput):
        published.load(str(tmp_path))


def test_an_unknown_name_is_bad_input_with_the_known_ones(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        published.load("tosem2024")


def test_a_shipped_reference_without_a_file_is_bad_input(tmp_path: Path) -> None:
    shutil.copytree(Path(published.__file__).parent / "tosem2025", tmp_path / "study")
    (tmp_path / "study" / "qoe.csv").unlink()
    with pytest.raises(BadInput):
        published.load(str(tmp_path / "study"))
