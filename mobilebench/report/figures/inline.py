"""Small pictures inside tables and proofs: samples as a line, and ratios as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from mobilebench.analysis.labels import duration

SPARK_POINTS = 80
"""A line of raw samples has at most about this many points."""


def sparkline(samples: Sequence[float], what: str = "samples") -> Markup:
    """Raw samples (or what else they are) in order, from the smallest at the bottom to the largest at the top."""
    if len(samples) < 2:
        return Markup("")
    low, high = min(samples), max(samples)
    drawn = _thinned(samples)
    step = 100 / (len(drawn) - 1)
    points = " ".join(
        f"{number * step:.1f},{22 - 20 * ((value - low) / (high - low) if high > low else 0.5):.1f}"
        for number, value in enumerate(drawn)
    )
    label = f"{len(samples)} {what} from {duration(low)} to {duration(high)} ms, in order"
    return Markup(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>'
    ).format(label, points)


def _thinned(samples: Sequence[float]) -> Sequence[float]:
    """At most about `SPARK_POINTS` samples: of each run of neighbours the smallest and the largest, in their order."""
    if len(samples) <= SPARK_POINTS:
        return samples
    size = math.ceil(2 * len(samples) / SPARK_POINTS)
    kept: list[float] = []
    for start in range(0, len(samples), size):
        run = samples[start : start + size]
        ends = sorted({run.index(min(run)), run.index(max(run))})
        kept += [run[place] for place in ends]
    return kept


def ratio_bar(value: float, longest: float) -> Markup:
    """A bar from 0 with a line at 1×, on the scale of the longest bar in the same table."""
    scale = 100 / max(longest, 1.0)
    return Markup(
        '<svg class="ratio" width="100%" height="8" aria-hidden="true">'
        '<rect class="track" width="100%" height="8" rx="2"/><rect class="bar" width="{:.2f}%" height="8" rx="2"/>'
        '<line class="one" x1="{:.2f}%" x2="{:.2f}%" y1="0" y2="8"/></svg>'
    ).format(value * scale, scale, scale)
