"""Pages that are used: whether they inferred as asked, by the raw times."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.page_quality import Inferring, PageState, ScenarioResult, Void
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.verdicts.findings import Around
from mobilebench.verdicts.rules import judge

from ..results.making import host, measurement
from ..scenarios.made import result

FRAMES = [float(at) for at in range(0, 30_000, 16)]


def case(**changed: Any) -> Case:
    usual: dict[str, Any] = {
        "target": "host",
        "engine": "tfjs",
        "backend": "wasm",
        "wasm_build": "simd",
        "threads": 1,
        "browser": "chrome",
        "model": "m",
        "scenario": "video",
        "duty": 50,
        "place": "main",
    }
    return Case(**{**usual, **changed})


def baseline() -> Case:
    return case(engine="page", backend="none", wasm_build=None, model="none", duty=0, place=None)


def inferred(ms: float, every_ms: float, *, seconds: float = 30, **changed: Any) -> tuple[list[float], ScenarioResult]:
    """The times of inferences of `ms`, one of which begins every `every_ms`, and what was recorded beside them."""
    starts = [at * every_ms for at in range(int(seconds * 1000 / every_ms))]
    used = {"seconds": seconds, "duration_ms": seconds * 1000, "frames_ms": FRAMES, **changed}
    return [ms] * len(starts), result(**{"inferring": Inferring(start_ms=starts), **used})


def codes(of: Case, times: list[float], used: ScenarioResult | None, **proof: Any) -> set[str]:
    """The codes of the verdict but for those of proofs that these tests do not make."""
    seen = {"backend": of.backend, "threads": of.threads, "runs_in": "main thread", "visible": True, "focused": True}
    found = measurement(engine=of.engine, version="4.22.0", prediction_ms=times, proof={**seen, **proof})
    planned = PlannedBlock(index=0, round=0, case=of, rule=BlockRule(min_predictions=2))
    verdict = judge(planned, found, host(), None, around=Around(scenario=used))
    return {code for code in verdict.codes if not code.startswith("unproven")}


def test_a_duty_that_was_reached_is_nothing_to_tell() -> None:
    assert codes(case(), *inferred(20, 40)) == set()


@pytest.mark.parametrize(("every_ms", "missed"), [(42.4, False), (37.8, False), (43, True), (37, True)])
def test_a_duty_may_differ_by_three_points(every_ms: float, missed: bool) -> None:
    assert codes(case(), *inferred(20, every_ms)) == ({"duty-missed"} if missed else set())


@pytest.mark.parametrize(("every_ms", "missed"), [(20.8, False), (22, True)])
def test_all_of_the_time_leaves_the_page_its_turn(every_ms: float, missed: bool) -> None:
    assert codes(case(duty=100), *inferred(20, every_ms)) == ({"duty-missed"} if missed else set())


def test_an_inference_that_is_too_long_for_the_time_is_told() -> None:
    assert codes(case(), *inferred(1800, 3600)) == {"inference-too-long"}


def test_a_single_inference_reaches_no_duty() -> None:
    assert codes(case(), *inferred(16_000, 30_000)) == {"inference-too-long", "no-duty", "too-few-predictions"}


def test_without_a_second_inference_the_first_one_tells_that_it_is_too_long() -> None:
    _, used = inferred(20, 40, duration_ms=50, inferring=Inferring(start_ms=[]))
    assert {"inference-too-long", "no-duty"} <= codes(case(duty=1), [], used)


def test_times_that_the_page_did_not_tell_reach_no_duty() -> None:
    times, used = inferred(20, 40, inferring=Void(reason="it says that it inferred before it was asked to"))
    assert codes(case(), times, used) == {"no-duty"}


def test_starts_that_belong_to_other_inferences_reach_no_duty() -> None:
    times, used = inferred(20, 40)
    assert codes(case(), times[1:], used) == {"no-duty"}


@pytest.mark.parametrize(("place", "runs_in"), [("main", "worker"), ("worker", "main thread"), ("worker", None)])
def test_another_thread_is_wrong(place: str, runs_in: str | None) -> None:
    assert codes(case(place=place), *inferred(20, 40), runs_in=runs_in) == {"wrong-place"}


def test_a_page_that_was_hidden_meanwhile_is_wrong() -> None:
    starts = [at * 40.0 for at in range(750)]
    hidden = Inferring(start_ms=starts, states=[PageState(at_ms=900, visible=False, focused=True)])
    times, used = inferred(20, 40, inferring=hidden)
    assert codes(case(), times, used) == {"hidden-while-inferring"}


def test_a_page_without_the_focus_is_doubtful_in_a_window() -> None:
    assert codes(case(), *inferred(20, 40), focused=False) == {"page-unfocused"}
    assert codes(case(), *inferred(20, 40), focused=False, flags=["--headless=new"]) == set()


def test_a_baseline_needs_no_inference_and_no_answer() -> None:
    assert codes(baseline(), [], result(duration_ms=30_000, frames_ms=FRAMES)) == set()


def test_a_page_that_was_hardly_used_and_drew_nothing_is_doubtful() -> None:
    assert codes(baseline(), [], result(duration_ms=900, frames_ms=[])) == {"scenario-too-short", "no-frames"}


def test_a_scenario_without_a_record_is_wrong() -> None:
    assert "scenario-missing" in codes(baseline(), [], None)
    assert "scenario-missing" in codes(case(), [20.0, 20.0], None)
