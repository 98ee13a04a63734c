"""Reasons whose causes anybody can bring about on this computer: what is asked for, and how often it is measured."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.suite import Plan
from tests.session.fakes import SUITE

pytestmark = [pytest.mark.build, pytest.mark.timeout(240)]

CASE = Case(
    target="host", engine="tflite", backend="cpu", delegate="xnnpack", arithmetic="fp32", threads=1, model="bert_small"
)
SLEEP = Case(target="host", engine="sleep", backend="cpu", threads=1, model="bert_small")
RULE = BlockRule(min_predictions=3, max_predictions=5, max_seconds=1)


def codes(folder: Path, case: Case, blocks: int = 1, within: float | None = None) -> set[str]:
    """What the rules say of a case and its blocks."""
    (info,) = targets.select("host")
    planned = tuple(PlannedBlock(index=number, round=number, case=case, rule=RULE) for number in range(blocks))
    suite = SUITE.model_copy(update={"within": within, "budget": 1.0 if within else None})
    with Store.open(folder) as store:
        request = RunRequest(Plan(suite=suite, targets=(info,), seed=0, blocks=planned), (info,))
        result = run(request, store, on_event=lambda event: None, cancel=threading.Event())
        (of_target,) = summarise(store.load(result.run_id)).targets
        (of_case,) = of_target.cases
        return set(of_case.codes.values())


def test_an_engine_that_computes_nothing_and_is_measured_once(tmp_path: Path) -> None:
    assert codes(tmp_path, SLEEP) >= {"computes-nothing", "too-few-blocks"}


def test_more_threads_than_this_computer_has_cores(tmp_path: Path) -> None:
    (info,) = targets.select("host")
    assert "more-threads-than-cores" in codes(tmp_path, replace(CASE, threads=info.cores + 1))


def test_an_interval_that_cannot_be_as_narrow_as_asked(tmp_path: Path) -> None:
    assert "interval-wide" in codes(tmp_path, CASE, blocks=3, within=1e-6)
