"""Trace: the browser's own recording of a page while it measures, kept as a file."""

from __future__ import annotations

from mobilebench.core.records import Measurement, PlannedBlock
from mobilebench.recorders.base import Declaration, EngineFacts
from mobilebench.recorders.in_engine import EngineRecorder

DECLARATION = Declaration(
    name="trace",
    title="Chrome's own traces",
    description="What Chrome records of a page: its tasks, downloads, garbage collections and commands to the GPU.",
    cost="during the block",
    part="trace",
)

EXTRA_SECONDS = 5.0
"""Extra time of a block: the page stays idle first, and the browser converts the trace to JSON at the end."""


def _why_no_pass(engine: EngineFacts) -> str | None:
    return None if engine.kind == "web" else "a trace is what a browser records of a page, and it runs without one"


def _why_not(block: PlannedBlock) -> str | None:
    if (block.case.browser or "").startswith("firefox"):
        return "Firefox cannot be traced: WebDriver BiDi has no command for it"
    if block.context == "manual":
        return "a page cannot trace the browser of a person who opens it"
    return None


def _missing(measurement: Measurement) -> str | None:
    return None if measurement.trace else "no trace was recorded"


RECORDER = EngineRecorder("trace", DECLARATION, _why_no_pass, _why_not, _missing, extra_seconds=EXTRA_SECONDS)
