"""How busy a machine is with other things: the load average of the last minute."""

from __future__ import annotations

import re

from mobilebench.probes.reading import ReadingProbe, Values

_LOADAVG = re.compile(r"(\d{1,6}\.\d+) \d{1,6}\.\d+ \d{1,6}\.\d+ \d+/\d+ \d+\s*")


def parse(text: str) -> Values:
    """The one-minute load average from `/proc/loadavg`: processes that ran or waited to run."""
    found = _LOADAVG.fullmatch(text)
    return {("load_1min", "processes"): float(found[1])} if found else {}


def probe() -> ReadingProbe:
    """A fresh load probe."""
    return ReadingProbe(
        "load",
        "Load average of the last minute (processes) before and after each block, from /proc/loadavg.",
        ("cat", "/proc/loadavg"),
        parse,
    )
