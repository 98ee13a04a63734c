"""The median of paired ratios, with an interval that assumes nothing about their distribution."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How two things that were measured in pairs compare."""

    median: float
    low: float | None
    """Lower end of the 95 % interval of the median; None when there are too few pairs for one (fewer than six)."""
    high: float | None
    pairs: int

    @property
    def interval(self) -> str:
        """The interval in words."""
        return "too few pairs" if self.low is None or self.high is None else f"{self.low:.3f}–{self.high:.3f}"

    def __str__(self) -> str:
        return f"median ratio {self.median:.3f} (95 % interval {self.interval}, {self.pairs} pairs)"


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Median of ours / theirs, pair by pair.

    The interval lies between two order statistics: with n pairs, as many are left out at each end as keep the
    probability that it covers the median, by the binomial distribution with p = 1/2, at 95 % or more.

    Raises:
        ValueError: there is no pair, the numbers of values differ, or one of theirs is not above 0.
    """
    if not ours or len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} values cannot be paired with {len(theirs)}")
    if min(theirs) <= 0:
        raise ValueError("a ratio to a value that is not above 0 has no meaning")
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    left_out = _left_out(len(ratios))
    low, high = (None, None) if left_out is None else (ratios[left_out], ratios[-1 - left_out])
    return Ratio(statistics.median(ratios), low, high, len(ratios))


def _left_out(pairs: int) -> int | None:
    """How many of the sorted ratios lie outside the interval at each end; None when even all do not suffice."""
    below = 0.0
    for count in range(pairs):
        below += math.comb(pairs, count) / 2**pairs
        if 2 * below > 1 - CONFIDENCE:
            return count - 1 if count > 0 else None
    return None
