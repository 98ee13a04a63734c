"""How much the same case varies from run to run beyond its blocks, and which of many changes count.

Blocks of one run share its hour: the clock frequency, the heat, the other load and where the system placed things. So
two runs of the same case differ by more than their blocks show, and a test on blocks alone calls too many changes.

Sources:
    between runs: the variance component of a one-way random-effects analysis of variance, by moments, with the weight
        of an assumed value (G. K. Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential
        Expression", Statistical Applications in Genetics and Molecular Biology 3 (2004)).
    correction: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
        (1979). It holds for dependent tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.statistics.estimates import Difference, Interval, deviation, t_critical

DEGREES = 5.0
"""Degrees of freedom with which the estimate is used, however many runs it is from: a run that differs from all others
is more frequent than under a normal distribution (benchmarks/compare_aa.py). The assumed deviation counts as much.
"""


@dataclass(frozen=True)
class BetweenRuns:
    """The variation between runs that blocks do not explain."""

    deviation: float
    """Standard deviation of a run's mean logarithm: 0.02 is about 2 %."""
    runs: int
    """Number of runs from which it was estimated; below 2, only the assumed value counts."""

    @property
    def of_difference(self) -> tuple[float, float]:
        """What it adds to the variance of the difference of two runs, and its degrees of freedom."""
        return 2 * self.deviation**2, DEGREES


def between_runs(runs: Sequence[Sequence[float]], assumed: float) -> BetweenRuns:
    """The variation between runs of one case, from the block medians of each run and an assumed deviation.

    The more runs there are, the less the assumed value counts. Runs with fewer than two blocks, or with a value that is
    not above 0, are left out.
    """
    logs = [[math.log(value) for value in run] for run in runs if len(run) > 1 and min(run) > 0]
    further, found = max(len(logs) - 1, 0), 0.0
    if further:
        means = [math.fsum(run) / len(run) for run in logs]
        by_blocks = math.fsum(deviation(run) ** 2 / len(run) for run in logs) / len(logs)
        found = max(deviation(means) ** 2 - by_blocks, 0.0)
    variance = (DEGREES * assumed**2 + further * found) / (DEGREES + further)
    return BetweenRuns(math.sqrt(variance), len(logs))


def between_values(values: Sequence[float], assumed: float) -> BetweenRuns:
    """How much one value for each run varies from run to run, its own error included, from the values of several runs
    (above 0) and an assumed deviation, which counts as in `between_runs`.
    """
    further = max(len(values) - 1, 0)
    found = deviation([math.log(value) for value in values]) if further else 0.0
    variance = (DEGREES * assumed**2 + further * found**2) / (DEGREES + further)
    return BetweenRuns(math.sqrt(variance), len(values))


def ratio_of_runs(above: float, below: float, between: BetweenRuns, confidence: float = 0.95) -> Difference | None:
    """The ratio of two values that each stand for a run, by Student's t on logarithms; None if one is not above 0."""
    variance, degrees = between.of_difference
    if min(above, below) <= 0 or variance <= 0:
        return None
    from scipy.special import stdtr

    difference, error = math.log(above / below), math.sqrt(variance)
    half = t_critical(degrees, confidence) * error
    interval = Interval(math.exp(difference - half), math.exp(difference + half))
    return Difference(math.exp(difference), interval, float(2 * stdtr(degrees, -abs(difference) / error)))


def corrected(probabilities: Sequence[float]) -> list[float]:
    """Holm's adjusted probabilities, in the given order: those up to 0.05 are changes, with at most 5 % of families in
    which nothing changed having one.
    """
    order = sorted(range(len(probabilities)), key=lambda index: probabilities[index])
    found, largest = [0.0] * len(order), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * probabilities[index]))
        found[index] = largest
    return found
