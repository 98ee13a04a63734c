"""Gates and stopped attempts in the report: a table of those that are not usual, and `blocks.csv` with all."""

from __future__ import annotations

import csv
import io

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Stopped
from mobilebench.report.sections.attempts import CSV_COLUMNS
from tests.analysis.example import START
from tests.analysis.sustained import GATE, ORT, STEADY, TFLITE, run
from tests.report import rendering

STOPPED = Stopped(started_at=START, ended_at=START, source="skin", celsius=51.0, limit=50.0, gate=GATE)


def rows(text: str | None) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_block_and_every_stopped_attempt_has_a_row() -> None:
    made = summarise(run({TFLITE: STEADY, ORT: STEADY}, stopped=[STOPPED]))
    found = rows(rendering.table(made, "blocks.csv"))
    assert [(row["attempt"], row["status"], row["codes"]) for row in found if row["engine"] == "tflite"] == [
        ("1", "invalid", "stopped-hot"),
        ("2", "valid", ""),
    ]
    assert len(found) == 4
    assert list(found[0]) == list(CSV_COLUMNS)
    assert {(row["gate"], row["gate_waited_s"]) for row in found} == {("open", "42.0")}
    assert {row["stopped_celsius"] for row in found if row["attempt"] == "1"} == {"51.0"}


def test_the_report_shows_who_waited_and_what_was_stopped() -> None:
    text = rendering.markdown(summarise(run({TFLITE: STEADY}, stopped=[STOPPED])))
    assert "Gates and stopped attempts" in text
    assert "stopped-hot" in text
    assert "1 attempt at a block was stopped because of heat" in text
    assert "1 attempt at a block was stopped because of heat" in rendering.terminal(
        summarise(run({TFLITE: STEADY}, stopped=[STOPPED])), 200
    )


def test_blocks_that_waited_for_nothing_are_only_in_the_file() -> None:
    at_once = GATE.model_copy(update={"waited_ms": 0.0})
    made = summarise(run({TFLITE: STEADY}, gate=at_once))
    assert "Gates and stopped attempts" not in rendering.markdown(made)
    assert [row["gate_waited_s"] for row in rows(rendering.table(made, "blocks.csv"))] == ["0.0"]
