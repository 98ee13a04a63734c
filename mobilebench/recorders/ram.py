"""Memory that is available on the target, and that the measured process has resident."""

from __future__ import annotations

import re

from mobilebench.core.proc import kib_fields
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Measured, Source, lines_of, why_none

AVAILABLE, MEASURED = ("available", "MB"), ("measured", "MB")
DECLARATION = Declaration(
    name="ram",
    title="Memory in use",
    description="Available memory of the target, and resident memory of the measured process (MB), from /proc.",
    cost="during the block",
    quantities=(Quantity(*AVAILABLE, "Available memory"), Quantity(*MEASURED, "Memory of the measured process")),
    sampled=True,
)
SOURCE = Source((Files(("/proc/meminfo",), lines=4), Measured("status", lines=32)))


def parse(text: str) -> Readings:
    """Available memory, and that of the process if it was seen, in megabytes (10⁶ bytes)."""
    found = list(lines_of(text))
    whole = [one for one in found if one[0].endswith("/proc/meminfo")]
    process = [line for path, line in found if re.search(r"/proc/\d{1,9}/status$", path)]
    available = kib_fields("\n".join(line for _, line in whole)).get("MemAvailable")
    resident = kib_fields("\n".join(re.sub(r"\s+", " ", line) for line in process)).get("VmRSS")
    readings: Readings = {AVAILABLE: Void(_why_not(whole)) if available is None else available * 1024 / 1e6}
    return readings if resident is None else {**readings, MEASURED: resident * 1024 / 1e6}


def _why_not(whole: list[tuple[str, str]]) -> str:
    if any(line.startswith("MemFree") for _, line in whole):
        return "its kernel does not tell how much memory is available (MemAvailable)"
    return why_none(whole, "memory in /proc/meminfo")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of memory."""
    never = {MEASURED: "the measured process was not seen"}
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s, sometimes=never)
