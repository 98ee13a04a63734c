"""Exported tables can be read again, with the same numbers, whichever release wrote them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from mobilebench.core.axes import AXES, OFFERED
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.results import export, exported
from mobilebench.results.columns import SCHEMA
from tests.pinning import Pinned

from . import before_axes
from .making import failed, host, measured, phone, planned, run_info, unsupported

FORMATS = ("csv", "json", "parquet")


@pytest.fixture(scope="module")
def old_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tables that an earlier release exported."""
    folder = tmp_path_factory.mktemp("exports")
    before_axes.unpack_exports(folder)
    return folder


@cache
def read(path: Path) -> pd.DataFrame:
    """An exported table of the earlier release, read once for all tests."""
    return exported.read(path)


def _run() -> Run:
    blocks = [
        measured(planned(0)),
        measured(planned(1, engine="tfjs", backend="wasm", wasm_build="simd", browser="chrome", affinity="none")),
        unsupported(planned(2, target="R58M")),
        failed(planned(3), 'a "quoted", long\nreason'),
    ]
    return Run(info=run_info("r1", host(), phone()), planned=[one.planned for one in blocks], blocks=blocks)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_of_today_is_read_as_it_was_written(tmp_path: Path, kind: export.Format) -> None:
    path = tmp_path / f"results.{kind}"
    export.write(_run(), path, kind)
    pd.testing.assert_frame_equal(exported.read(path), export.to_frame(_run()))
    pd.testing.assert_frame_equal(exported.read(str(path)), export.to_frame(_run()))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("table", export.TABLES)
def test_a_table_without_rows_keeps_its_columns(tmp_path: Path, kind: export.Format, table: export.TableName) -> None:
    empty = Run(info=run_info("r1"), planned=[], blocks=[])
    path = tmp_path / f"empty.{kind}"
    export.write(empty, path, kind, table)
    pd.testing.assert_frame_equal(exported.read(path), export.to_frame(empty, table))


_LATER = ("series", "energy", "attempts", "page_quality")
"""Tables that earlier releases did not have."""


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("table", [name for name in export.TABLES if name not in _LATER])
@pytest.mark.slow
def test_an_export_of_an_earlier_release_has_its_values(
    old_exports: Path, kind: export.Format, table: export.TableName
) -> None:
    before = json.loads((old_exports / f"{table}.json").read_text())
    found = read(old_exports / f"{table}.{kind}")

    says_which = before or kind != "json"
    assert list(found.columns) == list(export.COLUMNS[table if says_which else "samples"])
    for row, old in zip(found.to_dict("records"), before, strict=True):
        kept = {name: value for name, value in old.items() if name not in ("variant", "setting", "backend")}
        assert {name: None if pd.isna(row[name]) else row[name] for name in kept} == kept
        assert row["precision"] == old["variant"]


@pytest.mark.parametrize("kind", FORMATS)
def test_settings_of_an_earlier_release_are_axes(old_exports: Path, kind: export.Format) -> None:
    found = read(old_exports / f"samples.{kind}")
    before = json.loads((old_exports / "samples.json").read_text())

    for row, old in zip(found.to_dict("records"), before, strict=True):
        expected = before_axes.AXES_OF[before_axes.old_key(old)]
        axes = {name: row[name] for name in OFFERED if not pd.isna(row[name])}
        assert axes == {name: value for name, value in expected.items() if name != "backend"}
        assert row["backend"] == expected.get("backend", old["backend"])


@pytest.mark.parametrize("kind", FORMATS)
def test_medians_are_the_same_as_before(old_exports: Path, kind: export.Format) -> None:
    frame = read(old_exports / f"samples.{kind}")
    before = json.loads((old_exports / "samples.json").read_text())
    old_keys = {row["block"]: before_axes.old_key(row) for row in before}
    timed = frame[(frame["pass"] == "timing") & (frame["stage"] == "prediction")]
    timed = timed[timed["verdict"].isin(["valid", "suspect"])]

    compared = 0
    for key, expected in before_axes.STATISTICS.items():
        own = timed[timed["block"].map(old_keys) == key]
        if "prediction" in expected["stages"]:
            numbers = expected["stages"]["prediction"]
            assert own.groupby("block")["value_ms"].median().tolist() == pytest.approx(numbers["blocks"], rel=1e-12)
            assert len(own) == numbers["samples"]
            compared += 1
        else:
            assert own.empty
    assert compared == 10


def test_an_axis_that_an_export_does_not_have_is_at_its_default(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text(
        "run,engine,backend,setting,threads,model,variant,stage,value_ms,part,readback_ms\nr,tfjs,wasm,simd,1,m,int8,warmup,2.5,,\n"
    )
    (row,) = exported.read(path).to_dict("records")
    assert (row["wasm_build"], row["precision"], row["value_ms"]) == ("simd", "int8", 2.5)
    for name in ("batch", "affinity", "caches", "link", "loader", "encoding"):
        assert row[name] == AXES[name].default
    assert pd.isna(row["gpu"])


@pytest.mark.parametrize("kind", FORMATS)
def test_the_version_of_an_export_is_kept(old_exports: Path, tmp_path: Path, kind: export.Format) -> None:
    export.write(_run(), tmp_path / f"x.{kind}", kind, "proof")
    assert set(exported.read(tmp_path / f"x.{kind}")["schema"]) == {SCHEMA}
    assert set(read(old_exports / f"samples.{kind}")["schema"]) == {1}


class TestRefused:
    def test_no_such_file(self, tmp_path: Path, pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            exported.read(tmp_path / "absent.csv")

    def test_another_ending(self, tmp_path: Path, pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            exported.read(tmp_path / "results.xlsx")

    @pytest.mark.parametrize(
        ("name", "text"), [("newer.csv", "schema,dish\n3,soup\n"), ("newer.json", '[{"schema": 3, "dish": "soup"}]')]
    )
    def test_a_newer_schema(self, tmp_path: Path, name: str, text: str, pinned: Pinned) -> None:
        (tmp_path / name).write_text(text)
        with pinned.raises(BadInput):
            exported.read(tmp_path / name)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("columns.csv", "dish,time\nsoup,5\n"),
            ("empty.csv", ""),
            ("columns.json", '[{"dish": "soup"}]'),
            ("object.json", '{"run": "r"}'),
            ("cut.json", '[{"run": "r"'),
            ("cut.csv", "run,stage,value_ms,readback_ms\nr,warmup\n"),
            ("number.csv", "run,stage,value_ms,readback_ms\nr,warmup,much,\n"),
            ("truth.csv", "run,virtual,stage,value_ms,readback_ms\nr,perhaps,warmup,1,\n"),
            ("cut.parquet", "PAR1"),
            ("binary.csv", "\udcff"),
        ],
    )
    def test_something_else(self, tmp_path: Path, name: str, text: str, pinned: Pinned) -> None:
        path = tmp_path / name
        path.write_bytes(text.encode(errors="surrogateescape"))
        with pinned.raises(BadInput):
            exported.read(path)
