"""Axes with round numbers, linear from zero or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mobilebench.report.figures.theme import Spec

LOG_FROM = 20.0
"""Ratio of largest to smallest value from which an axis is logarithmic."""
_MOST_OF_ALL_STEPS = 200
"""Ratio of the ends of a logarithmic axis up to which it has ticks at 1, 2 and 5, and not only at powers of ten."""


@dataclass(frozen=True)
class Axis:
    """The range of an axis with its ticks."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def encoding(self, field: str, title: str | None = None) -> Spec:
        """The channel of a field along this axis."""
        scale: Spec = {"domain": [self.low, self.high], "nice": False}
        return {
            "field": field,
            "type": "quantitative",
            "title": title,
            "scale": {"type": "log", **scale} if self.logarithmic else {**scale, "zero": False},
            "axis": {"values": list(self.ticks), "format": ".6~g"},
        }

    def position(self, value: float) -> float:
        """Where a value lies along the axis: 0 at its low end, 1 at its high one."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def clipped(self, value: float) -> float:
        """The value, or the nearer end of the axis."""
        return min(self.high, max(self.low, value))


def fitting(values: Iterable[float]) -> Axis:
    """A logarithmic axis if the values are far apart and above zero, and else a linear one."""
    found = list(values)
    low, high = min(found), max(found)
    return log_axis(low, high) if low > 0 and high / low > LOG_FROM else linear_axis(high)


def linear_axis(high: float) -> Axis:
    """A linear axis from 0 to the first round number above `high`, with four to six ticks."""
    step = _round_up(max(high, 1e-6) / 5)
    count = max(1, math.ceil(high / step - 1e-9))
    return Axis(0.0, count * step, False, tuple(float(f"{step * n:.6g}") for n in range(count + 1)))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if value <= factor * power * (1 + 1e-9))


def log_axis(low: float, high: float) -> Axis:
    """A logarithmic axis from a round number at or below `low` to one at or above `high`; both are above zero."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    below = max((step for step in steps if step <= low), default=steps[0])
    above = min((step for step in steps if step >= high and step > below), default=10.0 * below)
    inside = [step for step in steps if below <= step <= above]
    if above / below > _MOST_OF_ALL_STEPS:
        inside = [step for step in inside if step in (below, above) or f"{step:e}".startswith("1.0")]
    return Axis(below, above, True, tuple(float(f"{step:.6g}") for step in inside))
