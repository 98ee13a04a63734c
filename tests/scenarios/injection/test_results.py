"""Statistics and remarks on what an injection measured."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.page_quality import PageState
from mobilebench.core.records import Case, FileProof, ModelFacts, OutputSummary, Proof, Sample
from mobilebench.scenarios.injection.messages import InjectedAnswer
from mobilebench.scenarios.injection.remarks import remarks_on
from mobilebench.scenarios.injection.results import FrameTimes, InjectionPlan, InjectionResult, reached_duty
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.next_steps import NEXT_STEPS

CASE = Case(
    target="host",
    engine="ortjs",
    backend="wasm",
    wasm_build="simd-threads",
    threads=1,
    browser="chrome",
    model="mlp_2x8",
)
OUTPUT = OutputSummary(
    name="out", shape=[1], non_finite=0, l1=1, l2=1, max=1, digest="0" * 8, sample=Sample(index=[0], value=[1])
)
FACTS = ModelFacts(
    model="mlp_2x8", precision="fp32", batch=1, reference=[OUTPUT], tolerance=0.01, half_precision_tolerance=0.01
)
FRAMES = FrameTimes(times_ms=[0, 20, 40, 60])


def answer(start_ms: list[float], ms: list[float], **changes: Any) -> InjectedAnswer:
    usual: dict[str, Any] = {
        "schema": "mobilebench/injected/1",
        "status": "ok",
        "engine": "ortjs",
        "place": "main",
        "proof": Proof(
            backend="wasm", threads=1, runs_in="main thread", files=[FileProof(name="wasm", sha256="0" * 64)]
        ),
        "warmup_ms": 1.0,
        "inference_start_ms": start_ms,
        "inference_ms": ms,
        "states": [PageState(at_ms=0, visible=True, focused=True)],
        "output": [OUTPUT],
    }
    return InjectedAnswer.model_validate({**usual, **changes})


def result(of: InjectedAnswer | None, **changes: Any) -> InjectionResult:
    usual: dict[str, Any] = {
        "plan": InjectionPlan(),
        "asked": "http://a.example/",
        "url": "http://a.example/",
        "isolated": False,
        "browser": "chrome",
        "browser_version": "1",
        "answer": of,
        "baseline": FRAMES,
        "frames": FRAMES,
        "window_ms": 10_000,
    }
    return InjectionResult(**{**usual, **changes})


def half(count: int = 200, ms: float = 25) -> InjectedAnswer:
    """Half of the time spent inferring."""
    return answer([2 * ms * n for n in range(count)], [ms] * count)


def codes(of: InjectionResult) -> dict[str, str]:
    return {remark.code: remark.status for remark in remarks_on(of, CASE, FACTS)}


def test_the_reached_duty_is_that_of_whole_cycles() -> None:
    assert reached_duty([0, 100, 200], [50, 50, 7]) == 50
    assert reached_duty([0], [50]) is None
    assert reached_duty([], []) is None
    assert reached_duty([0, 10], [11, 1]) == 100


def test_frames_per_second() -> None:
    assert FRAMES.fps == pytest.approx(50)
    assert FRAMES.longest_gap_ms == 20
    assert FrameTimes(times_ms=[1]).fps is None
    assert FrameTimes().longest_gap_ms is None


def test_a_result_as_asked_has_no_remark() -> None:
    assert codes(result(half())) == {}
    assert result(half()).p50_ms == 25
    assert result(half()).status == "valid"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"proof": Proof(backend="wasm", threads=2, runs_in="main thread")}, "threads", "invalid"),
        ({"proof": Proof(backend="webgl", threads=1, runs_in="main thread")}, "backend", "invalid"),
        ({"proof": Proof(backend="wasm", threads=1, runs_in="worker")}, "wrong-place", "invalid"),
        ({"proof": Proof(backend="wasm", threads=1, runs_in="main thread")}, "no-hash", "suspect"),
        ({"states": [PageState(at_ms=0, visible=False, focused=True)]}, "hidden-while-inferring", "invalid"),
        ({"states": [PageState(at_ms=0, visible=True, focused=False)]}, "no-focus", "valid"),
        ({"output": []}, "wrong-answer", "invalid"),
        ({"ms": [30.0] * 200}, "duty-missed", "suspect"),
        ({"ms": [25.0] * 199 + [60.0]}, "long-task", "valid"),
    ],
)
def test_what_differs_from_what_was_asked_is_named(changes: dict[str, Any], code: str, status: str) -> None:
    whole = {"start_ms": half().inference_start_ms, "ms": half().inference_ms, **changes}
    assert codes(result(answer(**whole)))[code] == status


def test_a_clock_that_is_too_coarse_gives_no_time() -> None:
    proof = half().proof.model_copy(update={"clock_resolution_ms": 0.1})
    short = result(answer([0.2 * n for n in range(100)], [0.0, 0.1] * 50, proof=proof))
    assert short.p50_ms is None
    assert codes(short)["coarse-clock"] == "suspect"
    assert "coarse-clock" not in codes(result(answer([50.0 * n for n in range(200)], [25.0] * 200, proof=proof)))


@pytest.mark.parametrize(
    ("isolated", "advice"),
    [
        (False, "Its clock is finer with --isolate."),
        (None, "Its clock is finer with --isolate."),
        (True, NEXT_STEPS[Code.CLOCK_TOO_COARSE].replace("Isolate the page, or measure", "Measure")),
    ],
)
def test_a_page_that_is_isolated_already_is_not_to_be_isolated(isolated: bool | None, advice: str) -> None:
    proof = half().proof.model_copy(update={"clock_resolution_ms": 0.1, "cross_origin_isolated": isolated})
    short = result(answer([0.2 * n for n in range(100)], [0.1] * 100, proof=proof))
    (remark,) = (one for one in remarks_on(short, CASE, FACTS) if one.code == "coarse-clock")
    assert remark.next_step == advice


def test_a_duty_within_3_points_is_reached() -> None:
    assert "duty-missed" not in codes(result(answer([100.0 * n for n in range(100)], [47.1] * 100)))
    assert "duty-missed" in codes(result(answer([100.0 * n for n in range(100)], [46.9] * 100)))


def test_it_says_where_a_single_inference_is_too_long() -> None:
    slow = answer([0, 3000, 6000, 9000], [1500.0] * 4)
    remark = next(one for one in remarks_on(result(slow), CASE, FACTS) if one.code == "inference-too-long")
    assert "10.0 s hold fewer than 10 cycles at 50 %, which take 30 s" in remark.sentence
    assert remark.next_step == NEXT_STEPS[Code.INFERENCE_TOO_LONG]


def test_a_duty_without_inferences_is_invalid() -> None:
    assert codes(result(answer([], [])))["no-duty"] == "invalid"
    assert codes(result(answer([], []), plan=InjectionPlan(duty=0))) == {}
    assert codes(result(half(), plan=InjectionPlan(duty=0)))["duty-missed"] == "suspect"


def test_pages_without_frames_and_redirects_are_suspect() -> None:
    assert codes(result(half(), frames=FrameTimes()))["no-frames"] == "suspect"
    assert codes(result(half(), baseline=FrameTimes()))["no-frames"] == "suspect"
    assert "no-frames" not in codes(result(half(), baseline=FrameTimes(), plan=InjectionPlan(baseline_seconds=0)))
    assert codes(result(half(), redirected=True, url="http://b.example/"))["redirected"] == "suspect"
    assert "redirected" not in codes(result(half(), url="http://a.example/by/its/history"))


def test_frames_that_are_elsewhere_or_did_not_load_are_told() -> None:
    assert codes(result(half(), frames_elsewhere=2))["frames-elsewhere"] == "valid"
    inside = result(half(), frames_elsewhere=2, plan=InjectionPlan(frame="/inside"))
    assert "frames-elsewhere" not in codes(inside)
    assert codes(result(half(), frames_failed=1))["frames-failed"] == "valid"
    assert codes(result(half(), frames_failed=1, isolated_by_us=True))["frames-failed"] == "suspect"


def test_a_page_without_injection_needs_no_proof() -> None:
    assert remarks_on(result(None), None, None) == []
