"""What is called a change between two runs, and what is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mobilebench.analysis.compare import Call, Comparison, StageChange, across, compare, limit, stages_of
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Case, Run, Stopped, Verdict
from tests.analysis import example
from tests.analysis.runs import ORT, SIMD, TFLITE, run_of, times
from tests.pinning import Pinned

OLD = replace(SIMD, engine="tfjs@4.2")


def compared(before: Run, after: Run, earlier: Sequence[Run] = (), **options: Any) -> Comparison:
    return compare(summarise(before), summarise(after), earlier=[summarise(run) for run in earlier], **options)


def prediction(comparison: Comparison, number: int = 0) -> StageChange:
    return comparison.cases[number].stages["prediction"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factor", "call"), [(1.5, "slower"), (0.5, "faster"), (1.0, "no change"), (1.02, "no change")]
)
def test_a_change_is_called_if_it_is_larger_than_runs_vary(factor: float, call: Call) -> None:
    found = prediction(compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(factor)})))
    assert found.call == call
    assert found.ratio == pytest.approx(factor)
    assert found.interval is not None
    assert found.interval.holds(factor)
    assert (found.before_ms, found.after_ms) == (pytest.approx(10, rel=0.01), pytest.approx(10 * factor, rel=0.01))


@pytest.mark.slow
def test_earlier_runs_that_vary_little_show_smaller_changes_and_those_that_vary_much_hide_them() -> None:
    before, after = run_of(30, {TFLITE: times()}), run_of(31, {TFLITE: times(1.06)})
    steady = [run_of(number, {TFLITE: times(1 + 0.001 * (number % 3))}) for number in range(20)]
    unsteady = [run_of(number, {TFLITE: times(1 + 0.1 * (number % 3))}) for number in range(20)]
    assert prediction(compared(before, after)).call == "no change"
    assert prediction(compared(before, after, steady)).call == "slower"
    found = prediction(compared(before, run_of(31, {TFLITE: times(1.15)}), unsteady))
    assert found.call == "no change"
    assert found.between is not None
    assert (found.between.runs, found.between.deviation) == (21, pytest.approx(0.07, abs=0.02))


def test_earlier_runs_with_another_version_do_not_count() -> None:
    before, after = run_of(30, {TFLITE: times()}), run_of(31, {TFLITE: times()})
    earlier = [run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(3)}, version="1.0.0")]
    found = prediction(compared(before, after, earlier)).between
    assert found is not None
    assert found.runs == 2


def test_the_correction_covers_every_case_and_stage() -> None:
    both = {TFLITE: times(), ORT: times()}
    changed = {TFLITE: times(1.2), ORT: times()}
    one = prediction(compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(1.2)})))
    two = compared(run_of(1, both), run_of(2, changed))
    found = next(case for case in two.cases if case.after == TFLITE).stages["prediction"]
    assert found.p == pytest.approx(one.p)
    assert found.p is not None
    assert found.corrected_p == pytest.approx(2 * found.p)
    six = compared(run_of(1, both), run_of(2, changed), stages=("prediction", "warmup", "setup"))
    every = [stage.corrected_p for _, stage in six.changes]
    assert len(every) == 6
    assert min(one or 0 for one in every) > 2 * found.p


@pytest.mark.slow
def test_equal_runs_are_called_changed_in_at_most_one_family_of_twenty() -> None:
    rng = random.Random(5)

    def noisy(number: int) -> RunSummary:
        level = rng.gauss(0, 0.02)
        cases = {case: [10 * (1 + level + rng.gauss(0, 0.01)) for _ in range(3)] for case in (TFLITE, ORT, SIMD)}
        return summarise(run_of(number, cases))

    runs = [noisy(number) for number in range(100)]
    families = [compare(before, after) for before, after in zip(runs[::2], runs[1::2], strict=True)]
    called = sum(any(stage.call != "no change" for _, stage in family.changes) for family in families)
    assert called <= 0.05 * len(families)


@pytest.mark.parametrize("side", [0, 1])
def test_fewer_than_three_blocks_cannot_be_told(side: int, pinned: Pinned) -> None:
    counts = [5, 5]
    counts[side] = 2
    found = prediction(compared(*(run_of(n, {TFLITE: times(n + 1, count)}) for n, count in enumerate(counts))))
    assert (found.call, found.ratio, found.interval, found.corrected_p) == ("cannot be told", None, None, None)
    assert found.before_ms is not None
    assert found.after_ms is not None
    pinned(found.reason)


def test_an_invalid_case_cannot_be_told(pinned: Pinned) -> None:
    wrong = run_of(2, {TFLITE: times()})
    blocks = [
        block.model_copy(update={"verdict": Verdict(status="invalid", reasons=["Wrong."])}) for block in wrong.blocks
    ]
    found = prediction(compared(run_of(1, {TFLITE: times()}), wrong.model_copy(update={"blocks": blocks})))
    assert (found.call, found.after_ms) == ("cannot be told", None)
    pinned(found.reason)


def test_a_run_that_was_only_planned_cannot_be_told(pinned: Pinned) -> None:
    planned = run_of(2, {TFLITE: times()}).model_copy(update={"blocks": []})
    found = prediction(compared(run_of(1, {TFLITE: times()}), planned))
    assert found.call == "cannot be told"
    pinned(found.reason)


def test_times_of_zero_cannot_be_told() -> None:
    found = prediction(compared(run_of(1, {TFLITE: [0.0] * 3}), run_of(2, {TFLITE: times()})))
    assert found.call == "cannot be told"
    assert found.reason


def test_cases_of_only_one_run_are_listed() -> None:
    found = compared(run_of(1, {TFLITE: times(), ORT: times()}), run_of(2, {TFLITE: times(), SIMD: times()}))
    assert [case.after for case in found.cases] == [TFLITE]
    assert (found.only_before, found.only_after) == ((ORT,), (SIMD,))


def test_runs_without_a_common_case_are_refused(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        compared(run_of(1, {TFLITE: times()}), run_of(2, {ORT: times()}))
    with pinned.raises(BadInput):
        compared(run_of(1, {SIMD: times()}), run_of(2, {OLD: times()}))


def test_a_run_is_not_compared_with_itself_without_saying_what(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        compared(run_of(1, {TFLITE: times()}), run_of(1, {TFLITE: times()}))


def test_another_machine_is_refused_with_the_fact(pinned: Pinned) -> None:
    other = example.host().model_copy(update={"machine": "ba9876543210", "soc": "Another CPU"})
    with pinned.raises(BadInput):
        compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times()}, target=other))


def test_another_target_is_refused_with_the_fact(pinned: Pinned) -> None:
    phone = example.PHONES[0]
    there = replace(TFLITE, target=phone.id)
    with pinned.raises(BadInput):
        compared(run_of(1, {TFLITE: times()}), run_of(2, {there: times()}, target=phone))


def test_one_refused_case_leaves_the_others() -> None:
    before, after = (run_of(number, {TFLITE: times(), SIMD: times()}) for number in (1, 2))
    shared = [
        block.model_copy(
            update={
                "measurement": block.measurement.model_copy(
                    update={"proof": block.measurement.proof.model_copy(update={"cross_origin_isolated": False})}
                )
            }
        )
        if block.measurement and block.planned.case == SIMD
        else block
        for block in after.blocks
    ]
    found = compared(before, after.model_copy(update={"blocks": shared}))
    assert {case.after: case.refusal for case in found.cases} == {
        TFLITE: None,
        SIMD: "cross-origin isolation: yes against no.",
    }
    assert len(found.changes) == 1


def test_versions_that_differ_are_named_and_compared() -> None:
    found = compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(2)}, version="2.19.0"))
    assert prediction(found).call == "slower"
    assert [(one.change, count) for one, count in found.differences] == [("engine version 2.18.0 → 2.19.0", 1)]


def test_releases_are_compared_within_one_run_by_rounds() -> None:
    drifting = [8.0, 12.0, 20.0, 9.0, 15.0]
    run = run_of(1, {OLD: drifting, SIMD: [1.4 * value for value in drifting], ORT: times()})
    blocks = [
        block.model_copy(update={"measurement": block.measurement.model_copy(update={"version": "4.2.0"})})
        if block.measurement and block.planned.case == OLD
        else block
        for block in run.blocks
    ]
    found = compared(
        run.model_copy(update={"blocks": blocks}), run.model_copy(update={"blocks": blocks}), across="engine"
    )
    (case,) = found.cases
    assert (found.kind, case.before, case.after) == ("releases", OLD, SIMD)
    assert (prediction(found).call, prediction(found).ratio, prediction(found).between) == (
        "slower",
        pytest.approx(1.4),
        None,
    )
    assert "engine version" in {one.field for one, _ in found.differences}
    assert (found.only_before, found.only_after) == ((ORT,), ())


def test_releases_are_compared_between_runs() -> None:
    found = compared(run_of(1, {OLD: times()}, version="4.2.0"), run_of(2, {SIMD: times(0.5)}), across="engine")
    assert prediction(found).call == "faster"
    assert [one.field for one, _ in found.differences][:2] == ["release", "engine version"]


@pytest.mark.parametrize(("name", "other"), [("engine", ORT), ("browser", TFLITE), ("target", TFLITE)])
def test_nothing_that_differs_only_so_is_refused(name: str, other: Case, pinned: Pinned) -> None:
    run = run_of(1, {SIMD: times(), other: times()})
    with pinned.raises(BadInput):
        compared(run, run, across=name)


def test_browsers_and_targets_are_compared() -> None:
    firefox = replace(SIMD, browser="firefox")
    run = run_of(1, {SIMD: times(), firefox: times(2)})
    assert [(case.before, case.after) for case in compared(run, run, across="browser").cases] == [(SIMD, firefox)]
    phone = example.host().model_copy(update={"id": "phone", "machine": "phone", "soc": "A SoC"})
    there = run_of(2, {replace(TFLITE, target="phone"): times(3)}, target=phone)
    found = compared(run_of(1, {TFLITE: times()}), there, across="target")
    assert (found.kind, prediction(found).call) == ("targets", "slower")
    assert {"target", "machine", "SoC"} <= {one.field for one, _ in found.differences}


def test_changes_of_all_cases_together_are_pointed_out() -> None:
    cases = [TFLITE, ORT, SIMD, replace(TFLITE, model="bert_small")]
    before = run_of(1, dict.fromkeys(cases, times()))
    assert compared(before, run_of(2, dict.fromkeys(cases, times(1.5)))).together == pytest.approx(1.5)
    assert compared(before, run_of(2, dict.fromkeys(cases, times()))).together is None
    assert compared(before, run_of(2, {**dict.fromkeys(cases, times(1.5)), ORT: times(0.9)})).together is None


@pytest.mark.parametrize(("factor", "broken"), [(1.04, 0), (1.08, 0), (1.3, 1), (0.5, 0)])
def test_a_limit_is_broken_only_for_sure(factor: float, broken: int) -> None:
    found = compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(factor)}))
    assert len(limit("prediction > 5%").on(found).broken) == broken


def test_a_limit_of_another_stage_is_not_broken() -> None:
    found = compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times(9)}))
    assert limit("setup > 5%").on(found).broken == ()


@pytest.mark.parametrize("text", ["prediction > 5%", "  setup>0.5 %"])
def test_limits_as_they_are_typed(text: str) -> None:
    found = limit(text)
    assert (found.stage, found.share) in [("prediction", 0.05), ("setup", 0.005)]


@pytest.mark.parametrize(
    "text", ["", "prediction", "prediction < 5%", "speed > 5%", "prediction > -5%", "prediction > 5"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        limit(text)


def test_stages_by_name(pinned: Pinned) -> None:
    assert stages_of([]) == ("prediction",)
    assert stages_of(["all"]) == ("prediction", "warmup", "setup")
    assert stages_of(["warmup"], [limit("setup > 5%")]) == ("warmup", "setup")
    with pinned.raises(BadInput):
        stages_of(["everything"])
    with pinned.raises(BadInput):
        across("threads")


def test_attempts_that_were_stopped_are_counted_for_both_runs() -> None:
    attempt = Stopped(started_at=example.START, ended_at=example.START, source="skin", celsius=51.0, limit=50.0)
    after = run_of(2, {TFLITE: times()})
    first, *others = after.blocks
    after = after.model_copy(update={"blocks": [first.model_copy(update={"stopped": [attempt] * 2}), *others]})
    assert compared(run_of(1, {TFLITE: times()}), after).stopped == (0, 2)
