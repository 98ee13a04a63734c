"""Kernels: the time of each operator, from the engine's own profiler."""

from __future__ import annotations

from mobilebench.core.records import Measurement
from mobilebench.recorders.base import Declaration
from mobilebench.recorders.in_engine import EngineRecorder

DECLARATION = Declaration(
    name="kernels",
    title="Kernels",
    description="Time of each operator or fused kernel in every inference, from the engine's own profiler.",
    cost="during the block",
    part="kernels",
    needs_file_operators=True,
)


def _missing(measurement: Measurement) -> str | None:
    return None if measurement.kernels else "the engine's profiler reported no kernel"


RECORDER = EngineRecorder(
    "kernels",
    DECLARATION,
    why_no_pass=lambda engine: engine.why_no_kernels,
    why_missing=_missing,
    runner_writes_files=True,
)
