"""Accuracy by frame reuse of pages that infer beside a video: from stored times only, and void where there are none."""

from __future__ import annotations

import pytest

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.page_quality import page_scenarios
from mobilebench.core.page_quality import ScenarioResult, Void
from mobilebench.core.records import Case
from mobilebench.reuse import shapes
from mobilebench.reuse.answers import perfect
from mobilebench.reuse.evaluation import Evaluator, Latency
from tests.analysis import page_runs
from tests.analysis.page_runs import WASM, Used, baseline, used


def shown(of: Used, scenario: str = "video") -> ScenarioResult:
    return page_runs.result(scenario, of)


def both(of: Used, scenario: str = "video") -> tuple[float | Void, float | Void]:
    found = page_accuracy.accuracies(shown(of, scenario), [of.ms] if of.ms else [])
    return found[page_accuracy.TOP_1], found[page_accuracy.MAP]


def test_a_fast_model_beside_a_whole_video_loses_nothing() -> None:
    assert both(Used(video=30.0, ms=1.0)) == (1.0, pytest.approx(1.0))


def test_it_is_the_accuracy_that_the_command_simulates() -> None:
    frames = shapes.generate().frames
    expected = Evaluator(frames, perfect(frames), fps=20.0, resamples=0).evaluate(Latency("80 ms", ((80.0,),))).losses
    assert both(Used(video=20.0, ms=80.0)) == (expected["top-1"].with_reuse.value, expected["mAP@0.5"].with_reuse.value)


def test_slower_inference_and_fewer_frames_cost_accuracy() -> None:
    whole, slow, few = (both(Used(video=rate, ms=ms))[1] for rate, ms in ((30.0, 1.0), (30.0, 150.0), (6.0, 1.0)))
    assert isinstance(whole, float)
    assert isinstance(slow, float)
    assert isinstance(few, float)
    assert slow < whole - 0.1
    assert few < whole - 0.1


def test_what_was_not_measured_is_void_and_not_zero() -> None:
    assert both(Used(video=0.0)) == (Void(reason="the video showed no frame that could be processed"),) * 2
    assert both(Used(video=None)) == (Void(reason="not here"),) * 2
    found = page_accuracy.accuracies(shown(Used(video=30.0)), [])
    assert set(found.values()) == {Void(reason="no inference ended while the page was used")}


def test_pages_without_a_video_or_inference_have_no_accuracy() -> None:
    assert page_accuracy.accuracies(shown(Used(fps=60.0), "typing"), [20.0]) == {}
    assert page_accuracy.accuracies(shown(Used(video=30.0, ms=None)), []) == {}


def test_a_case_has_it_by_rounds_with_what_is_left_of_every_frame_processed() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): [Used(video=30.0, ms=None)] * 3,
        used(WASM, "video"): [Used(video=30.0, ms=ms) for ms in (60.0, 80.0, 100.0)],
    }
    (scenario,) = page_scenarios(page_runs.summary(cases))
    quality = scenario.cases[0].qualities[page_accuracy.MAP]
    assert list(quality.values) == [1, 2, 3]
    assert list(quality.values.values()) == sorted(quality.values.values(), reverse=True)
    assert quality.over_baseline is not None
    assert quality.over_baseline.interval is not None
    assert quality.mean is not None
    assert quality.over_baseline.value == pytest.approx(quality.mean, abs=0.01)
    assert scenario.baseline is not None
    assert page_accuracy.MAP not in scenario.baseline.qualities
    assert page_accuracy.MAP not in scenario.watched
