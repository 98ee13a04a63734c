"""Rules about a whole case: how its timing blocks relate to each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from mobilebench.core.records import Measurement, Reason
from mobilebench.statistics.estimates import LEAST_BLOCKS, Estimate, estimate
from mobilebench.statistics.sequences import LEAST_FOR_DRIFT, chance_correlation, correlation, drift, two_modes
from mobilebench.statistics.stopping import precise_enough
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.thresholds import (
    CORRELATION_FACTOR,
    DRIFT_PROBABILITY,
    LARGEST_CLOCK_RATIO,
    LARGEST_CORRELATION,
    LARGEST_DRIFT,
    LARGEST_RATIO,
)

_NAMED = 6
"""Largest number of blocks whose medians a sentence lists."""


def judge_case(
    measurements: Sequence[Measurement], precision: float | None = None, clocks: Sequence[float] = ()
) -> list[Reason]:
    """Reasons about the counted timing blocks of a case, in their order; none for a case without a block.

    Args:
        measurements: what was measured.
        precision: the asked half-width of the 95 % interval as a share (0.02 is ±2 %); None if none was asked.
        clocks: the clock of each block in MHz (`surroundings.block_clock`), for those in which it was recorded.
    """
    medians = [median(one.prediction_ms) for one in measurements if one.prediction_ms]
    if not medians:
        return []
    return [*_reasons(medians, precision), *_clocks(clocks)]


def _clocks(clocks: Sequence[float]) -> Iterator[Reason]:
    low, high = min(clocks, default=0.0), max(clocks, default=0.0)
    if low > 0 and high > LARGEST_CLOCK_RATIO * low:
        sentence = f"Its blocks ran at different clocks: from {low:.0f} to {high:.0f} MHz."
        yield _reason(Code.CLOCKS_DIFFER, sentence)


def _reasons(medians: Sequence[float], precision: float | None) -> Iterator[Reason]:
    if apart := far_apart(medians):
        yield apart
    if len(medians) < LEAST_BLOCKS:
        blocks = "Only one block counts" if len(medians) == 1 else f"Only {len(medians)} blocks count"
        yield _reason(Code.TOO_FEW_BLOCKS, f"{blocks}; an interval needs {LEAST_BLOCKS}.")
    if precision is not None:
        yield from _too_wide(estimate(medians), precision)
    if min(medians) > 0:
        yield from _order([math.log(value) for value in medians])


def _too_wide(found: Estimate, precision: float) -> Iterator[Reason]:
    if precise_enough(found, precision):
        return
    half, asked = found.half_width, f"±{precision * 100:.3g} % was asked for"
    got = f"is ±{half * 100:.1f} % wide" if half is not None else "is not known"
    yield _reason(Code.INTERVAL_WIDE, f"After {found.blocks} blocks its 95 % interval {got}, where {asked}.")


def _order(logs: Sequence[float]) -> Iterator[Reason]:
    """Reasons from the order and the grouping of the block medians (logarithms)."""
    count = len(logs)
    if modes := two_modes(logs):
        yield _reason(
            Code.TWO_MODES,
            f"Its blocks fall into two groups: {len(modes.lower)} fast and {len(modes.upper)} slow ones, "
            f"{modes.apart:.2f}× apart.",
        )
    trend = drift(logs) if count >= LEAST_FOR_DRIFT else None
    if trend and trend.p < DRIFT_PROBABILITY and abs(trend.change) > LARGEST_DRIFT:
        way = "slower" if trend.change > 0 else "faster"
        change = f"{abs(trend.change) * 100:.1f} %"
        yield _reason(Code.BLOCKS_DRIFT, f"Its blocks became {change} {way} from the first to the last one.")
        return
    rho = correlation(logs)
    if rho is not None and rho > max(LARGEST_CORRELATION, CORRELATION_FACTOR * chance_correlation(count)):
        sentence = f"Neighbouring blocks resemble each other (correlation {rho:.2f}); the interval was widened for it."
        yield _reason(Code.BLOCKS_CORRELATED, sentence)


def far_apart(medians: Sequence[float]) -> Reason | None:
    """Why a case whose blocks have these medians (ms) is suspect; None when they agree."""
    if len(medians) < 2:
        return None
    low, high = min(medians), max(medians)
    if high <= LARGEST_RATIO * low:
        return None
    values = ", ".join(f"{value:.3g}" for value in medians[:-1])
    several = len(medians) <= _NAMED
    values_in_words = f"{values} and {medians[-1]:.3g} ms" if several else f"from {low:.3g} to {high:.3g} ms"
    differ = (
        f"differ by {_times(high / low)}" if low > 0 else "differ: some of them took no time that the clock can tell"
    )
    return _reason(Code.BLOCKS_FAR_APART, f"Its blocks {differ}: medians {values_in_words}.")


def _times(ratio: float) -> str:
    """A ratio as text with ×, never rounded down to the largest allowed ratio."""
    digits = 1 if ratio >= LARGEST_RATIO + 0.05 else 3
    return f"{ratio:.{digits}f}×"


def _reason(code: Code, sentence: str) -> Reason:
    return Reason(code=code.value, sentence=sentence)
