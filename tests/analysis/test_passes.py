"""What is timed and what is watched are told apart."""

from __future__ import annotations

import random

import pytest

from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.stage_parts import costs
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Run, Verdict
from tests.analysis import example, watching

CASE = example.case("host", "tflite", "xnnpack")


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return summarise(watching.watched_run())


def test_watching_changes_no_stage_and_no_verdict(summary: RunSummary) -> None:
    plain = summarise(example.example_run())
    for target, alone in zip(summary.targets, plain.targets, strict=True):
        for with_passes, without in zip(target.cases, alone.cases, strict=True):
            assert with_passes.stages == without.stages
            assert with_passes.status == without.status
    assert summary.counts == plain.counts
    assert summary.planned_blocks > plain.planned_blocks


def test_each_pass_has_its_own_verdict_and_reason(summary: RunSummary) -> None:
    phone = next(target for target in summary.targets if target.info.id == example.PHONES[1].id)
    case = next(case for case in phone.cases if case.case.engine == "onnxruntime")
    assert case.status == "valid"
    assert case.watched["kernels"].status == "unsupported"
    assert case.watched["kernels"].reasons == ("onnxruntime: this library was built without its profiler.",)
    assert case.watched["memory"].status == "valid"
    assert summary.watched["kernels"]["unsupported"] == 2
    assert summary.watched["memory"]["failed"] == 2


def test_a_run_that_only_watches_is_not_called_unmeasured() -> None:
    plan = watching.planned_pass(0, CASE, "kernels")
    answer = watching.kernels_answer(CASE, random.Random(1))
    block = example.measured(plan, answer, verdict=Verdict(status="suspect", reasons=["Hot."]))
    found = summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[block]))
    (case,) = found.targets[0].cases
    assert not case.timed
    assert (case.status, case.reasons, case.stages, case.blocks) == ("suspect", ("Hot.",), {}, ())
    assert case.measurement is answer
    (group,) = gaps(found)
    assert group.gaps == ()


def test_a_planned_pass_that_was_never_reached_says_so() -> None:
    plan = watching.planned_pass(0, CASE, "memory")
    (case,) = summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[])).targets[0].cases
    assert case.status == case.watched["memory"].status == "not measured"


def test_costs_are_those_of_one_prediction(summary: RunSummary) -> None:
    case = next(case for case in summary.targets[0].cases if case.case == CASE)
    cost = case.costs["prediction"]
    assert (cost.user_ms, cost.cpu_ms, cost.minor_faults, cost.voluntary_switches) == (12.0, 12.2, 2.0, 30.0)
    assert cost.busy_cores == pytest.approx(12.2 / case.stages["prediction"].median, rel=0.1)
    assert case.costs["setup"].minor_faults == 5200


def test_costs_of_grouped_predictions_are_of_one_prediction_too() -> None:
    made = example.measurement(CASE, example.SHAPES["tflite", "xnnpack"], random.Random(1), count=4)
    grouped = made.model_copy(
        update={"cost": watching.COST, "predictions_per_sample": 5, "prediction_ms": [2.0, 2.0, 2.0, 2.0]}
    )
    cost = costs([grouped])["prediction"]
    assert cost.user_ms == 240 / 20
    assert cost.busy_cores == pytest.approx(244 / 40)


def test_groups_of_predictions_are_told() -> None:
    plans = [example.PlannedBlock(index=0, round=1, case=CASE, rule=example.RULE)]
    answer = example.measurement(CASE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    block = example.measured(plans[0], answer.model_copy(update={"predictions_per_sample": 8}))
    (case,) = summarise(Run(info=example.info([example.host()]), planned=plans, blocks=[block])).targets[0].cases
    assert case.predictions_per_sample == 8
