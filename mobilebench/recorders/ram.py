"""Memory that is available on the target, and that the processes that measure have resident.

Of several processes of a browser the resident sets are added, so that pages which they share count several times.
"""

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
    description="Available memory of the target, and resident memory of the measured processes (MB), from /proc.",
    cost="during the block",
    quantities=(Quantity(*AVAILABLE, "Available memory"), Quantity(*MEASURED, "Memory of the measured processes")),
    sampled=True,
)
SOURCE = Source((Files(("/proc/meminfo",), lines=4), Measured("status", lines=32)))


def parse(text: str) -> Readings:
    """Available memory, and that of the process if it was seen, in megabytes (10⁶ bytes)."""
    found = list(lines_of(text))
    whole = [one for one in found if one[0].endswith("/proc/meminfo")]
    resident: dict[str, int] = {}
    hidden: list[tuple[str, str]] = []
    for path, line in found:
        if re.search(r"/proc/\d{1,9}/status$", path):
            size = kib_fields(re.sub(r"\s+", " ", line)).get("VmRSS")
            resident |= {} if size is None else {path: size}
            hidden += [(path, line)] if line == "!denied" else []
    available = kib_fields("\n".join(line for _, line in whole)).get("MemAvailable")
    readings: Readings = {AVAILABLE: Void(_why_not(whole)) if available is None else available * 1024 / 1e6}
    if resident:
        readings[MEASURED] = sum(resident.values()) * 1024 / 1e6
    elif hidden:
        readings[MEASURED] = Void(why_none(hidden, "the measured process"))
    return readings


def _why_not(whole: list[tuple[str, str]]) -> str:
    if any(line.startswith("MemFree") for _, line in whole):
        return "its kernel does not tell how much memory is available (MemAvailable)"
    return why_none(whole, "memory in /proc/meminfo")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of memory."""
    never = {MEASURED: "the measured process was not seen: it ended early, or is hidden"}
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s, sometimes=never)
