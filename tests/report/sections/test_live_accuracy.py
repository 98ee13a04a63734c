"""A live run in the report: live beside simulated, in each form."""

from __future__ import annotations

import csv
import io
from functools import cache

import pytest

from mobilebench.analysis.live_accuracy import live_accuracies
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.report import csv_files, html, markdown
from mobilebench.report.compose import document
from mobilebench.report.sections import live_accuracy
from tests.report import rendering
from tests.report.sections import reading
from tests.results.making import host
from tests.reuse.made_live import run_of, watched

pytestmark = pytest.mark.slow


@cache
def summary(void: bool = False) -> RunSummary:
    from dataclasses import replace

    one = watched([80.0, 31.25], [120.0], **({"set_sha256": "0" * 64} if void else {}))
    run, _ = run_of(one, host())
    return replace(summarise(run), live=live_accuracies([one], resamples=10))


def test_a_run_without_a_live_run_has_no_section() -> None:
    run, _ = run_of(watched([80.0]), host())
    assert live_accuracy.section(reading.run_view(summarise(run))) is None
    assert live_accuracy.data(reading.run_view(summarise(run))) is None


def test_live_stands_beside_simulated() -> None:
    section = live_accuracy.section(reading.run_view(summary()))
    assert section is not None
    rows = reading.rows(section, "live-accuracy")
    assert [row["Metric"] for row in rows] == ["top-1", "mAP@0.5", "mAP@[.5:.95]"]
    for row in rows:
        assert row["Without reuse"].startswith("100.0")
        assert row["Live"] == row["Simulated"]
        assert row["Difference"].startswith("0.0")
        assert row["Live and simulated"] == "agree"
    text = reading.words(section)
    for words in ("2 repetitions", "0 of", "ortjs 1.29.0", "The page did not have the focus", "10 resamples"):
        assert words in text


def test_all_forms_show_it() -> None:
    made = document(summary())
    assert made.title == "moving_shapes on this computer"
    for text in (html.render(made), markdown.render(made), rendering.terminal(summary())):
        assert "Accuracy, live and simulated" in text
        assert "Nothing was measured" not in text
        assert "The live run agrees with the simulation" in text


def test_its_csv_has_a_row_for_each_metric() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_files.render(document(summary()))["live_accuracy.csv"])))
    assert [row["metric"] for row in rows] == ["top-1", "mAP@0.5", "mAP@[.5:.95]"]
    for row in rows:
        assert float(row["live"]) == float(row["simulated"]) < float(row["without_reuse"]) == 1
        assert float(row["live_low"]) <= float(row["live"]) <= float(row["live_high"])
        assert (row["agree"], row["repetitions"], row["frames"], row["void"]) == ("true", "2", "600", "")
        assert row["frames_reused"] == row["frames_reused_simulated"] != "0"


def test_one_that_cannot_be_judged_says_why_and_has_no_number() -> None:
    text = reading.words(live_accuracy.section(reading.run_view(summary(void=True))))
    assert "Void: Its set of frames" in text
    (row,) = reading.csv_rows(live_accuracy.data, summary(void=True))
    assert (row["live"], row["frames"]) == (None, None)
    assert "not the one" in row["void"]
