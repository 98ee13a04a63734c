"""Timing: the stages of a block, without anything that would slow them down."""

from __future__ import annotations

from mobilebench.core.records import Measurement
from mobilebench.recorders.base import Declaration
from mobilebench.recorders.in_engine import EngineRecorder

DECLARATION = Declaration(
    name="timing",
    title="Stages",
    description="Time of setup by part, of the first inference and of every later one. Every block records it.",
    cost="nothing",
    part="prediction_ms",
)


def _more_than_stages(measurement: Measurement) -> str | None:
    if measurement.kernels or measurement.memory or measurement.trace:
        return "kernels, memory or a trace were recorded, which slows down the stages of a timing pass"
    return None


RECORDER = EngineRecorder("timing", DECLARATION, why_missing=_more_than_stages)
