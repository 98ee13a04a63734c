from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.statistics.between_runs import (
    DEGREES,
    between_runs,
    between_values,
    corrected,
    ratio_of_runs,
)
from mobilebench.statistics.estimates import unpaired_ratio


def runs(count: int, between: float, within: float, seed: int = 1) -> list[list[float]]:
    rng = random.Random(seed)
    return [
        [math.exp(level + rng.gauss(0, within)) for _ in range(5)]
        for level in (rng.gauss(0, between) for _ in range(count))
    ]


def test_without_runs_only_the_assumed_value_counts() -> None:
    found = between_runs([], 0.02)
    assert (found.deviation, found.runs) == (pytest.approx(0.02), 0)
    assert between_runs(runs(1, 0.5, 0.01), 0.02).deviation == pytest.approx(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.0, 0.03, 0.1])
def test_many_runs_tell_the_variation_between_them(between: float) -> None:
    found = between_runs(runs(400, between, 0.02), 0.02)
    assert found.runs == 400
    assert found.deviation == pytest.approx(between, abs=0.006)


def test_the_variation_of_blocks_is_not_counted_twice() -> None:
    assert between_runs(runs(200, 0.0, 0.2), 0.02).deviation < 0.04


def test_runs_that_tell_nothing_are_left_out() -> None:
    assert between_runs([[1.0], [0.0, 1.0], [1.0, 1.1]], 0.02).runs == 1


def test_a_difference_of_two_runs_varies_twice_as_much() -> None:
    assert between_runs([], 0.02).of_difference == (pytest.approx(2 * 0.02**2), DEGREES)


def test_the_variation_between_runs_widens_an_interval_and_raises_p() -> None:
    above, below = [1.1, 1.101, 1.099], [1.0, 1.001, 0.999]
    alone = unpaired_ratio(above, below)
    wide = unpaired_ratio(above, below, further=between_runs([], 0.02).of_difference)
    assert alone is not None
    assert wide is not None
    assert wide.ratio == alone.ratio
    assert wide.p > alone.p
    assert wide.interval.low < alone.interval.low < alone.interval.high < wide.interval.high


def test_holms_correction_of_a_known_example() -> None:
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([]) == []


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=20))
def test_a_corrected_probability_is_never_smaller_and_keeps_the_order(given_: list[float]) -> None:
    found = corrected(given_)
    assert all(one <= after <= 1 for one, after in zip(given_, found, strict=True))
    ordered = [after for _, after in sorted(zip(given_, found, strict=True))]
    assert ordered == sorted(ordered)


def test_one_value_for_each_run_tells_its_whole_variation() -> None:
    assert between_values([], 0.03).deviation == pytest.approx(0.03)
    assert between_values([5.0], 0.03).deviation == pytest.approx(0.03)
    rng = random.Random(2)
    found = between_values([math.exp(rng.gauss(0, 0.06)) for _ in range(400)], 0.03)
    assert (found.runs, found.deviation) == (400, pytest.approx(0.06, abs=0.006))


def test_the_ratio_of_two_runs_with_one_value_each() -> None:
    between = between_values([], 0.03)
    found = ratio_of_runs(120.0, 100.0, between)
    assert found is not None
    assert found.ratio == pytest.approx(1.2)
    half = 2.5706 * 0.03 * math.sqrt(2)
    assert math.log(found.interval.high / found.interval.low) == pytest.approx(2 * half, rel=1e-4)
    assert found.p == pytest.approx(0.0077, abs=0.0005)
    assert ratio_of_runs(1.0, 0.0, between) is None


@pytest.mark.parametrize("deviation", [0.005, 0.03, 0.06])
def test_equal_runs_with_one_value_each_are_seldom_apart(deviation: float) -> None:
    """With 20 earlier runs, in families of one: at most 5 % below a probability of 5 %."""
    rng, apart, families = random.Random(5), 0, 2000
    for _ in range(families):
        values = [math.exp(rng.gauss(0, deviation)) for _ in range(22)]
        found = ratio_of_runs(values[-1], values[-2], between_values(values[:-1], 0.03))
        assert found is not None
        apart += found.p <= 0.05
    assert apart <= 0.05 * families
