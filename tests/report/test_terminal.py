"""The terminal's renderer: tables that fit, and no text of a device that steers the terminal."""

from __future__ import annotations

import re

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Run
from mobilebench.report import document as doc
from mobilebench.report.compose import document
from tests.analysis import example, pages, watching
from tests.report import rendering
from tests.report.hostile import hostile_run
from tests.results.making import planned, run_info, unsupported


def terminal(width: int, *, colour: bool = False, hostile: bool = False) -> str:
    summary = summarise(hostile_run() if hostile else example.example_run())
    return rendering.terminal(summary, width, colour=colour)


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_table_fits(width: int) -> None:
    text = terminal(width)
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"^ tfjs wasm simd-threads +2 ", text, re.MULTILINE)
    assert "prediction" in text
    assert "unsupported" in text
    assert "…" not in text


def test_the_terminal_says_verdicts_and_virtual_in_words() -> None:
    text = terminal(100)
    assert text.count("VIRTUAL ") == 2
    for word in ("valid", "suspect", "invalid", "failed", "unsupported", "no GPU", "22 valid, 2 suspect"):
        assert word in text


def test_a_device_cannot_steer_the_terminal() -> None:
    text = terminal(100, colour=True, hostile=True)
    assert "\x1b]" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_reason_that_several_models_share_is_told_once() -> None:
    plan = [
        planned(number, model=name, threads=threads)
        for number, (name, threads) in enumerate([("a", 1), ("b", 1), ("a", 2)])
    ]
    blocks = [unsupported(block, "there is no GPU") for block in plan]
    text = rendering.terminal(summarise(Run(info=run_info("r1"), planned=plan, blocks=blocks)), 160)
    told = [line for line in text.splitlines() if "there is no GPU" in line and "frequent" not in line]
    assert told == ["unsupported tflite cpu xnnpack, a, b: there is no GPU"]


@pytest.mark.slow
def test_tables_of_all_passes_fit_into_80_columns() -> None:
    for run in (watching.watched_run(), pages.page_run()):
        assert max(map(len, rendering.terminal(summarise(run)).splitlines())) <= 80


@pytest.mark.slow
def test_every_section_that_has_something_for_the_terminal_is_made_for_it() -> None:
    for run in (watching.watched_run(), pages.page_run(), example.example_run(rounds=3)):
        whole = document(summarise(run))
        shown = {section.name for section in whole.sections if doc.appears(section, "terminal")}
        assert shown == {"findings", "measurements", "closing"}


def test_the_table_has_the_interval_when_there_are_three_blocks_and_else_the_range() -> None:
    three = rendering.terminal(summarise(example.example_run(rounds=3)))
    assert len(re.findall(r"95 % interval verdict *$", three, re.MULTILINE)) == 3
    assert not re.search(r" blocks verdict", three)
    two = terminal(80)
    assert len(re.findall(r" blocks verdict *$", two, re.MULTILINE)) == 3
    assert "95 % interval verdict" not in two
