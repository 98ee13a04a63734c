"""Formats words and numbers for several sections."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.gaps import Gap, Ratio
from mobilebench.analysis.labels import duration, factor, percent, ratio, size
from mobilebench.analysis.stage_statistics import StageStatistics
from mobilebench.analysis.summary import RunSummary, Status
from mobilebench.statistics.estimates import LEAST_BLOCKS
from mobilebench.verdicts.codes import Code

UNKNOWN = "–"
"""Shown if a value is not known."""
MOST_NAMED = 3
"""The most names that a sentence lists."""


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(names: Sequence[str], kind: str) -> str:
    """Names as a clause, such as `a, b and c`; more than `MOST_NAMED` are counted: `5 targets`."""
    if len(names) > MOST_NAMED:
        return plural(len(names), kind)
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def counts_sentence(counts: dict[Status, int]) -> str:
    """Such as `22 valid, 2 suspect`."""
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no case"


def stopped_sentence(count: int) -> str:
    """How many attempts were stopped because of heat, and what became of them."""
    attempts = "1 attempt at a block was" if count == 1 else f"{count} attempts at blocks were"
    return f"{attempts} stopped because of heat: invalid (`{Code.STOPPED_HOT}`), and in no statistic."


def watched_counts(summary: RunSummary) -> str:
    """Such as `kernels: 12 valid, 1 unsupported; memory: 13 valid`; empty without other passes than timing."""
    return "; ".join(f"{watched}: {counts_sentence(counts)}" for watched, counts in summary.watched.items())


def spread(statistics: StageStatistics) -> str:
    """Range of the block medians, such as `5.98–6.22`, or `1 block` if there is no range."""
    if len(statistics.blocks) == 1:
        return "1 block"
    return range_text(statistics.spread.low, statistics.spread.high)


def interval(statistics: StageStatistics) -> str:
    """The 95 % interval, such as `4.9–7.3`, or why there is none."""
    if statistics.interval is None:
        return f"none ({plural(len(statistics.blocks), 'block')}; an interval needs {LEAST_BLOCKS})"
    return range_text(statistics.interval.low, statistics.interval.high)


def range_text(low: float, high: float) -> str:
    """Two durations, or one if both are displayed alike."""
    left, right = duration(low), duration(high)
    return left if left == right else f"{left}–{right}"


def ratio_range(of: Ratio) -> str:
    """The 95 % interval of a ratio, such as `3.12–3.31`; without one the lowest and highest ratio of a round; empty if
    there was only one round.
    """
    ends = of.interval or of.spread
    low, high = factor(ends.low), factor(ends.high)
    return "" if of.rounds == 1 else low if low == high else f"{low}–{high}"


def rounds(gap: Gap) -> str:
    """The number of rounds of a gap, such as `2 rounds`."""
    return plural(max((ratio.rounds for ratio in gap.ratios.values()), default=0), "round")


def milliseconds(value: float | None) -> str:
    return UNKNOWN if value is None else duration(value)


def share(value: float | None) -> str:
    return UNKNOWN if value is None else percent(value)


def times(value: float | None) -> str:
    """Such as `3.12×`."""
    return UNKNOWN if value is None else ratio(value)


def rate(value: float | None) -> str:
    """A rate with its unit and about three digits."""
    return UNKNOWN if value is None else factor(value)


def memory_size(kib: float | None) -> str:
    """Such as `24.1 MiB`."""
    return UNKNOWN if kib is None else size(kib)


def memory_bytes(count: int | None) -> str:
    """The same for a number of bytes."""
    return memory_size(None if count is None else count / 1024)


def signed_size(kib: int | None) -> str:
    """Growth with its sign, such as `+ 12.3 MiB`."""
    if kib is None:
        return UNKNOWN
    return size(0) if kib == 0 else f"{'+' if kib > 0 else '−'}\u202f{size(abs(kib))}"  # noqa: RUF001 - a minus sign


def megabytes(count: float) -> str:
    """A number of megabytes (10^6 bytes) with about three digits."""
    return f"{factor(count / 1e6)} MB"
