"""Which frames are processed, and whose answer counts."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.reuse.simulation import (
    Answered,
    Counting,
    Reuse,
    in_turn,
    process,
    shown_frames,
    simulate,
    used,
)

STEPS = st.lists(st.floats(0.5, 500), min_size=0, max_size=60)
LATENCY = st.floats(0, 2000)
COUNTINGS: tuple[Counting, ...] = ("own frame", "screen")


def times_of(steps: list[float]) -> list[float]:
    times = [0.0]
    for step in steps:
        times.append(times[-1] + step)
    return times


def at(times: list[float], latency: float, counting: Counting = "own frame", fps: float | None = None) -> Reuse:
    return simulate(times, in_turn([latency]), fps=fps, counting=counting)


THIRTY = [1000 * frame / 30 for frame in range(11)]


def test_the_frame_on_the_screen_is_taken_as_soon_as_the_model_is_free() -> None:
    found = at(THIRTY, 80)
    assert [one.frame for one in found.answered] == [0, 2, 4, 7, 9]
    assert [one.started_ms for one in found.answered] == pytest.approx([0, 80, 160, 240, 320])
    assert found.used == (0, 0, 2, 2, 4, 4, 4, 7, 7, 9, 9)
    assert found.reused == 6


def test_by_screen_an_answer_counts_if_it_is_there_for_most_of_the_frame() -> None:
    found = at(THIRTY, 80, "screen")
    assert found.used == (None, None, 0, 0, 0, 2, 2, 4, 4, 4, 7)
    assert found.reused == 11


def test_a_model_that_is_faster_than_the_frames_processes_all() -> None:
    assert at(THIRTY, 33).used == tuple(range(11))


def test_a_model_that_is_a_little_too_slow_loses_a_frame_now_and_then() -> None:
    times = [1000 * frame / 30 for frame in range(300)]
    found = at(times, 35)
    assert len(found.answered) == pytest.approx(300 * 33.333 / 35, abs=1)


def test_latencies_are_taken_in_turn() -> None:
    found = simulate([0, 10, 20, 30, 40, 50], in_turn([5, 25]))
    assert [(one.frame, one.answered_ms - one.started_ms) for one in found.answered] == [
        (0, 5),
        (1, 25),
        (3, 5),
        (4, 25),
    ]


@pytest.mark.parametrize("wrong", [[], [-1.0], [math.nan], [math.inf]])
def test_impossible_latencies_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="latency"):
        in_turn(wrong)


@pytest.mark.parametrize("wrong", [0.0, -3.0, math.nan, math.inf])
def test_impossible_frame_rates_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="frame rate"):
        shown_frames(THIRTY, wrong)


def test_frames_are_left_out_evenly() -> None:
    times = [1000 * frame / 30 for frame in range(30)]
    assert shown_frames(times, 15) == tuple(range(0, 30, 2))
    assert len(shown_frames(times, 20)) == 20
    assert max(after - before for before, after in pairwise(shown_frames(times, 20))) == 2
    assert shown_frames(times, 10)[:4] == (0, 3, 6, 9)


def test_rounded_times_cost_no_frame() -> None:
    rounded = [float(round(1000 * frame / 30)) for frame in range(300)]
    assert len(shown_frames(rounded, 30)) == 300


def test_after_a_gap_the_frames_are_not_made_up_for() -> None:
    times = [0, 33, 67, 5000, 5033, 5067, 5100, 5133]
    assert shown_frames(times, 15) == (0, 2, 3, 5, 7)


def test_only_shown_frames_are_processed() -> None:
    assert at(THIRTY, 0, fps=15).used == (0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10)


@given(STEPS, st.sampled_from(COUNTINGS))
def test_without_latency_every_frame_has_its_own_answer(steps: list[float], counting: Counting) -> None:
    times = times_of(steps)
    found = at(times, 0, counting)
    assert found.used == tuple(range(len(times)))
    assert found.reused == 0


@given(STEPS)
def test_a_huge_latency_leaves_the_first_answer_only(steps: list[float]) -> None:
    times = times_of(steps)
    assert at(times, 1e9).used == (0,) * len(times)
    assert at(times, 1e9, "screen").used == (None,) * len(times)


@given(STEPS, LATENCY, LATENCY)
def test_a_slower_model_processes_no_more_frames(steps: list[float], one: float, other: float) -> None:
    times = times_of(steps)
    fast, slow = sorted((one, other))
    assert len(at(times, fast).answered) >= len(at(times, slow).answered)
    assert at(times, fast).reused <= at(times, slow).reused


@given(STEPS, st.lists(LATENCY, min_size=1, max_size=20), st.floats(1, 120), st.sampled_from(COUNTINGS))
def test_no_answer_is_of_a_later_frame_and_inferences_do_not_overlap(
    steps: list[float], latencies: list[float], fps: float, counting: Counting
) -> None:
    times = times_of(steps)
    found = simulate(times, in_turn(latencies), fps=fps, counting=counting)
    assert found == simulate(times, in_turn(latencies), fps=fps, counting=counting)
    assert len(found.used) == len(times)
    assert all(other is None or other <= own for own, other in enumerate(found.used))
    known = [other for other in found.used if other is not None]
    assert known == sorted(known)
    for before, after in pairwise(found.answered):
        assert before.frame < after.frame
        assert after.started_ms >= before.answered_ms
    assert all(one.started_ms >= times[one.frame] for one in found.answered)
    assert {one.frame for one in found.answered} <= set(shown_frames(times, fps))


@given(STEPS, LATENCY)
def test_a_frame_has_on_the_screen_no_newer_answer_than_its_own_count(steps: list[float], latency: float) -> None:
    times = times_of(steps)
    own, screen = at(times, latency), at(times, latency, "screen")
    assert own.answered == screen.answered
    assert all(
        late is None or (mine is not None and late <= mine) for mine, late in zip(own.used, screen.used, strict=True)
    )


def test_by_screen_a_model_that_needs_less_than_half_of_a_frame_loses_nothing() -> None:
    assert at(THIRTY, 16, "screen").used == tuple(range(11))
    assert at(THIRTY, 17, "screen").used == (None, *range(10))


def test_a_live_log_is_judged_by_the_same_rule() -> None:
    times = [0.0, 33.0, 67.0, 100.0]
    answered = process(times, range(4), in_turn([50.0]))
    assert used(times, answered, "own frame") == at(times, 50).used
    assert used(times, reversed(answered), "screen") == at(times, 50, "screen").used


def test_a_frame_that_was_not_shown_has_what_the_one_before_it_has() -> None:
    answered = [Answered(0, 0, 20), Answered(3, 100, 120)]
    assert used([0.0, None, 67.0, 100.0, 133.0], answered, "screen") == (0, 0, 0, 0, 3)
    assert used([0.0, None, 67.0, 100.0, 133.0], answered, "own frame") == (0, 0, 0, 3, 3)


def test_no_frame_and_no_answer() -> None:
    assert at([], 5) == Reuse((), ())
    assert shown_frames([], 30) == ()
    assert used([0.0, 1.0], [], "own frame") == (None, None)
