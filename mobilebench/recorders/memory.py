"""Memory: what the measuring process or page uses at the end of each part of a stage, and in between."""

from __future__ import annotations

from mobilebench.core.records import Measurement
from mobilebench.recorders.base import Declaration
from mobilebench.recorders.in_engine import EngineRecorder

DECLARATION = Declaration(
    name="memory",
    title="Memory",
    description="Memory of the process that computes, and the values that a page and its browser report.",
    cost="during the block",
    part="memory",
)

BROWSER_FLAGS = ("--enable-precise-memory-info", "--enable-blink-features=ForceEagerMeasureMemory")
"""With these flags, a browser gives a page exact values of its memory without delay."""


def _missing(measurement: Measurement) -> str | None:
    memory = measurement.memory
    return None if memory and (memory.readings or memory.page) else "no memory was read"


RECORDER = EngineRecorder(
    "memory", DECLARATION, why_missing=_missing, browser_flags=BROWSER_FLAGS, flags_in_job="eager_memory"
)
