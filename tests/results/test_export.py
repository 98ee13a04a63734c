from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from mobilebench.errors import BadInput
from mobilebench.results import export
from mobilebench.results.records import Run, Verdict

from .making import failed, host, measured, phone, planned, run_info, unsupported

VIRTUAL = phone("127.0.0.1:5555", virtual=True, soc="virtual: Some CPU", profile_soc="Snapdragon 888")


@pytest.fixture
def run() -> Run:
    plan = [
        planned(0),
        planned(1, target="127.0.0.1:5555"),
        planned(2, engine="ortjs", backend="webgpu", setting="hardware", browser="chrome"),
        planned(3, batch=4),
        planned(4, batch=8),
    ]
    doubtful = Verdict(status="suspect", reasons=["4 threads on 2 cores", "the page was hidden"])
    blocks = [
        measured(plan[0]),
        measured(plan[1]).model_copy(update={"verdict": doubtful}),
        unsupported(plan[2], "there is no GPU"),
        failed(plan[3], "the runner died, twice"),
    ]
    return Run(info=run_info("r1", host(), VIRTUAL), planned=plan, blocks=blocks)


def test_one_row_a_raw_value(run: Run) -> None:
    found = [row for row in export.rows(run) if row["block"] == 0]

    assert [(row["stage"], row["part"], row["position"], row["value_ms"]) for row in found] == [
        ("setup", "library_load", 0, 3.5),
        ("setup", "session_creation", 1, 1.25),
        ("warmup", None, 0, 9.0),
        ("prediction", None, 0, 4.0),
        ("prediction", None, 1, 3.75),
        ("prediction", None, 2, 4.25),
    ]
    assert {row["verdict"] for row in found} == {"valid"}


def test_what_has_no_values_is_still_a_row_that_says_why(run: Run) -> None:
    found = {row["block"]: row for row in export.rows(run) if row["value_ms"] is None}

    assert {index: (row["outcome"], row["reason"]) for index, row in found.items()} == {
        2: ("unsupported", "there is no GPU"),
        3: ("failed", "the runner died, twice"),
        4: ("not measured", None),
    }


def test_a_virtual_phone_is_marked_in_every_row_and_never_filed_under_its_profile(run: Run) -> None:
    for row in export.rows(run):
        assert row["virtual"] is (row["target"] == "127.0.0.1:5555")
        assert "Snapdragon" not in json.dumps(row)
    assert {row["soc"] for row in export.rows(run) if row["virtual"]} == {"virtual: Some CPU"}


def test_csv(run: Run) -> None:
    found = list(csv.DictReader(io.StringIO(export.to_csv(run))))

    assert list(found[0]) == list(export.COLUMNS)
    assert len(found) == len(export.rows(run))
    assert (found[0]["virtual"], found[0]["value_ms"], found[0]["browser"]) == ("false", "3.5", "")
    assert found[0]["weights"] == "seeded"
    assert found[6]["verdict_reasons"] == "4 threads on 2 cores; the page was hidden"


def test_json(run: Run) -> None:
    assert json.loads(export.to_json(run)) == export.rows(run)


def test_the_frame_keeps_types(run: Run) -> None:
    frame = export.to_frame(run)

    assert frame["value_ms"].dtype == "Float64"
    assert frame["virtual"].dtype == "boolean"
    predictions = frame[(frame["stage"] == "prediction") & (frame["target"] == "host")]
    assert predictions["value_ms"].tolist() == [4.0, 3.75, 4.25]
    assert frame["value_ms"].isna().sum() == 3


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_files(run: Run, tmp_path: Path, kind: export.Format) -> None:
    path = tmp_path / f"results.{kind}"
    export.write(run, path, kind)
    if kind == "parquet":
        import pyarrow.parquet as pq

        assert pq.read_table(path).to_pylist() == export.rows(run)
    else:
        assert path.read_text() == (export.to_csv(run) if kind == "csv" else export.to_json(run))


def test_a_file_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        with pytest.raises(BadInput, match="cannot be written"):
            export.write(run, tmp_path / "absent" / "x", kind)


def test_an_empty_run(tmp_path: Path) -> None:
    empty = Run(info=run_info("r1"), planned=[], blocks=[])
    assert export.to_json(empty) == "[]\n"
    assert export.to_csv(empty).splitlines() == [",".join(export.COLUMNS)]
    assert export.to_frame(empty).empty
