"""`mobilebench accuracy`: where latencies and answers come from, and in which forms it answers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from mobilebench.core.errors import MobilebenchError
from mobilebench.results.store import Store
from mobilebench.scenarios.accuracy import detector
from tests.analysis import test_explain as ladders
from tests.cli.command_line import mobilebench
from tests.cli.test_explain import with_proof


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.mark.slow
def test_each_latency_is_a_row() -> None:
    code, out, err = mobilebench("accuracy --latency 0ms,80ms --latency 0.2s --answers truth --resamples 0 --json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["frames"]["count"], found["counts"], found["fps"]) == (300, "own frame", None)
    assert [(one["name"], one["median_ms"]) for one in found["latencies"]] == [("0ms", 0), ("80ms", 80), ("0.2s", 200)]
    none, some, more = (one["metrics"]["mAP@0.5"]["with_reuse"]["value"] for one in found["latencies"])
    assert none == pytest.approx(1)
    assert none > some > more
    assert found["latencies"][0]["frames_reused"] == 0
    assert found["latencies"][1]["metrics"]["top-1"]["lost"]["interval_95"] is None


@pytest.mark.slow
def test_a_table_says_what_it_shows() -> None:
    code, out, _ = mobilebench("accuracy --latency 80ms --answers truth --fps 15 --counts screen --resamples 5")
    assert code == 0
    for text in (
        "points lost",
        "mAP@[.5:.95]",
        "always right",
        "15 frames a second",
        "Counts: screen",
        "5 resamples of 10",
    ):
        assert text in out


@pytest.mark.slow
def test_csv_has_a_row_for_each_metric() -> None:
    code, out, _ = mobilebench("accuracy --latency 80ms --answers truth --resamples 5 --format csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["metric"] for row in rows] == ["top-1", "mAP@0.5", "mAP@[.5:.95]"]
    for row in rows:
        lost = float(row["without_reuse"]) - float(row["with_reuse"])
        assert float(row["lost"]) == pytest.approx(lost)
        assert float(row["lost_low"]) <= float(row["lost_high"])


@pytest.mark.slow
def test_a_written_set_gives_the_same_accuracy(tmp_path: Path) -> None:
    code, out, err = mobilebench(f"accuracy --write-set {tmp_path / 'new'}")
    assert (code, out) == (0, "")
    assert str(tmp_path / "new") in err
    ways = ["accuracy", f"accuracy {tmp_path / 'new'}"]
    first, second = (
        json.loads(mobilebench(f"{way} --latency 80ms --answers truth --resamples 0 --json").out) for way in ways
    )
    assert first["latencies"] == second["latencies"]
    assert mobilebench(f"accuracy --write-set {tmp_path / 'new'}").code == 2


@pytest.mark.slow
def test_samples_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "samples.txt").write_text("80\n\n120.5\n0.1s\n")
    code, out, _ = mobilebench(f"accuracy --samples {tmp_path / 'samples.txt'} --answers truth --resamples 0 --json")
    (found,) = json.loads(out)["latencies"]
    assert (code, found["samples"], found["median_ms"]) == (0, 3, 100)


@pytest.mark.slow
def test_latencies_of_a_run_are_its_raw_predictions(home: Path) -> None:
    run = ladders.run_of(ladders.RUNGS)
    with Store.open(home) as opened:
        opened.create_run(run.info, run.planned)
        for block in run.blocks:
            opened.append(run.info.id, with_proof(block))
    key = run.planned[0].case.key
    code, out, _ = mobilebench("accuracy --from-run last --answers truth --resamples 0 --json")
    everything = json.loads(out)["latencies"]
    code, out, _ = mobilebench(f"accuracy --from-run last --case {key} --answers truth --resamples 0 --json")
    (found,) = json.loads(out)["latencies"]
    assert code == 0
    assert found in everything
    assert len(everything) > 1
    samples = [
        one
        for block in run.blocks
        if block.planned.case.key == key and block.measurement
        for one in block.measurement.prediction_ms
    ]
    assert found["samples"] == len(samples)
    code, _, err = mobilebench("accuracy --from-run last --case host/none --answers truth")
    assert code == 2
    assert "has no case host/none" in err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "No latency was given"),
        ("--latency soon", "is no latency"),
        ("--latency -5ms", "is no latency"),
        ("--latency 2000000s", "longer than an hour"),
        ("--latency 80ms --fps 0", "not possible"),
        ("--latency 80ms --fps nan", "not possible"),
        ("--latency 80ms --case host/x", "Add --from-run"),
        ("--from-run last", "There are no results"),
        ("--samples none.txt", "There is no file"),
        ("none --latency 80ms --answers truth", "There is no folder none"),
        ("--latency 80ms --answers none.csv", "There is no file none.csv"),
        ("none --write-set new", "Leave FRAMES out"),
        (f"{'x' * 300} --latency 80ms --answers truth", "There is no folder xxx"),
        (f"--write-set {'x' * 300}", "File name too long"),
        (f"--latency 80ms --answers {'x' * 300}", "File name too long"),
        (f"--samples {'x' * 300} --answers truth", "File name too long"),
        ("--live --latency 80ms", "at the latencies that it has there"),
        ("my-frames --live", "at the latencies that it has there"),
        ("--live --format csv", "has no CSV"),
    ],
)
def test_bad_input_is_named(line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = mobilebench(f"accuracy {line}")
    assert (code, out) == (2, "")
    assert said in err


def test_samples_without_a_value_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    code, _, err = mobilebench(f"accuracy --samples {tmp_path / 'empty.txt'} --answers truth")
    assert code == 2
    assert "has no latency" in err


@pytest.mark.slow
def test_other_frames_need_answers(tmp_path: Path) -> None:
    assert mobilebench(f"accuracy --write-set {tmp_path / 'new'}").code == 0
    code, _, err = mobilebench(f"accuracy {tmp_path / 'new'} --latency 80ms")
    assert code == 2
    assert "--answers truth" in err


def test_a_detector_that_cannot_be_trained_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "_TRAINER", "tests.no_such_module")
    with pytest.raises(MobilebenchError, match=r"could not be trained: .*no_such_module"):
        detector.train(Path("nowhere"), 0, 1)


def test_without_tensorflow_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector.importlib.util, "find_spec", lambda name: None)
    code, _, err = mobilebench("accuracy --latency 80ms --resamples 0")
    assert code == 2
    assert "mobilebench[models]" in err
