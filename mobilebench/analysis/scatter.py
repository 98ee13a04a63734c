"""Blocks of one case that are too far apart: something happened to one of them that their verdicts do not show."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mobilebench.core.records import Measurement

LARGEST_RATIO = 1.5
"""Of the largest block median of the predictions over the smallest, up to which blocks of a case agree."""


def far_apart(medians: Sequence[float]) -> str | None:
    """What to say of a case whose blocks have these medians, in milliseconds; None where they agree."""
    if len(medians) < 2:
        return None
    low, high = min(medians), max(medians)
    if high <= LARGEST_RATIO * low:
        return None
    values = ", ".join(f"{value:.3g}" for value in medians[:-1])
    told = f"{values} and {medians[-1]:.3g} ms" if len(medians) <= 6 else f"from {low:.3g} to {high:.3g} ms"
    differ = (
        f"differ by {_times(high / low)}" if low > 0 else "differ: some of them took no time that the clock can tell"
    )
    return f"Its blocks {differ}: medians {told}."


def blocks_far_apart(measurements: Sequence[Measurement]) -> str | None:
    """The same of a case's measured blocks, in their order."""
    return far_apart([median(one.prediction_ms) for one in measurements if one.prediction_ms])


def _times(ratio: float) -> str:
    """Never rounded down to the largest ratio that is allowed."""
    digits = 1 if ratio >= LARGEST_RATIO + 0.05 else 3
    return f"{ratio:.{digits}f}×"
