"""Statistics, computed when results are read, with the block as the unit: samples in a block share a process and so are
not independent.

Sources:
    quantile: R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996),
        definition 7, the default of NumPy.
    interval: "Student" (W. S. Gosset), "The Probable Error of a Mean", Biometrika 6 (1908).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median as middle_value

LEAST_BLOCKS = 3
"""Minimum number of blocks for an interval: with two blocks Student's factor would be 12.7."""


@dataclass(frozen=True)
class Interval:
    """A range of milliseconds, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class StageStatistics:
    """One stage of one case, over the blocks that count. All values are in milliseconds except the counts and `cv`."""

    median: float
    """Median of the block medians."""
    p90: float | None
    """Median of the blocks' 90th percentiles; None when no block holds more than one sample."""
    blocks: tuple[float, ...]
    """Median of each block, in round order."""
    samples: int
    """Raw values in all blocks together."""
    spread: Interval
    """Smallest and largest block median."""
    interval: Interval | None
    """95 % confidence interval of the mean block median, cut at 0; None with fewer than three blocks."""
    cv: float | None
    """Coefficient of variation between block medians (0.02 is 2 %); None with fewer than two blocks."""


def median(values: Sequence[float]) -> float:
    """Middle value, or the mean of the two middle values. Raises ValueError when there is none."""
    if not values:
        raise ValueError("A median needs at least one value.")
    return float(middle_value(values))


def quantile(values: Sequence[float], share: float) -> float:
    """Value below which `share` (0 to 1) of the values lie, by linear interpolation (Hyndman & Fan, definition 7).

    Raises ValueError when there is no value, or when `share` lies outside 0 to 1.
    """
    import numpy as np

    if not values:
        raise ValueError("A quantile needs at least one value.")
    if not 0 <= share <= 1:
        raise ValueError(f"The share of a quantile lies between 0 and 1, not at {share}.")
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


@lru_cache(maxsize=256)
def t_critical(degrees: int, confidence: float = 0.95) -> float:
    """Two-sided critical value of Student's t distribution: |t| stays below it with probability `confidence`.

    `scipy.special.stdtrit` is the function behind `scipy.stats.t.ppf`; importing it takes a quarter of the time.
    Raises ValueError for degrees below 1 or a confidence outside 0 to 1.
    """
    if degrees < 1 or not 0 < confidence < 1:
        raise ValueError(f"No critical value for {degrees} degrees of freedom at confidence {confidence}.")
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2))


def interval_between(blocks: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """t interval of the mean of block medians; None with fewer than `LEAST_BLOCKS`.

    Times cannot be negative: the lower end is cut at 0.
    """
    if len(blocks) < LEAST_BLOCKS:
        return None
    mean = math.fsum(blocks) / len(blocks)
    half = t_critical(len(blocks) - 1, confidence) * _deviation(blocks) / math.sqrt(len(blocks))
    return Interval(max(0.0, mean - half), mean + half)


def coefficient_of_variation(blocks: Sequence[float]) -> float | None:
    """Standard deviation (n - 1) over mean; None with fewer than two values or a mean of 0."""
    mean = math.fsum(blocks) / len(blocks) if blocks else 0.0
    return _deviation(blocks) / mean if len(blocks) > 1 and mean > 0 else None


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def over_blocks(samples: Sequence[Sequence[float]]) -> StageStatistics | None:
    """Statistics of one stage from the raw samples of each block; blocks without a sample are left out."""
    filled = [block for block in samples if block]
    if not filled:
        return None
    medians = tuple(median(block) for block in filled)
    tails = [quantile(block, 0.9) for block in filled if len(block) > 1]
    return StageStatistics(
        median=median(medians),
        p90=median(tails) if tails else None,
        blocks=medians,
        samples=sum(len(block) for block in filled),
        spread=Interval(min(medians), max(medians)),
        interval=interval_between(medians),
        cv=coefficient_of_variation(medians),
    )
