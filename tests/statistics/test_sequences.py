from __future__ import annotations

import math

import numpy as np
import pytest

from mobilebench.statistics.estimates import estimate
from mobilebench.statistics.sequences import correlation, degrees_of_freedom, drift, two_modes, widening


def noise(count: int, seed: int, size: float = 0.02) -> list[float]:
    return list(np.random.default_rng(seed).normal(0, size, count))


@pytest.mark.parametrize("values", [[1.0, 2.0, 1.5, 1.2], [1.0] * 9])
def test_few_or_equal_values_have_no_correlation(values: list[float]) -> None:
    assert correlation(values) is None
    assert widening(correlation(values)) == 1.0


def test_independent_values_correlate_little_on_average() -> None:
    found = [correlation(noise(10, seed)) or 0.0 for seed in range(400)]
    assert abs(float(np.mean(found))) < 0.05


def test_correlation_of_a_sequence_that_remembers() -> None:
    made, last = [], 0.0
    for step in noise(4000, 1):
        last = 0.6 * last + step
        made.append(last)
    assert correlation(made) == pytest.approx(0.6, abs=0.05)
    assert widening(correlation(made)) == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(("rho", "least", "most"), [(0.0, 0.93, 0.98), (0.3, 0.9, 0.97), (0.6, 0.88, 0.97)])
def test_intervals_of_correlated_blocks_hold_the_true_value(rho: float, least: float, most: float) -> None:
    held = 0
    for seed in range(1000):
        last, made = noise(1, seed)[0], []
        for step in noise(12, seed + 10_000):
            last = rho * last + math.sqrt(1 - rho**2) * step
            made.append(math.exp(last))
        interval = estimate(made).interval
        held += interval is not None and interval.holds(1.0)
    assert least < held / 1000 < most


def test_correlated_values_count_as_fewer() -> None:
    assert degrees_of_freedom(20, None) == degrees_of_freedom(20, -0.5) == 19
    assert degrees_of_freedom(20, 0.6) == pytest.approx(4.0)
    assert degrees_of_freedom(12, 0.9) == 1.0
    assert degrees_of_freedom(11, 0.6) == 10


def test_alternating_blocks_are_not_widened() -> None:
    assert widening(correlation([1.0, 2.0, 1.0, 2.0, 1.0, 2.0])) == 1.0


def test_drift_is_the_change_along_the_line() -> None:
    found = drift([math.log(1.1) * index / 9 for index in range(10)])
    assert found is not None
    assert (found.change, found.p) == (pytest.approx(0.1), 0.0)


def test_drift_agrees_with_scipys_regression() -> None:
    from scipy import stats

    values = [value + 0.004 * index for index, value in enumerate(noise(12, 3))]
    found, expected = drift(values), stats.linregress(range(12), values)
    assert found is not None
    assert found.p == pytest.approx(expected.pvalue)
    assert found.change == pytest.approx(math.expm1(expected.slope * 11))


@pytest.mark.parametrize("values", [[1.0, 1.1, 1.2, 1.3], [2.0] * 8])
def test_few_or_equal_values_have_no_drift(values: list[float]) -> None:
    assert drift(values) is None


def test_two_modes_are_found_wherever_they_stand() -> None:
    values = [0.0, 0.3, 0.001, 0.301, -0.002, 0.298, 0.002, 0.3]
    found = two_modes(values)
    assert found is not None
    assert (found.lower, found.upper) == ((0, 2, 4, 6), (1, 3, 5, 7))
    assert found.apart == pytest.approx(math.exp(0.3), rel=0.01)


@pytest.mark.parametrize("count", [6, 10, 20])
def test_ordinary_noise_has_one_mode(count: int) -> None:
    assert sum(two_modes(noise(count, seed, 0.05)) is not None for seed in range(500)) <= 10


@pytest.mark.parametrize("values", [[0.0, 0.3, 0.0, 0.3, 0.0], [0.0] * 9 + [1.0], [0.0, 0.001] * 5])
def test_few_blocks_one_far_block_and_a_small_gap_are_no_modes(values: list[float]) -> None:
    assert two_modes(values) is None
