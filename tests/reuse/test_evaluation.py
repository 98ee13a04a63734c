"""What reuse costs, its intervals, and a live run judged by the same code."""

from __future__ import annotations

import math

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.reuse import simulation
from mobilebench.reuse.answers import perfect
from mobilebench.reuse.evaluation import Evaluator, Latency, segments_of
from mobilebench.reuse.frames import Frame, FrameSet, Truth, checked
from tests.scenarios.accuracy import sets


def constant(ms: float) -> Latency:
    return Latency(f"{ms:g} ms", ((ms,),))


def evaluator(one: FrameSet, resamples: int = 0, **more: object) -> Evaluator:
    return Evaluator(one, perfect(one), resamples=resamples, **more)  # type: ignore[arg-type]


@pytest.mark.slow
def test_without_latency_nothing_is_lost() -> None:
    found = evaluator(sets.moving(clips=6, frames=31), resamples=20).evaluate(constant(0))
    assert (found.reused, found.inferences, found.frames) == (0, 186, 186)
    for loss in found.losses.values():
        assert loss.without == loss.with_reuse
        assert (loss.lost.value, loss.lost.interval and loss.lost.interval.high) == (0, 0)


def test_top_1_is_the_share_that_follows_from_the_reused_frames() -> None:
    """The class changes every 15 frames; at 200 ms every sixth frame is processed."""
    one = sets.moving(clips=1)
    found = evaluator(one).evaluate(constant(200))
    used = simulation.simulate([frame.time_ms for frame in one.frames], simulation.in_turn([200.0])).used
    right = sum((own // 15) % 2 == ((other or 0) // 15) % 2 for own, other in enumerate(used))
    assert found.losses["top-1"].with_reuse.value == pytest.approx(right / 60)
    assert 0 < found.losses["top-1"].lost.value < 0.5
    assert found.reused == sum(own != other for own, other in enumerate(used))
    assert found.reused_share == found.reused / 60


def test_a_slower_model_loses_more_where_objects_move() -> None:
    one = evaluator(sets.moving())
    lost = [one.evaluate(constant(ms)).losses["mAP@0.5"].lost.value for ms in (0, 50, 100, 300, 1000)]
    assert lost == sorted(lost)
    assert lost[-1] > 0.5


def test_the_screen_is_never_better_than_the_own_frame_here() -> None:
    one = sets.moving()
    own = evaluator(one).evaluate(constant(100)).losses["mAP@0.5"].with_reuse.value
    screen = evaluator(one, counting="screen").evaluate(constant(100)).losses["mAP@0.5"].with_reuse.value
    assert screen < own


def test_fewer_shown_frames_cost_accuracy_without_latency() -> None:
    found = evaluator(sets.moving(), fps=6.0).evaluate(constant(0))
    assert found.inferences == 24
    assert found.losses["mAP@0.5"].lost.value > 0


@pytest.mark.slow
def test_intervals_hold_their_value_and_are_the_same_each_time() -> None:
    one = sets.moving(clips=4)
    found = evaluator(one, resamples=30).evaluate(constant(150))
    assert found == evaluator(one, resamples=30).evaluate(constant(150))
    for metric, loss in found.losses.items():
        assert loss.lost.interval is not None, metric
        assert loss.lost.interval.low < loss.lost.value < loss.lost.interval.high
    other = evaluator(one, resamples=30, seed=1).evaluate(constant(150))
    assert other.losses["mAP@0.5"].lost.interval != found.losses["mAP@0.5"].lost.interval
    assert other.losses["mAP@0.5"].lost.value == found.losses["mAP@0.5"].lost.value


@pytest.mark.slow
def test_latencies_that_differ_between_blocks_widen_the_interval() -> None:
    """The same samples, once as one block and once as blocks of which half are slow."""
    one = sets.moving(clips=4)
    fast, slow = (40.0,) * 30, (300.0,) * 30
    pooled = evaluator(one, resamples=30).evaluate(Latency("pooled", (fast + slow,)))
    blocks = evaluator(one, resamples=30).evaluate(Latency("blocks", (fast, slow)))
    wide, narrow = blocks.losses["top-1"].lost, pooled.losses["top-1"].lost
    assert wide.value == narrow.value
    assert wide.interval is not None
    assert narrow.interval is not None
    assert wide.interval.high - wide.interval.low > narrow.interval.high - narrow.interval.low


def test_too_few_segments_have_no_interval() -> None:
    one = evaluator(sets.moving(clips=2), resamples=50)
    assert len(one.segments) == 4
    assert one.interval_from.startswith("none: there are 4 segments")
    assert one.evaluate(constant(100)).losses["top-1"].lost.interval is None
    assert evaluator(sets.moving(clips=4)).interval_from == "none: no resamples"


def test_segments_cover_every_frame_once() -> None:
    one = sets.moving(clips=3, frames=100)
    covered = [(clip, place) for clip, start, end in segments_of(one) for place in range(start, end)]
    assert covered == [(clip, place) for clip in one.clips for place in range(100)]
    assert {end - start for _, start, end in segments_of(one)} == {33, 34}


def test_a_resample_without_truth_for_a_metric_is_left_out() -> None:
    """Truth is in the first second only, so some resamples have none."""
    frames = tuple(Frame(clip="a", time_ms=100 * number, image=f"{number}.png") for number in range(60))
    one = checked(FrameSet("sparse", frames, {"0.png": Truth(label="dog"), "3.png": Truth(label="cat")}))
    found = evaluator(one, resamples=30).evaluate(constant(10_000))
    assert found.losses["top-1"].lost.value == 0.5
    assert found.losses["top-1"].lost.interval is not None


@pytest.mark.parametrize("groups", [(), ((),), ((-1.0,),), ((math.nan,),), ((math.inf,),), ((4e6,),)])
def test_impossible_latencies_are_refused(groups: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(BadInput, match="latency"):
        Latency("wrong", groups)
