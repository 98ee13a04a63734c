"""Change points of a series, such as the typical time of one case in each of many nights.

The logarithms are cut into pieces of equal mean by optimal partitioning (see `warmup_end`), with a penalty for each
piece. Single values that lie apart from their neighbours are first drawn to them (Hampel's filter), so that one bad
night is no change. A cut stays only if the levels on both sides differ significantly, with intervals that their
correlation widens, and by more than a smallest change. So a new level has to hold for `SHORTEST` values.

False alarms: of 2,000 simulated series without a change, of each length from 8 to 500 values and with normal or
heavy-tailed noise of 1 to 3 %, at most 0.7 % have one; with a lag-1 correlation of 0.3, at most 2.7 %. With every
twentieth value 1.5 times as large, at most 2 % up to 120 values and 5.5 % of 500: mostly three such values in a row,
which are a level (`benchmarks/change_points.py`).

Sources:
    filter: F. R. Hampel, "The Influence Curve and its Role in Robust Estimation", Journal of the American Statistical
        Association 69 (1974); R. K. Pearson, "Outliers in Process Modeling and Identification", IEEE Transactions on
        Control Systems Technology 10 (2002).
    penalty: Y.-C. Yao, "Estimating the Number of Change-Points via Schwarz' Criterion", Statistics & Probability
        Letters 6 (1988), with a larger factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobilebench.statistics.estimates import Difference, geometric_mean, unpaired_ratio
from mobilebench.statistics.warmup_end import pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTEST = 3
"""A level has at least so many values."""
LEAST_VALUES = 8
"""A shorter series is not searched."""
SMALLEST_CHANGE = 0.02
"""A change of the level by less, as a share, is not named."""
LEVEL = 0.01
"""Largest probability of a difference as large between the levels on both sides of one cut, if there were none."""
_PENALTY = 4.0
_WINDOW = 5
"""Values of a group of neighbours."""
_FENCE = 3.0
"""A value further from its neighbours, in standard deviations of the noise, is drawn to this distance."""
_LEAST_NOISE = 1e-4


@dataclass(frozen=True)
class ChangePoint:
    """Where a series moves to another level."""

    position: int
    """Index of the first value of the new level."""
    before: int
    """Number of values of the level before."""
    after: int
    """Number of values of the new level."""
    old: float
    """The level before: the geometric mean of its values after the filter."""
    new: float
    """The new level."""
    change: Difference
    """The new level over the one before, with its 95 % interval."""


def change_points(values: Sequence[float], smallest: float = SMALLEST_CHANGE) -> tuple[ChangePoint, ...]:
    """The change points of a series above 0, in order; empty with fewer than `LEAST_VALUES` values."""
    if len(values) < LEAST_VALUES or min(values) <= 0:
        return ()
    import numpy as np

    logs = np.log(np.asarray(values, dtype=np.float64))
    noise = max(_noise(logs), _LEAST_NOISE)
    drawn = _filtered(logs, noise)
    ends = pieces(drawn, _PENALTY * noise**2 * math.log(len(drawn)), SHORTEST)
    return _confirmed(np.exp(drawn), ends, smallest)


def _noise(logs: NDArray[np.float64]) -> float:
    """Standard deviation of the noise, from differences, so that changes of the level do not count.

    The larger one of differences of neighbours and of values three apart, which are less alike if noise is correlated.
    """
    import numpy as np

    steps = (logs[apart:] - logs[:-apart] for apart in (1, 3))
    return max(float(np.median(np.abs(one))) for one in steps) / 0.6745 / math.sqrt(2)


def _filtered(logs: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """The values, those far from their neighbours drawn to them.

    Neighbours are the values before, around and after it, by the median of each group of `_WINDOW` with the value
    itself: so the first value of a new level stays where it is.
    """
    import numpy as np

    padded = np.pad(logs, _WINDOW - 1, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)
    known = np.count_nonzero(~np.isnan(windows), axis=1) >= SHORTEST
    medians = np.full(len(windows), np.nan)
    medians[known] = np.nanmedian(windows[known], axis=1)
    count = len(logs)
    groups = np.stack([medians[start : start + count] for start in (0, _WINDOW // 2, _WINDOW - 1)])
    return np.clip(logs, np.nanmin(groups, axis=0) - _FENCE * noise, np.nanmax(groups, axis=0) + _FENCE * noise)


def _confirmed(values: NDArray[np.float64], ends: list[int], smallest: float) -> tuple[ChangePoint, ...]:
    """The cuts that are left when the least certain one is removed until every one is certain and large enough."""
    while True:
        bounds = [0, *ends]
        found = [_at(values, *bounds[number : number + 3]) for number in range(len(ends) - 1)]
        doubtful = [(one.change.p, number) for number, one in enumerate(found) if not _counts(one, smallest)]
        if not doubtful:
            return tuple(found)
        del ends[max(doubtful)[1]]


def _at(values: NDArray[np.float64], start: int, cut: int, end: int) -> ChangePoint:
    below, above = values[start:cut].tolist(), values[cut:end].tolist()
    change = unpaired_ratio(above, below)
    assert change is not None, "each level has at least three values above 0"
    return ChangePoint(cut, cut - start, end - cut, geometric_mean(below), geometric_mean(above), change)


def _counts(one: ChangePoint, smallest: float) -> bool:
    return one.change.p <= LEVEL and abs(math.log(one.change.ratio)) >= math.log1p(smallest)
