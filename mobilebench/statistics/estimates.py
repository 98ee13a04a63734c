"""Estimates of a typical time or ratio from blocks, with 95 % intervals.

Samples within a block share a process and are not independent, so each block counts once, by its median. What is
estimated is the mean of the logarithms of the block medians: its antilogarithm is their geometric mean. Point and
interval are of this same quantity.

Sources:
    quantile: R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996),
        definition 7, the default of NumPy.
    interval: "Student" (W. S. Gosset), "The Probable Error of a Mean", Biometrika 6 (1908), on logarithms.
    widening by correlation: G. V. Bayley, J. M. Hammersley, "The 'Effective' Number of Independent Observations in an
        Autocorrelated Time Series", Supplement to the Journal of the Royal Statistical Society 8 (1946).
    difference of two means: B. L. Welch, "The Generalization of 'Student's' Problem when Several Different Population
        Variances are Involved", Biometrika 34 (1947).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median as middle_value

from mobilebench.statistics.sequences import correlation, degrees_of_freedom, widening

LEAST_BLOCKS = 3
"""Minimum number of blocks for an interval: with two blocks Student's factor would be 12.7."""


@dataclass(frozen=True)
class Interval:
    """A range of milliseconds or of ratios, both ends included."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value lies within."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Estimate:
    """A typical time (ms) or ratio, estimated from blocks."""

    value: float
    """Geometric mean. If a value is 0, which has no logarithm, or by `mean_estimate`: the arithmetic mean."""
    interval: Interval | None
    """95 % confidence interval of that mean; None with fewer than `LEAST_BLOCKS` values, or if one is 0."""
    blocks: int
    """Number of values."""
    correlation: float | None = None
    """Lag-1 correlation of the logarithms in their order; None if there are too few values."""
    widening: float = 1.0
    """The factor by which correlation has widened the interval on the logarithmic scale, fewer degrees of freedom
    included."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width as a share of the value: 0.02 is ±2 %. None without an interval."""
        if self.interval is None or self.interval.low <= 0:
            return None
        return math.expm1(math.log(self.interval.high / self.interval.low) / 2)


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

    if not len(values):
        raise ValueError("A quantile needs at least one value.")
    if not 0 <= share <= 1:
        raise ValueError(f"The share of a quantile lies between 0 and 1, not at {share}.")
    return float(np.quantile(np.asarray(values, dtype=np.float64), share))


@lru_cache(maxsize=1024)
def t_critical(degrees: float, confidence: float = 0.95) -> float:
    """Two-sided critical value of Student's t distribution: |t| stays below it with probability `confidence`.

    `scipy.special.stdtrit` is the function behind `scipy.stats.t.ppf`; importing it takes a quarter of the time.
    Raises ValueError for degrees below 1 or a confidence outside 0 to 1.
    """
    if degrees < 1 or not 0 < confidence < 1:
        raise ValueError(f"No critical value for {degrees} degrees of freedom at confidence {confidence}.")
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2))


def geometric_mean(values: Sequence[float]) -> float:
    """Antilogarithm of the mean logarithm; the arithmetic mean if a value is not above 0.

    Raises ValueError when there is no value.
    """
    if not values:
        raise ValueError("A mean needs at least one value.")
    if min(values) <= 0:
        return math.fsum(values) / len(values)
    centre = math.exp(math.fsum(map(math.log, values)) / len(values))
    return min(max(centre, min(values)), max(values))


def estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The typical value of block medians or of ratios, in the order in which the blocks were measured.

    The interval is Student's t on logarithms, at every number of blocks from `LEAST_BLOCKS`. Positive lag-1 correlation
    widens it (`sequences.widening`) and leaves it fewer degrees of freedom (`sequences.degrees_of_freedom`).
    Raises ValueError when there is no value.
    """
    centre, count = geometric_mean(values), len(values)
    if count < LEAST_BLOCKS or min(values) <= 0:
        return Estimate(centre, None, count)
    logs = [math.log(value) for value in values]
    rho = correlation(logs)
    independent = t_critical(count - 1, confidence)
    factor = widening(rho) * t_critical(degrees_of_freedom(count, rho), confidence) / independent
    half = factor * independent * deviation(logs) / math.sqrt(count)
    mean = math.fsum(logs) / count
    interval = Interval(math.exp(mean - half), math.exp(mean + half))
    return Estimate(centre, interval, count, rho, factor)


def mean_estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The arithmetic mean of values of blocks, in the order in which they were measured: for quantities that may be 0
    or less, such as a difference, which have no logarithm.

    The interval is Student's t, at every number of blocks from `LEAST_BLOCKS`. Positive lag-1 correlation widens it.
    Raises ValueError when there is no value.
    """
    if not values:
        raise ValueError("A mean needs at least one value.")
    count = len(values)
    mean = math.fsum(values) / count
    if count < LEAST_BLOCKS:
        return Estimate(mean, None, count)
    rho = correlation(values)
    factor = widening(rho)
    half = factor * t_critical(count - 1, confidence) * deviation(values) / math.sqrt(count)
    return Estimate(mean, Interval(mean - half, mean + half), count, rho, factor)


