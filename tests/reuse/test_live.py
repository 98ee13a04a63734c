"""A live run judged by the code of the simulation, and how far both agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mobilebench.core.errors import BadInput
from mobilebench.reuse import simulation
from mobilebench.reuse.answers import Answer, perfect
from mobilebench.reuse.evaluation import Evaluator, Latency
from mobilebench.reuse.frames import FrameSet
from mobilebench.reuse.live import LiveClip, LiveRepetition, compare, reuse_of
from tests.scenarios.accuracy import sets


def as_simulated(one: FrameSet, samples: Sequence[float]) -> LiveRepetition:
    """A live run in which exactly that happened which the simulation says."""
    latencies = simulation.in_turn(samples)
    clips = []
    for clip, frames in one.clips.items():
        times = [frame.time_ms for frame in frames]
        clips.append(LiveClip(clip, tuple(times), simulation.simulate(times, latencies).answered))
    return answered(one, clips)


def late(one: FrameSet, samples: Sequence[float], delay_ms: float) -> LiveRepetition:
    """The same where each inference begins so much later, as in a page that is busy between two of them."""
    latencies = simulation.in_turn([sample + delay_ms for sample in samples])
    clips = []
    for clip, frames in one.clips.items():
        times = [frame.time_ms for frame in frames]
        found = simulation.simulate(times, latencies).answered
        clips.append(
            LiveClip(clip, tuple(times), tuple(replace(each, started_ms=each.started_ms + delay_ms) for each in found))
        )
    return answered(one, clips)


def answered(one: FrameSet, clips: Sequence[LiveClip]) -> LiveRepetition:
    answers = perfect(one)
    processed = {one.clips[clip.clip][each.frame].image for clip in clips for each in clip.answered}
    return LiveRepetition(tuple(clips), {image: answers[image] for image in processed})


def samples_ms(low: float, high: float, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).uniform(low, high, 40).tolist()


@pytest.mark.parametrize("counting", ["own frame", "screen"])
def test_a_live_run_with_the_same_times_has_the_same_accuracy(counting: simulation.Counting) -> None:
    one = sets.moving()
    evaluator = Evaluator(one, perfect(one), resamples=0, counting=counting)
    samples = samples_ms(30, 200)
    found = compare(evaluator, [as_simulated(one, samples)])
    simulated = evaluator.evaluate(Latency("samples", (tuple(samples),)))
    for metric, loss in simulated.losses.items():
        assert found.metrics[metric].live.value == pytest.approx(loss.with_reuse.value)
        assert found.metrics[metric].difference.value == pytest.approx(0)
    assert found.reused == found.simulated_reused == (simulated.reused,)
    assert found.agree is None


@pytest.mark.slow
def test_small_delays_agree_and_large_ones_do_not() -> None:
    one = sets.moving(clips=4)
    evaluator = Evaluator(one, perfect(one), resamples=30)
    slight = compare(evaluator, [late(one, samples_ms(90, 110, seed), 2.0) for seed in range(2)])
    assert slight.agree is True
    for compared in slight.metrics.values():
        assert compared.difference.interval is not None
        assert compared.difference.interval.low <= compared.difference.value <= compared.difference.interval.high
    large = compare(evaluator, [late(one, samples_ms(90, 110, seed), 400.0) for seed in range(2)])
    assert large.agree is False
    assert large.metrics["mAP@0.5"].difference.value < -0.2
    assert large.reused[0] > large.simulated_reused[0]


@pytest.mark.slow
def test_repetitions_that_differ_widen_the_interval() -> None:
    one = sets.moving(clips=4)
    evaluator = Evaluator(one, perfect(one), resamples=30)
    fast, slow = as_simulated(one, [40.0]), as_simulated(one, [300.0])
    mixed = compare(evaluator, [fast, slow]).metrics["top-1"].live
    means = [compare(evaluator, [each, each]).metrics["top-1"].live for each in (fast, slow)]
    assert mixed.value == pytest.approx(sum(each.value for each in means) / 2)
    widths = [each.interval.high - each.interval.low for each in (mixed, *means) if each.interval]
    assert len(widths) == 3
    assert widths[0] > max(widths[1:])


def test_the_answers_of_the_page_count_for_the_live_run_only() -> None:
    one = sets.moving()
    wrong = as_simulated(one, [1.0])
    wrong = LiveRepetition(wrong.clips, dict.fromkeys(wrong.answers, Answer(label="nothing")))
    found = compare(Evaluator(one, perfect(one), resamples=0), [wrong]).metrics["top-1"]
    assert (found.live.value, found.simulated.value) == (0, 1)


def test_a_live_run_of_another_set_is_refused() -> None:
    one = sets.moving()
    first, second = as_simulated(one, [10.0]).clips
    for wrong in (
        [first],
        [first, first],
        [first, second, LiveClip("other", (), ())],
        [first, LiveClip("1", (0.0,), ())],
        [first, LiveClip("1", second.shown_ms, (simulation.Answered(60, 0, 1),))],
    ):
        with pytest.raises(BadInput, match="live run"):
            reuse_of(one, wrong, "own frame")


def test_a_repetition_without_an_inference_is_refused() -> None:
    one = sets.moving()
    idle = LiveRepetition(tuple(LiveClip(clip, (None,) * len(of), ()) for clip, of in one.clips.items()), {})
    with pytest.raises(BadInput, match="no inference"):
        compare(Evaluator(one, perfect(one), resamples=0), [idle])
