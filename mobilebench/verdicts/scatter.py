"""The rule that the blocks of one case must not differ too much.

If they do, something that no proof shows affected one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mobilebench.core.records import Measurement, Reason
from mobilebench.verdicts.codes import Code

LARGEST_RATIO = 1.5
"""Largest ratio of the slowest to the fastest block, by median prediction, at which blocks agree."""


def far_apart(medians: Sequence[float]) -> Reason | None:
    """Why a case whose blocks have these medians (ms) is suspect; None when they agree."""
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
    """The result of `far_apart` for the measured blocks of a case, in their order."""
    return far_apart([median(one.prediction_ms) for one in measurements if one.prediction_ms])


def _times(ratio: float) -> str:
    """A ratio as text with ×, never rounded down to the largest allowed ratio."""
    digits = 1 if ratio >= LARGEST_RATIO + 0.05 else 3
    return f"{ratio:.{digits}f}×"
