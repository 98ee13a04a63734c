"""The rule about the blocks of one case: they must not lie far apart.

Where they do, something happened to one of them that no proof shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mobilebench.core.records import Measurement, Reason
from mobilebench.verdicts.codes import Code

LARGEST_RATIO = 1.5
"""Largest ratio of the slowest to the fastest block, by their median prediction, at which blocks agree."""


def far_apart(medians: Sequence[float]) -> Reason | None:
    """Why a case whose blocks have these medians, in milliseconds, is suspect; None where they agree."""
    if len(medians) < 2:
        return None
    low, high = min(medians), max(medians)
    if high <= LARGEST_RATIO * low:
        return None
    values = ", ".join(f"{value:.3g}" for value in medians[:-1])
    values_in_words = f"{values} and {medians[-1]:.3g} ms" if len(medians) <= 6 else f"from {low:.3g} to {high:.3g} ms"
    differ = (
        f"differ by {_times(high / low)}" if low > 0 else "differ: some of them took no time that the clock can tell"
    )
    sentence = f"Its blocks {differ}: medians {values_in_words}."
    return Reason(code=Code.BLOCKS_FAR_APART.value, sentence=sentence)


def blocks_far_apart(measurements: Sequence[Measurement]) -> Reason | None:
    """The same for a case's measured blocks, in their order."""
    return far_apart([median(one.prediction_ms) for one in measurements if one.prediction_ms])


def _times(ratio: float) -> str:
    """A ratio with its sign, never rounded down to the largest ratio that is allowed."""
    digits = 1 if ratio >= LARGEST_RATIO + 0.05 else 3
    return f"{ratio:.{digits}f}×"
