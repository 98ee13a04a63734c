from __future__ import annotations

import math

import numpy as np
import pytest

from mobilebench.statistics.sequences import correlation, drift, two_modes, widening


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
