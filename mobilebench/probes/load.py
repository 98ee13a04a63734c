"""How busy a machine is with other things: the load average of the last minute."""

from __future__ import annotations

import re

from mobilebench.probes.reading import ReadingProbe
from mobilebench.targets.readings import Readings, Void

LOAD = ("load_1min", "processes")

_LOADAVG = re.compile(r"(\d{1,6}\.\d+) \d{1,6}\.\d+ \d{1,6}\.\d+ \d+/\d+ \d+\s*")


def parse(text: str) -> Readings:
    """The one-minute load average from `/proc/loadavg`: processes that ran or waited to run."""
    found = _LOADAVG.fullmatch(text)
    if found:
        return {LOAD: float(found[1])}
    if "denied" in text.lower():
        return {LOAD: Void("the phone does not let a shell read /proc/loadavg")}
    return {LOAD: Void("/proc/loadavg holds no load average")}


def probe() -> ReadingProbe:
    """A fresh load probe."""
    return ReadingProbe(
        "load",
        "Load average of the last minute (processes) before and after each block, from /proc/loadavg.",
        ("cat", "/proc/loadavg"),
        (LOAD,),
        parse,
    )
