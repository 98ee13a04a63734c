"""The clock that times everything (CLOCK_MONOTONIC, as in the native runner), and what reading it costs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from time import monotonic_ns

_READINGS = 4096


@dataclass(frozen=True)
class ClockFacts:
    """Observed, not asked for."""

    resolution_ms: float
    """Smallest step between two readings that differ."""
    cost_ms: float
    """Mean cost of one reading, with Python's call."""


def now_ms() -> float:
    return monotonic_ns() / 1e6


def observe() -> ClockFacts:
    """Read the clock in a row."""
    readings = [monotonic_ns() for _ in range(_READINGS)]
    steps = [later - earlier for earlier, later in pairwise(readings) if later > earlier]
    return ClockFacts(min(steps) / 1e6, (readings[-1] - readings[0]) / len(readings) / 1e6)
