from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mobilebench.analysis.statistics import (
    Interval,
    coefficient_of_variation,
    interval_between,
    median,
    over_blocks,
    quantile,
    t_critical,
)

TIMES = st.lists(st.floats(min_value=0, max_value=1e6, allow_nan=False), min_size=1, max_size=60)


@given(TIMES, st.floats(min_value=0, max_value=1))
def test_quantile_is_numpys_default(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), rel=1e-9, abs=1e-9)


@given(TIMES)
@example([5e-324, 5e-324])
def test_median_lies_within_the_values(values: list[float]) -> None:
    assert min(values) <= median(values) <= max(values)


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_quantile_refuses_what_has_none(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile(values, share)


def test_nothing_has_no_median() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        median([])


@pytest.mark.parametrize(
    ("degrees", "published"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (29, 2.045), (30, 2.042), (100, 1.984)],
)
def test_critical_values_agree_with_published_tables(degrees: int, published: float) -> None:
    assert t_critical(degrees) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("degrees", "earlier"),
    [
        (1, 12.706204736174696),
        (2, 4.302652729749458),
        (3, 3.182446305283707),
        (4, 2.776445105197791),
        (9, 2.2621571627982044),
        (29, 2.0452296421327043),
        (99, 1.9842169515864205),
    ],
)
def test_critical_values_are_those_of_version_0_1(degrees: int, earlier: float) -> None:
    assert t_critical(degrees) == pytest.approx(earlier, rel=1e-12)


def test_a_stage_has_the_numbers_that_version_0_1_computed() -> None:
    found = over_blocks([[6.1, 6.3, 6.2, 7.9, 6.15], [5.9, 6.0, 6.4, 6.2], [6.6, 6.5, 6.45], [6.05]])
    assert found is not None
    assert found.interval is not None
    assert found.blocks == pytest.approx((6.2, 6.1, 6.5, 6.05), rel=1e-12)
    assert (found.median, found.p90, found.cv) == pytest.approx((6.15, 6.58, 0.03244369315210685), rel=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((5.89177872020853, 6.533221279791471), rel=1e-12)
    assert (found.samples, found.spread) == (13, Interval(6.05, 6.5))


def test_critical_value_at_other_confidence() -> None:
    assert t_critical(7, 0.99) == pytest.approx(3.499, abs=5e-4)


def test_critical_value_needs_a_degree_of_freedom() -> None:
    with pytest.raises(ValueError, match="0 degrees"):
        t_critical(0)


def test_interval_of_three_blocks_by_hand() -> None:
    half = 4.302653 * 1.0 / math.sqrt(3)
    found = interval_between([9.0, 10.0, 11.0])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((10 - half, 10 + half), rel=1e-6)


def test_one_block_has_no_interval_and_no_variation() -> None:
    assert interval_between([3.0]) is None
    assert coefficient_of_variation([3.0]) is None


def test_two_blocks_have_no_interval() -> None:
    assert interval_between([10.0, 12.0]) is None


def test_an_interval_is_never_negative() -> None:
    found = interval_between([1.0, 2.0, 9.0])
    assert found is not None
    assert found.low == 0.0


def test_coefficient_of_variation_uses_n_minus_one() -> None:
    assert coefficient_of_variation([9.0, 11.0]) == pytest.approx(math.sqrt(2) / 10)


def test_many_samples_in_one_block_weigh_no_more_than_few_in_another() -> None:
    found = over_blocks([[1.0] * 100, [3.0]])
    assert found is not None
    assert found.median == 2.0
    assert found.blocks == (1.0, 3.0)
    assert found.samples == 101
    assert found.spread == Interval(1.0, 3.0)


def test_blocks_without_samples_are_left_out() -> None:
    found = over_blocks([[], [2.0, 4.0]])
    assert found is not None
    assert (found.blocks, found.interval, found.p90) == ((3.0,), None, pytest.approx(3.8))
    assert over_blocks([[], []]) is None
