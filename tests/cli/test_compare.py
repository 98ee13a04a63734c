"""`mobilebench compare` and `mobilebench history`, as they are typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.results.store import Store
from tests.analysis.runs import ORT, SIMD, TFLITE, add, run_of, stored, times
from tests.cli.command_line import mobilebench


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: the second one is like the first, in the third one TensorFlow Lite is twice as slow."""
    same = {TFLITE: times(), ORT: times()}
    return stored(tmp_path_factory.mktemp("store"), same, same, {TFLITE: times(2), ORT: times(), SIMD: times()})


def test_a_change_is_shown_and_is_no_error(folder: Path) -> None:
    code, out, err = mobilebench(f"compare last~1 last --out {folder}")
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith("Changes between two runs: from run-2 ")
    assert "Prediction: 1 slower in 2 cases." in out


@pytest.mark.parametrize(
    ("runs", "limit", "code"),
    [
        ("last~1 last", "prediction > 5%", ExitCode.SLOWER),
        ("last~1 last", "prediction > 500%", ExitCode.OK),
        ("run-1 run-2", "prediction > 0%", ExitCode.OK),
        ("last last~1", "prediction > 5%", ExitCode.OK),
        ("last~1 last", "prediction > five%", ExitCode.BAD_INPUT),
    ],
)
def test_a_limit_decides_the_exit_code(folder: Path, runs: str, limit: str, code: ExitCode) -> None:
    assert mobilebench(f"compare {runs} --fail-if '{limit}' --out {folder}").code == code


def test_files_are_written_even_if_a_limit_is_broken(folder: Path, tmp_path: Path) -> None:
    line = f"compare last~1 last --fail-if 'prediction > 5%' --fail-if 'setup > 5%' --out {folder}"
    code, out, _ = mobilebench(f"{line} --junit {tmp_path}/c.xml --markdown {tmp_path}/c.md --json")
    assert code == ExitCode.SLOWER
    assert json.loads(out)["stages"] == ["prediction", "setup"]
    suite = ElementTree.fromstring((tmp_path / "c.xml").read_text().split("?>", 1)[1]).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("errors")) == ("4", "0")
    assert "| tflite cpu xnnpack, 2 threads |" in (tmp_path / "c.md").read_text()


def test_a_file_that_cannot_be_written_is_bad_input(folder: Path, tmp_path: Path) -> None:
    assert mobilebench(f"compare last~1 last --out {folder} --junit {tmp_path}/none/c.xml").code == ExitCode.BAD_INPUT


def test_filters_narrow_what_is_compared(folder: Path) -> None:
    out = mobilebench(f"compare last~1 last --out {folder} --engine onnxruntime --json").out
    assert [case["after"] for case in json.loads(out)["cases"]] == [ORT.key]
    assert mobilebench(f"compare last~1 last --out {folder} --model resnet50").code == ExitCode.BAD_INPUT


def test_another_store_is_named_by_its_folder(folder: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        add(store, run_of(9, {TFLITE: times(40)}))
    out = mobilebench(f"compare {folder}:run-1 {tmp_path}:last --json").out
    assert json.loads(out)["cases"][0]["stages"]["prediction"]["call"] == "slower"


@pytest.mark.parametrize("arguments", ["last", "last last", "last~9 last", "last~1 last --across threads"])
def test_bad_input(folder: Path, arguments: str) -> None:
    assert mobilebench(f"compare {arguments} --out {folder}").code == ExitCode.BAD_INPUT


def test_a_history_in_every_form(folder: Path, tmp_path: Path) -> None:
    line = f"history --engine tflite --out {folder}"
    code, out, _ = mobilebench(line)
    assert code == ExitCode.OK
    assert [word for word in out.split() if word.startswith("run-")] == ["run-1", "run-2", "run-3"]
    (made,) = json.loads(mobilebench(f"{line} --json").out)
    assert made["case"] == TFLITE.key
    assert [run["call"] for run in made["runs"]] == [None, "no change", "slower"]
    assert mobilebench(f"{line} --format csv --file {tmp_path}/h.csv").out == ""
    rows = list(csv.DictReader((tmp_path / "h.csv").open(newline="")))
    assert rows == list(csv.DictReader(mobilebench(f"{line} --format csv").out.splitlines()))
    assert [float(row["value_ms"]) for row in rows] == pytest.approx([run["value_ms"] for run in made["runs"]])


def test_a_history_is_drawn(folder: Path) -> None:
    code, out, _ = mobilebench(f"history {TFLITE.key} --figures svg --out {folder}")
    (file,) = (folder / "history").iterdir()
    assert code == ExitCode.OK
    assert str(file.parent) in out.replace("\n", "")
    assert file.suffix == ".svg"
    assert TFLITE.model in file.read_text()
    assert mobilebench(f"history {TFLITE.key} --figures gif --out {folder}").code == ExitCode.BAD_INPUT


def test_a_history_of_one_case_and_the_list_of_all(folder: Path) -> None:
    (made,) = json.loads(mobilebench(f"history {SIMD.key} --json --out {folder}").out)
    assert [run["run"] for run in made["runs"]] == ["run-3"]
    listed = {one["case"]: one["runs"] for one in json.loads(mobilebench(f"history --json --out {folder}").out)}
    assert listed == {TFLITE.key: 3, ORT.key: 3, SIMD.key: 1}
    assert TFLITE.key in mobilebench(f"history --out {folder}").out.replace("\n", "")


def test_an_unknown_case_or_stage_is_bad_input(folder: Path) -> None:
    assert mobilebench(f"history no/such/case --out {folder}").code == ExitCode.BAD_INPUT
    assert mobilebench(f"history --engine tflite --stage speed --out {folder}").code == ExitCode.BAD_INPUT
