"""Load: the load average of the last minute, which shows how busy a machine is with other work."""

from __future__ import annotations

from mobilebench.core import proc
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of

LOAD = ("load_1min", "processes")
DECLARATION = Declaration(
    name="load",
    title="Load",
    description="Load average of the last minute (processes), from /proc/loadavg.",
    cost="around the block",
    quantities=(Quantity(*LOAD, "Load average of the last minute"),),
    sampled=True,
)


def parse(text: str) -> Readings:
    """The one-minute load average from `/proc/loadavg`: processes that ran or waited to run."""
    found = list(lines_of(text))
    average = proc.load_average(found[0][1]) if len(found) == 1 else None
    if average is not None:
        return {LOAD: average}
    if found and found[0][1] == "!denied":
        return {LOAD: Void("the phone does not let a shell read /proc/loadavg")}
    return {LOAD: Void("/proc/loadavg holds no load average")}


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh load recorder."""
    return ReadingRecorder(DECLARATION, Source((Files(("/proc/loadavg",)),)), parse, interval_s=interval_s)
