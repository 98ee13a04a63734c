"""Changes of the level of a series: planted ones are found at their place, and noise has none."""

from __future__ import annotations

import numpy as np
import pytest
import ruptures
from numpy.typing import NDArray

from benchmarks.change_points import series
from mobilebench.statistics.change_points import LEAST_VALUES, SHORTEST, change_points


def found(values: NDArray[np.float64]) -> list[int]:
    return [one.position for one in change_points(values.tolist())]


def planted(seed: int, count: int, share: float, changes: dict[int, float]) -> NDArray[np.float64]:
    values = 10 * np.exp(np.random.default_rng(seed).normal(0, share, count))
    for at, factor in changes.items():
        values[at:] *= factor
    return values


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.92, 1.05, 1.1])
@pytest.mark.parametrize(("count", "at"), [(30, 15), (60, 52), (200, 120)])
def test_a_planted_change_is_found_within_one_night(count: int, at: int, factor: float) -> None:
    near = sum(
        len(places) == 1 and abs(places[0] - at) <= 1
        for seed in range(100)
        if (places := found(planted(seed, count, 0.01, {at: factor})))
    )
    assert near >= 95


@pytest.mark.slow
def test_a_change_by_a_tenth_is_found_in_noise_of_three_percent() -> None:
    near = sum(any(abs(place - 50) <= 1 for place in found(planted(seed, 100, 0.03, {50: 1.1}))) for seed in range(100))
    assert near >= 90


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "outliers", "correlated"])
@pytest.mark.parametrize("share", [0.01, 0.03])
@pytest.mark.parametrize("count", [10, 60])
def test_noise_has_a_change_in_at_most_five_of_a_hundred_series(count: int, share: float, kind: str) -> None:
    random = np.random.default_rng(7)
    alarms = sum(bool(found(series(random, count, share, kind))) for _ in range(200))
    assert alarms <= (10 if kind == "correlated" else 5)


def test_a_change_that_was_taken_back_is_two_changes() -> None:
    values = planted(3, 500, 0.01, {250: 1.1, 262: 1 / 1.1})
    assert found(values) == [250, 262]


def test_single_outliers_are_no_change_and_do_not_hide_one() -> None:
    values = planted(4, 80, 0.01, {40: 1.07})
    values[[7, 35, 44, 70]] *= 1.6
    values[20] *= 0.5
    (one,) = change_points(values.tolist())
    assert abs(one.position - 40) <= 1
    assert one.change.ratio == pytest.approx(1.07, rel=0.02)
    assert one.change.interval.holds(1.07)
    assert (one.old, one.new) == (pytest.approx(10, rel=0.01), pytest.approx(10.7, rel=0.01))
    assert (one.before, one.after) == (one.position, 80 - one.position)


def test_a_new_level_needs_three_values() -> None:
    steady = planted(5, 40, 0.01, {})
    for number in range(1, SHORTEST + 1):
        values = steady.copy()
        values[-number:] *= 1.3
        assert bool(found(values)) == (number == SHORTEST)


def test_a_change_below_the_smallest_is_not_named() -> None:
    values = planted(6, 300, 0.002, {150: 1.015})
    assert found(values) == []
    assert [one.position for one in change_points(values.tolist(), smallest=0.01)] == [150]


@pytest.mark.parametrize("values", [[], [1.0] * (LEAST_VALUES - 1), [1.0] * 10 + [0.0], [5.0] * 50])
def test_short_series_zeros_and_equal_values_have_none(values: list[float]) -> None:
    assert change_points(values) == ()


def test_the_clock_does_not_matter() -> None:
    values = planted(8, 60, 0.01, {30: 1.08})
    assert found(values) == found(values * 1e-3) == found(values * 1e6)


@pytest.mark.slow
def test_the_library_ruptures_finds_the_same_changes() -> None:
    """Without outliers and far above the noise, `ruptures` with the same penalty on the logarithms agrees."""
    for seed in range(20):
        values = planted(seed, 150, 0.01, {50: 1.1, 100: 0.92})
        logs = np.log(values)
        noise = np.median(np.abs(np.diff(logs))) / 0.6745 / np.sqrt(2)
        model = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(logs.reshape(-1, 1))
        ends = model.predict(pen=4 * noise**2 * np.log(len(logs)))
        ours = found(values)
        assert len(ours) == 2
        assert all(min(abs(place - end) for end in ends) <= 1 for place in ours)
