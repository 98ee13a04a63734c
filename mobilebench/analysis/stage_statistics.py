"""Statistics of one stage of a case, computed from raw samples when results are read.

Sources:
    tails: quantiles of all samples (R. J. Hyndman, Y. Fan, The American Statistician 50 (1996), definition 7).
    outliers: J. W. Tukey, "Exploratory Data Analysis" (1977): values outside the inner fences, on logarithms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.statistics.estimates import (
    Estimate,
    Interval,
    coefficient_of_variation,
    estimate,
    median,
    quantile,
)

TAILS: dict[float, int] = {0.9: 10, 0.95: 20, 0.99: 100}
"""Quantiles that are computed, and how many samples each needs."""
_LEAST_FOR_OUTLIERS = 4
_INNER_FENCE = 1.5


@dataclass(frozen=True)
class StageStatistics:
    """One stage of one case, over the blocks that count. All values are in milliseconds except counts and shares."""

    estimate: Estimate
    """The typical time: the geometric mean of the block medians, with its 95 % interval."""
    blocks: tuple[float, ...]
    """Median of each block, in round order."""
    samples: int
    """Raw values in all blocks together."""
    median: float
    """Median of all samples."""
    mean: float
    """Arithmetic mean of all samples."""
    tails: dict[float, float]
    """Quantiles of all samples, by share; without those for which there are too few samples (`TAILS`)."""
    spread: Interval
    """Smallest and largest block median."""
    between: float | None
    """Coefficient of variation between block medians (0.02 is 2 %); None with fewer than two blocks."""
    within: float | None
    """Root mean square of the coefficients of variation within blocks; None if no block has two samples."""
    outliers: int
    """Samples outside Tukey's inner fences of their block. They are counted and kept."""

    @property
    def value(self) -> float:
        """The typical time in milliseconds."""
        return self.estimate.value

    @property
    def interval(self) -> Interval | None:
        """95 % confidence interval of `value`; None with too few blocks."""
        return self.estimate.interval


def over_blocks(samples: Sequence[Sequence[float]]) -> StageStatistics | None:
    """Statistics of one stage from the raw samples of each block; blocks without a sample are left out."""
    filled = [block for block in samples if block]
    if not filled:
        return None
    medians = tuple(median(block) for block in filled)
    pooled = list(itertools.chain.from_iterable(filled))
    return StageStatistics(
        estimate=estimate(medians),
        blocks=medians,
        samples=len(pooled),
        median=median(pooled),
        mean=math.fsum(pooled) / len(pooled),
        tails={share: quantile(pooled, share) for share, least in TAILS.items() if len(pooled) >= least},
        spread=Interval(min(medians), max(medians)),
        between=coefficient_of_variation(medians),
        within=_within(filled),
        outliers=sum(map(_outliers, filled)),
    )


def _within(blocks: Sequence[Sequence[float]]) -> float | None:
    found = [value for value in map(coefficient_of_variation, blocks) if value is not None]
    return math.sqrt(math.fsum(value * value for value in found) / len(found)) if found else None


def _outliers(block: Sequence[float]) -> int:
    if len(block) < _LEAST_FOR_OUTLIERS or min(block) <= 0:
        return 0
    import numpy as np

    logs = np.log(np.asarray(block, dtype=np.float64))
    low, high = np.quantile(logs, (0.25, 0.75))
    fence = _INNER_FENCE * (high - low)
    return int(np.count_nonzero((logs < low - fence) | (logs > high + fence)))
