from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis.contexts import ContextRatio, context_ratios
from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Case, Measurement, PlannedBlock, Run
from tests.analysis import example
from tests.analysis.test_gaps import answer

SHELL = example.case(example.PHONES[0].id, "onnxruntime", "", threads=1)
FRONT = replace(SHELL, context="app-foreground")
SERVICE = replace(SHELL, context="app-service")
PAGE = example.case(example.PHONES[0].id, "tfjs", "simd", threads=1)


def measured(*blocks: tuple[Case, int, Measurement]) -> Run:
    plans = [PlannedBlock(index=n, round=r, case=c, rule=example.RULE) for n, (c, r, _) in enumerate(blocks)]
    made = [example.measured(plan, found) for plan, (_, _, found) in zip(plans, blocks, strict=True)]
    return Run(info=example.info([example.PHONES[0]]), planned=plans, blocks=made)


def timed(case: Case, *predictions: float) -> list[tuple[Case, int, Measurement]]:
    return [(case, number, answer(case, prediction)) for number, prediction in enumerate(predictions, 1)]


def ratios(*blocks: tuple[Case, int, Measurement]) -> tuple[ContextRatio, ...]:
    (target,) = summarise(measured(*blocks)).targets
    return context_ratios(target.cases)


def test_ratios_of_app_over_shell_pair_within_rounds() -> None:
    found = ratios(*timed(SHELL, 10, 20, 40), *timed(FRONT, 11, 22, 44), *timed(SERVICE, 20, 40, 80))
    assert {one.app.case.context: one.ratios["prediction"].value for one in found} == {
        "app-foreground": pytest.approx(1.1),
        "app-service": pytest.approx(2.0),
    }
    assert all(one.ratios["prediction"].rounds == 3 and one.refusal is None for one in found)
    assert all(one.ratios["prediction"].interval is not None for one in found)


def test_a_case_without_its_counterpart_from_a_shell_is_not_compared() -> None:
    assert ratios(*timed(replace(SHELL, threads=2), 10), *timed(FRONT, 11)) == ()


def test_another_version_of_the_engine_is_refused() -> None:
    shell = answer(SHELL, 10)
    (found,) = ratios((SHELL, 1, shell), (FRONT, 1, answer(FRONT, 11).model_copy(update={"version": "0.1"})))
    assert found.ratios == {}
    assert found.refusal is not None and found.refusal.startswith("engine version")


def test_pages_are_compared_with_shells_only() -> None:
    (group,) = gaps(summarise(measured(*timed(SHELL, 10), *timed(FRONT, 5), *timed(PAGE, 30))))
    assert [gap.native.context for gap in group.gaps] == ["shell"]
