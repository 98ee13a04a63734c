"""The paired ratio, against tables of the sign test and by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ratios import paired_ratio
from tests.pinning import Pinned

POSITIVE = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(
    ("pairs", "lowest", "highest"),
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (12, 3, 10), (16, 4, 13), (20, 6, 15), (49, 18, 32)],
)
def test_the_interval_lies_between_the_tabled_order_statistics(pairs: int, lowest: int, highest: int) -> None:
    ratio = paired_ratio([float(n) for n in range(pairs, 0, -1)], [1.0] * pairs)
    assert (ratio.low, ratio.high, ratio.pairs) == (lowest, highest, pairs)
    assert ratio.median == (pairs + 1) / 2


@pytest.mark.parametrize("pairs", range(1, 6))
def test_too_few_pairs_have_no_interval(pairs: int, pinned: Pinned) -> None:
    ratio = paired_ratio([3.0] * pairs, [2.0] * pairs)
    assert (ratio.median, ratio.low, ratio.high) == (1.5, None, None)
    pinned(str(ratio))


def test_ratios_are_taken_within_pairs(pinned: Pinned) -> None:
    """Both drift tenfold; pair by pair ours is twice theirs."""
    theirs = [10.0 ** (n / 5) for n in range(8)]
    ratio = paired_ratio([2 * value for value in theirs], theirs)
    assert math.isclose(ratio.median, 2)
    pinned(str(ratio))


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=6, max_size=60))
@pytest.mark.slow
def test_the_median_lies_in_its_interval(pairs: list[tuple[float, float]]) -> None:
    ratio = paired_ratio([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= ratio.median <= ratio.high


def test_the_interval_covers_the_true_median_often_enough() -> None:
    chance = random.Random(7)
    covered = 0
    for _ in range(1000):
        ratio = paired_ratio([math.exp(chance.gauss(0, 1)) for _ in range(12)], [1.0] * 12)
        assert ratio.low is not None
        assert ratio.high is not None
        covered += ratio.low <= 1 <= ratio.high
    assert covered >= 940


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0]), ([1.0], [-1.0])])
def test_what_cannot_be_compared_is_refused(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"paired|ratio"):
        paired_ratio(ours, theirs)
