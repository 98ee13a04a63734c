from __future__ import annotations

import pytest

from mobilebench.analysis.stage_statistics import over_blocks
from mobilebench.statistics.estimates import Interval


def test_many_samples_in_one_block_weigh_no_more_than_few_in_another() -> None:
    found = over_blocks([[1.0] * 100, [4.0]])
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert (found.blocks, found.samples, found.spread) == ((1.0, 4.0), 101, Interval(1.0, 4.0))
    assert (found.median, found.mean) == (1.0, pytest.approx(104 / 101))


def test_blocks_without_samples_are_left_out() -> None:
    found = over_blocks([[], [2.0, 4.0]])
    assert found is not None
    assert (found.blocks, found.interval, found.tails, found.between) == ((3.0,), None, {}, None)
    assert over_blocks([[], []]) is None


@pytest.mark.parametrize(("samples", "shares"), [(9, []), (10, [0.9]), (20, [0.9, 0.95]), (100, [0.9, 0.95, 0.99])])
def test_a_tail_needs_enough_samples(samples: int, shares: list[float]) -> None:
    found = over_blocks([[float(number) for number in range(1, samples + 1)]])
    assert found is not None
    assert list(found.tails) == shares


def test_outliers_are_counted_and_stay() -> None:
    steady = [10.0, 10.1, 9.9, 10.2, 9.8, 10.3, 9.7, 10.1]
    found = over_blocks([[*steady, 40.0], steady])
    assert found is not None
    assert (found.outliers, found.samples) == (1, 17)
    assert found.mean > 11


def test_variation_between_and_within_blocks_is_told_apart() -> None:
    between = over_blocks([[10.0] * 5, [12.0] * 5, [14.0] * 5])
    within = over_blocks([[8.0, 10.0, 12.0]] * 3)
    assert between is not None and within is not None
    assert (between.between, between.within) == (pytest.approx(1 / 6), 0.0)
    assert (within.between, within.within) == (0.0, pytest.approx(0.2))
