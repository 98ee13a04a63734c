"""The table of a plan, on terminals of several widths."""

from __future__ import annotations

import pytest
from rich.console import Console

from mobilebench.cli import plan_table
from mobilebench.suite import Plan, load
from tests.analysis import example, page_runs
from tests.analysis.page_runs import ORT, WASM, WEBGL, Used, baseline, used

PLACES = ("main", "worker")


def of_pages() -> Plan:
    cases = [baseline("video"), *(used(way, "video", place=place) for way in (WASM, ORT, WEBGL) for place in PLACES)]
    run = page_runs.run({case: [Used()] * 3 for case in reversed(cases)})
    blocks = sorted(run.planned, key=lambda block: (block.round, -block.index))
    return Plan(load("qoe"), (example.host(),), 0, tuple(blocks))


def printed(plan: Plan, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(plan_table, "console", lambda: Console(width=width, highlight=False))
    plan_table.print_plan(plan)
    return capsys.readouterr().out


def test_a_narrow_terminal_has_a_line_for_each_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = of_pages()
    first, _, _, *rows = printed(plan, 80, monkeypatch, capsys).splitlines()
    assert first == "In all cases: target host, browser chrome, precision fp32, batch 1, scenario video."
    assert all(len(row) <= 80 for row in rows)
    shown = [(row.split("  ")[0], row.split()[-2]) for row in rows]
    assert shown == [(block.case.way, block.case.place or "–") for block in plan.blocks[:7]]


def test_a_wide_terminal_has_all_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(of_pages(), 200, monkeypatch, capsys)
    assert "In all cases" not in text
    assert all(word in text for word in plan_table.plan_table(of_pages())[0])
    assert text.count("chrome") == 7


def test_a_single_case_keeps_all_its_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = of_pages()
    text = printed(Plan(plan.suite, plan.targets, 0, plan.blocks[:1]), 80, monkeypatch, capsys)
    assert "In all cases" not in text
    assert "chrome" in text


def test_cases_stand_in_the_order_of_the_plan() -> None:
    plan = of_pages()
    columns, rows = plan_table.plan_table(plan)
    first = list(dict.fromkeys((block.case.engine, block.case.place) for block in plan.blocks))
    engine, place = columns.index("engine"), columns.index("place")
    assert list(dict.fromkeys((row[engine], row[place]) for row in rows)) == first
    assert [row[-1] for row in rows] == [3] * 7
