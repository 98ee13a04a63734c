"""Load: the load average of the last minute, which shows how busy a machine is with other work."""

from __future__ import annotations

from mobilebench.core import proc
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void

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
    average = proc.load_average(text)
    if average is not None:
        return {LOAD: average}
    if "denied" in text.lower():
        return {LOAD: Void("the phone does not let a shell read /proc/loadavg")}
    return {LOAD: Void("/proc/loadavg holds no load average")}


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh load recorder."""
    return ReadingRecorder(DECLARATION, ("cat", "/proc/loadavg"), parse, interval_s=interval_s)
