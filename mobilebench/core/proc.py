"""Parsers of Linux's `/proc` files (proc(5)), which computers and phones write alike.

Only the standard library is imported here: the inside of a virtual phone uses this too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
"""Of this computer's kernel; phones have the same 100."""

_STAT = re.compile(r"(\d{1,15}) \((.*)\) (\S) ([-\d ]+)\s*", re.DOTALL)
_LOAD_AVERAGE = re.compile(r"(\d{1,6}\.\d+) \d{1,6}\.\d+ \d{1,6}\.\d+ \d+/\d+ \d+\s*")
_KIB = re.compile(r"^(\S+):\s+(\d{1,15}) kB$", re.MULTILINE)
_ENDED = ("Z", "X", "x")
_FEWEST_FIELDS = 19
"""After the state, up to the time at which the process began."""


@dataclass(frozen=True)
class Stat:
    """The parts of `/proc/<pid>/stat`, or of a thread's `task/<tid>/stat`, that are used here."""

    id: int
    """Of the process or thread."""
    name: str
    """Up to 15 letters; it may hold blanks and brackets."""
    state: str
    """One letter, such as `R` or `S`."""
    parent: int
    """Process id of the parent."""
    group: int
    """Process group."""
    cpu_ticks: int
    """Processor time in user and kernel mode."""
    started_ticks: int
    """When it began, after the system's start. A process id is used again; together with this it is not."""

    @property
    def ended(self) -> bool:
        """Whether it has ended and only waits until its parent asks how."""
        return self.state in _ENDED

    @property
    def cpu_seconds(self) -> float:
        """Processor time in user and kernel mode."""
        return self.cpu_ticks / TICKS_PER_SECOND


def parse_stat(text: str) -> Stat | None:
    """The content of a `stat` file; None when it is not one."""
    found = _STAT.fullmatch(text)
    rest = found[4].split() if found else []
    if found is None or len(rest) < _FEWEST_FIELDS:
        return None
    return Stat(
        id=int(found[1]),
        name=found[2],
        state=found[3],
        parent=int(rest[0]),
        group=int(rest[1]),
        cpu_ticks=int(rest[10]) + int(rest[11]),
        started_ticks=int(rest[18]),
    )


def kib_fields(text: str) -> dict[str, int]:
    """All lines such as `VmHWM:   1234 kB` by their names: of `status`, `smaps_rollup` and `/proc/meminfo`, in KiB."""
    return {name: int(value) for name, value in _KIB.findall(text)}


def total_memory_mb(meminfo: str) -> int | None:
    """Memory that the kernel manages, in megabytes (10⁶ bytes), from the text of `/proc/meminfo`.

    None when the text does not name it, or names less than a megabyte.
    """
    return kib_fields(meminfo).get("MemTotal", 0) * 1024 // 10**6 or None


def load_average(text: str) -> float | None:
    """The one-minute load average from `/proc/loadavg`: processes that ran or waited to run. None: not such a file."""
    found = _LOAD_AVERAGE.fullmatch(text)
    return float(found[1]) if found else None
