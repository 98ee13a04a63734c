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
from functools import cached_property

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
    """One stage of one case, over the blocks that count. All values are in milliseconds except counts and shares.

    What only the proof and the exported tables show is computed when it is first asked for.
    """

    raw: tuple[Sequence[float], ...]
    """Samples of each block that has any, in round order."""
    estimate: Estimate
    """The typical time: the geometric mean of the block medians, with its 95 % interval."""
    blocks: tuple[float, ...]
    """Median of each block, in round order."""

    @property
    def value(self) -> float:
        """The typical time in milliseconds."""
        return self.estimate.value

    @property
    def interval(self) -> Interval | None:
        """95 % confidence interval of `value`; None with too few blocks."""
        return self.estimate.interval

    @property
    def samples(self) -> int:
        """Number of raw values in all blocks together."""
        return sum(map(len, self.raw))

    @cached_property
    def median(self) -> float:
        """Median of all samples."""
        return median(self._pooled)

    @cached_property
    def mean(self) -> float:
        """Arithmetic mean of all samples."""
        return math.fsum(self._pooled) / self.samples

    @cached_property
    def tails(self) -> dict[float, float]:
        """Quantiles of all samples, by share; without those for which there are too few samples (`TAILS`)."""
        pooled = self._pooled
        return {share: quantile(pooled, share) for share, least in TAILS.items() if len(pooled) >= least}

    @property
    def spread(self) -> Interval:
        """Smallest and largest block median."""
        return Interval(min(self.blocks), max(self.blocks))

    @cached_property
    def between(self) -> float | None:
        """Coefficient of variation between block medians (0.02 is 2 %); None with fewer than two blocks."""
        return coefficient_of_variation(self.blocks)

    @cached_property
    def within(self) -> float | None:
        """Root mean square of the coefficients of variation within blocks; None if no block has two samples."""
        return _within(self.raw)

    @cached_property
    def outliers(self) -> int:
        """Samples outside Tukey's inner fences of their block. They are counted and kept."""
        return sum(map(_outliers, self.raw))

    @property
    def _pooled(self) -> list[float]:
        return list(itertools.chain.from_iterable(self.raw))


def over_blocks(samples: Sequence[Sequence[float]]) -> StageStatistics | None:
    """Statistics of one stage from the raw samples of each block; blocks without a sample are left out."""
    filled = tuple(block for block in samples if block)
    if not filled:
        return None
    medians = tuple(map(median, filled))
    return StageStatistics(filled, estimate(medians), medians)


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
