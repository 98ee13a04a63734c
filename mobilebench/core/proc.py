"""Parsers of Linux's `/proc` files (proc(5)), which have the same form on computers and phones.

Only the standard library is imported here, because this module also runs inside virtual phones.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
"""Clock ticks per second of this computer's kernel; phones also have 100."""

_STAT = re.compile(r"(\d{1,15}) \((.*)\) (\S) ([-\d ]++)\s*", re.DOTALL)
_LOAD_AVERAGE = re.compile(r"(\d{1,6}\.\d+) \d{1,6}\.\d+ \d{1,6}\.\d+ \d+/\d+ \d+\s*")
_KIB = re.compile(r"^(\S+):\s+(\d{1,15}) kB$", re.MULTILINE)
_ENDED = ("Z", "X", "x")
_LONGEST_FIELD = 21
"""Characters of a 64-bit number with its sign."""
_FEWEST_FIELDS = 19
"""Fields that follow the state, up to the start time of the process."""


@dataclass(frozen=True)
class Stat:
    """The parts of `/proc/<pid>/stat`, or of a thread's `task/<tid>/stat`, that are used here."""

    id: int
    """Id of the process or thread."""
    name: str
    """Name of up to 15 letters; it may contain blanks and brackets."""
    state: str
    """State as one letter, such as `R` or `S`."""
    parent: int
    """Process id of the parent."""
    group: int
    """Id of the process group."""
    cpu_ticks: int
    """Processor time in user and kernel mode."""
    ended_children_ticks: int
    """Processor time of its child processes that have ended and were waited for."""
    started_ticks: int
    """Start time in ticks since the system's start. Process ids are reused; id and start time together are unique."""

    @property
    def ended(self) -> bool:
        """Whether it has ended and waits for its parent to read its exit status."""
        return self.state in _ENDED

    @property
    def cpu_seconds(self) -> float:
        """Processor time in user and kernel mode."""
        return self.cpu_ticks / TICKS_PER_SECOND

    @property
    def ended_children_seconds(self) -> float:
        """Processor time of its ended child processes."""
        return self.ended_children_ticks / TICKS_PER_SECOND


def parse_stat(text: str) -> Stat | None:
    """The content of a `stat` file; None when it is not one."""
    found = _STAT.fullmatch(text)
    rest = found[4].split() if found else []
    if found is None or len(rest) < _FEWEST_FIELDS or not all(map(_is_number, rest)):
        return None
    return Stat(
        id=int(found[1]),
        name=found[2],
        state=found[3],
        parent=int(rest[0]),
        group=int(rest[1]),
        cpu_ticks=int(rest[10]) + int(rest[11]),
        ended_children_ticks=int(rest[12]) + int(rest[13]),
        started_ticks=int(rest[18]),
    )


def _is_number(word: str) -> bool:
    return len(word) <= _LONGEST_FIELD and word.removeprefix("-").isdecimal() and word.isascii()


def kib_fields(text: str) -> dict[str, int]:
    """Name to value in KiB of all lines such as `VmHWM:   1234 kB` in `status`, `smaps_rollup` or `/proc/meminfo`."""
    return {name: int(value) for name, value in _KIB.findall(text)}


def total_memory_mb(meminfo: str) -> int | None:
    """Total memory of the kernel in megabytes (10⁶ bytes), from the text of `/proc/meminfo`.

    None when the text does not have it, or it is less than a megabyte.
    """
    return kib_fields(meminfo).get("MemTotal", 0) * 1024 // 10**6 or None


def load_average(text: str) -> float | None:
    """The one-minute load average from `/proc/loadavg`: processes that ran or waited to run. None for other texts."""
    found = _LOAD_AVERAGE.fullmatch(text)
    return float(found[1]) if found else None