@dataclass(frozen=True)
class Difference:
    """How many times larger one group of blocks is than another, measured at other times."""

    ratio: float
    """Geometric mean of the first group over that of the second."""
    interval: Interval
    """95 % confidence interval of the ratio."""
    p: float
    """Two-sided probability of a difference at least as large if both were equal (Welch's test on logarithms)."""


def unpaired_ratio(
    above: Sequence[float],
    below: Sequence[float],
    confidence: float = 0.95,
    *,
    further: tuple[float, float] | None = None,
) -> Difference | None:
    """The ratio of two groups of block medians that are not paired by rounds: other targets, or other runs.

    Welch's t on logarithms; each group's standard error is widened by its own positive lag-1 correlation. `further` is
    another part of the variance of the difference, which the blocks do not show, with its degrees of freedom.
    None if a group has fewer than `LEAST_BLOCKS` values, or a value that is not above 0.
    """
    groups = (above, below)
    if any(len(group) < LEAST_BLOCKS or min(group) <= 0 for group in groups):
        return None
    from scipy.special import stdtr

    logs = [[math.log(value) for value in group] for group in groups]
    means = [math.fsum(group) / len(group) for group in logs]
    parts = [*map(_variance_of_mean, logs), *([further] if further else [])]
    error, difference = math.sqrt(sum(part for part, _ in parts)), means[0] - means[1]
    if error == 0:
        return Difference(math.exp(difference), Interval(*[math.exp(difference)] * 2), 1.0 if difference == 0 else 0.0)
    degrees = error**4 / sum(part**2 / own for part, own in parts)
    half = t_critical(degrees, confidence) * error
    interval = Interval(math.exp(difference - half), math.exp(difference + half))
    return Difference(math.exp(difference), interval, float(2 * stdtr(degrees, -abs(difference) / error)))


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> Difference | None:
    """The ratio of two groups of block medians that are paired by rounds, in the order of the rounds.

    Student's t on the logarithms of the rounds' ratios, as `estimate` computes it. None if there are fewer than
    `LEAST_BLOCKS` pairs, or a value is not above 0. Raises ValueError if the groups differ in size.
    """
    if len(above) != len(below):
        raise ValueError(f"{len(above)} values cannot be paired with {len(below)}.")
    if len(above) < LEAST_BLOCKS or min(*above, *below) <= 0:
        return None
    from scipy.special import stdtr

    ratios = [one / other for one, other in zip(above, below, strict=True)]
    found = estimate(ratios)
    if found.interval is None:
        return None
    variance, degrees = _variance_of_mean([math.log(ratio) for ratio in ratios])
    error, mean = math.sqrt(variance), math.log(found.value)
    if error == 0:
        return Difference(found.value, found.interval, 1.0 if mean == 0 else 0.0)
    return Difference(found.value, found.interval, float(2 * stdtr(degrees, -abs(mean) / error)))


def _variance_of_mean(logs: Sequence[float]) -> tuple[float, float]:
    """The variance of the mean of values in their order, and its degrees of freedom."""
    rho = correlation(logs)
    return (widening(rho) * deviation(logs)) ** 2 / len(logs), degrees_of_freedom(len(logs), rho)


def coefficient_of_variation(values: Sequence[float]) -> float | None:
    """Standard deviation (n - 1) over mean; None with fewer than two values or a mean of 0."""
    mean = math.fsum(values) / len(values) if values else 0.0
    return deviation(values) / mean if len(values) > 1 and mean > 0 else None


def deviation(values: Sequence[float]) -> float:
    """Standard deviation (n - 1). Raises ZeroDivisionError for a single value."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
