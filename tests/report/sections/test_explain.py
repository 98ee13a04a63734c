"""The section of ladders, in the report and for the terminal: factors, marks, and what was not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis.explain import select
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.report import document as doc
from mobilebench.report.sections import explain
from tests.analysis import test_explain as ladders
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.sections import reading


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    """A ladder without its rung in Node, and with one side step."""
    times = {**ladders.RUNGS, replace(ladders.SINGLE, precision="int8"): 1.5}
    return summarise(ladders.run_of(times, outcomes={ladders.IN_NODE: "unsupported"}))


def blocks(summary: RunSummary) -> list[doc.Block]:
    (found,) = select(summary, model="mobilenet_v2")
    return list(explain.blocks(found.ladders[0], "Steps"))


def test_rows_hold_the_factor_and_what_it_makes_so_far(summary: RunSummary) -> None:
    steps, sides = (block for block in blocks(summary) if isinstance(block, doc.Table))
    values = [[doc.as_cell(cell).value for cell in row.cells] for row in steps.rows]
    assert [row[2] for row in values] == [None, *(pytest.approx(one) for one in (1.5, 5, 14 / 15, 8 / 14))]
    assert [row[4] for row in values] == [None, *(pytest.approx(one) for one in (1.5, 7.5, 7, 4))]
    assert [doc.as_cell(row.cells[2]).value for row in sides.rows] == [pytest.approx(0.5)]


def test_only_steps_that_change_several_things_are_marked(summary: RunSummary) -> None:
    steps = next(block for block in blocks(summary) if isinstance(block, doc.Table))
    names = [doc.plain(doc.as_cell(row.cells[0]).text) for row in steps.rows]
    assert [name.endswith("†") for name in names] == [False, False, True, False, False]


def test_the_report_has_it_only_for_a_run_with_a_ladder(summary: RunSummary) -> None:
    (fold,) = reading.only(explain.section, summary).blocks
    assert fold.forms == doc.DOCUMENTS
    pair = summarise(ladders.run_of({ladders.NATIVE: 1.0, ladders.THREADS: 2.0}))
    assert "Why the gap" not in rendering.html(pair)


def test_the_report_shows_it_and_the_terminal_of_a_run_does_not(summary: RunSummary) -> None:
    for text in (rendering.html(summary), rendering.markdown(summary)):
        assert "Why the gap" in text
        assert "There is no such thing here" in text
    assert "Why the gap" not in rendering.terminal(summary)


def test_the_summary_says_what_is_explained(summary: RunSummary, pinned: Pinned) -> None:
    (found,) = select(summary, model="mobilenet_v2")
    pinned(explain.summary(found.ladders[0]))
