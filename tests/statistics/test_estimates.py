from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mobilebench.statistics.estimates import (
    coefficient_of_variation,
    estimate,
    median,
    paired_ratio,
    quantile,
    t_critical,
    unpaired_ratio,
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


def test_critical_value_at_other_confidence() -> None:
    assert t_critical(7, 0.99) == pytest.approx(3.499, abs=5e-4)


def test_critical_value_needs_a_degree_of_freedom() -> None:
    with pytest.raises(ValueError, match="0 degrees"):
        t_critical(0)


def test_an_estimate_of_three_blocks_by_hand() -> None:
    blocks = [9.0, 10.0, 12.0]
    logs = np.log(blocks)
    half = 4.302653 * logs.std(ddof=1) / math.sqrt(3)
    found = estimate(blocks)
    assert found.value == pytest.approx(float(np.exp(logs.mean())))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (np.exp(logs.mean() - half), np.exp(logs.mean() + half)), rel=1e-6
    )
    assert found.half_width == pytest.approx(math.expm1(half), rel=1e-6)


@pytest.mark.parametrize("blocks", [[3.0], [10.0, 12.0], [0.0, 1.0, 2.0, 3.0]])
def test_few_blocks_and_times_of_zero_have_no_interval(blocks: list[float]) -> None:
    found = estimate(blocks)
    assert (found.interval, found.half_width) == (None, None)
    assert min(blocks) <= found.value <= max(blocks)


def test_nothing_has_no_estimate() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])


@given(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=3, max_size=40))
def test_the_point_lies_within_its_interval_and_the_interval_is_positive(values: list[float]) -> None:
    found = estimate(values)
    assert found.interval is not None
    assert 0 <= found.interval.low <= found.value * (1 + 1e-9)
    assert found.interval.high >= found.value * (1 - 1e-9)


@given(
    st.lists(st.floats(min_value=0.1, max_value=10), min_size=3, max_size=20), st.floats(min_value=0.01, max_value=100)
)
def test_an_estimate_scales_with_its_values(values: list[float], factor: float) -> None:
    one, other = estimate(values), estimate([value * factor for value in values])
    assert other.value == pytest.approx(one.value * factor)


def test_correlated_blocks_have_a_wider_interval() -> None:
    trend = [1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07]
    shuffled = [trend[index] for index in (3, 6, 0, 5, 1, 7, 2, 4)]
    wide, narrow = estimate(trend), estimate(shuffled)
    assert wide.widening > 1.5 > narrow.widening == 1.0
    assert wide.value == pytest.approx(narrow.value)
    assert (wide.half_width or 0) > (narrow.half_width or 0)


def test_an_unpaired_ratio_agrees_with_welchs_test_of_scipy() -> None:
    from scipy import stats

    above, below = [2.0, 2.2, 2.1, 2.4], [1.0, 1.3, 0.9, 1.2]
    found = unpaired_ratio(above, below)
    assert found is not None
    expected = stats.ttest_ind(np.log(above), np.log(below), equal_var=False)
    between = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((np.exp(between.low), np.exp(between.high)))
    assert found.interval.holds(found.ratio)


@pytest.mark.parametrize(
    ("above", "below", "ratio", "p"), [([2.0] * 3, [1.0] * 3, 2.0, 0.0), ([2.0] * 3, [2.0] * 4, 1.0, 1.0)]
)
def test_blocks_without_any_variation(above: list[float], below: list[float], ratio: float, p: float) -> None:
    found = unpaired_ratio(above, below)
    assert found is not None
    assert (found.ratio, found.p) == (pytest.approx(ratio), p)


def test_two_blocks_have_no_unpaired_ratio() -> None:
    assert unpaired_ratio([1.0, 2.0], [1.0, 2.0, 3.0]) is None
    assert unpaired_ratio([0.0, 2.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_coefficient_of_variation_uses_n_minus_one() -> None:
    assert coefficient_of_variation([9.0, 11.0]) == pytest.approx(math.sqrt(2) / 10)


def test_a_paired_ratio_agrees_with_the_t_test_of_scipy() -> None:
    from scipy import stats

    above, below = [2.0, 2.3, 2.1, 2.4], [1.0, 1.2, 0.9, 1.3]
    found = paired_ratio(above, below)
    assert found is not None
    expected = stats.ttest_rel(np.log(above), np.log(below))
    between = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((np.exp(between.low), np.exp(between.high)))


@pytest.mark.parametrize(("above", "p"), [([2.0] * 3, 0.0), ([1.0] * 3, 1.0)])
def test_pairs_without_any_variation(above: list[float], p: float) -> None:
    found = paired_ratio(above, [1.0] * 3)
    assert found is not None
    assert (found.ratio, found.p) == (above[0], p)


def test_two_pairs_have_no_interval_and_unequal_groups_are_refused() -> None:
    assert paired_ratio([1.0, 2.0], [1.0, 2.0]) is None
    assert paired_ratio([0.0, 2.0, 1.0], [1.0, 2.0, 3.0]) is None
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_ratio([1.0], [1.0, 2.0])
