"""Cores and priority of a block. They are named as in the native runner, set before TensorFlow starts threads, and
read back from every thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobilebench.engines.tensorflow_worker.options import BAD_ARGUMENT, UNSUPPORTED, Problem

NAMES = ("big", "little", "prime")

_CORES = Path("/sys/devices/system/cpu")
_TASKS = Path("/proc/self/task")
_SPEEDS = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")
_MASK = re.compile(r"0x[0-9a-fA-F]{1,256}")
_ALIKE = 1.05
"""Cores whose speeds differ by less than this factor are of one kind."""


@dataclass(frozen=True)
class ReadBack:
    """Cores and priority as read back."""

    cores: list[int]
    kept: bool
    """Every thread may run on exactly these cores, which are the requested ones."""
    cpuset: str | None
    priority: int


def asked(affinity: str, root: Path = _CORES) -> frozenset[int] | None:
    """The cores that a name or mask selects; None for `none`.

    Raises:
        Problem: it is neither a name nor a mask, or the system has no such cores.
    """
    if affinity == "none":
        return None
    if _MASK.fullmatch(affinity) and int(affinity, 16):
        mask = int(affinity, 16)
        return frozenset(core for core in range(mask.bit_length()) if mask >> core & 1)
    if affinity not in NAMES:
        raise Problem(f"--affinity {affinity} is not none, {', '.join(NAMES)} or a mask such as 0xf0", BAD_ARGUMENT)
    return _named(affinity, _speeds(affinity, root))


def take(cores: frozenset[int] | None, priority: int | None) -> None:
    """Make this thread, and all threads that it starts, run on these cores with this priority.

    Raises:
        Problem: the system refuses.
    """
    if priority is not None:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, priority)
        except OSError as error:
            raise Problem(f"priority {priority} is refused here: {error.strerror}", UNSUPPORTED) from None
    if cores is not None:
        try:
            os.sched_setaffinity(0, cores)
        except OSError as error:
            raise Problem(f"the cores cannot be chosen: {error.strerror}", UNSUPPORTED) from None


def read(cores: frozenset[int] | None) -> ReadBack:
    """Read back where the threads may run; `cores` are the requested ones."""
    mine = os.sched_getaffinity(0)
    kept = (cores is None or mine == cores) and all(_same(int(task.name), mine) for task in _TASKS.iterdir())
    return ReadBack(sorted(mine), kept, _cpuset(), os.getpriority(os.PRIO_PROCESS, 0))


def _same(thread: int, cores: set[int]) -> bool:
    try:
        return os.sched_getaffinity(thread) == cores
    except OSError:  # the thread has ended meanwhile
        return True


def _speeds(affinity: str, root: Path) -> dict[int, int]:
    """Core number to speed, for every core that is online."""
    present = [int(place.name[3:]) for place in root.glob("cpu[0-9]*") if place.name[3:].isdecimal()]
    on = [core for core in present if _number(root / f"cpu{core}" / "online") != 0]
    for file in _SPEEDS:
        told = {core: _number(root / f"cpu{core}" / file) for core in sorted(on)}
        if told and all(told.values()):
            return {core: speed for core, speed in told.items() if speed}
    raise Problem(f"affinity {affinity}: this system does not report the speed of its cores", UNSUPPORTED)


def _named(affinity: str, speeds: Mapping[int, int]) -> frozenset[int]:
    starts: list[int] = []
    for speed in sorted(set(speeds.values())):
        if not starts or speed >= starts[-1] * _ALIKE:
            starts.append(speed)
    if len(starts) == 1:
        raise Problem(f"affinity {affinity}: all cores are alike", UNSUPPORTED)
    if affinity == "prime" and len(starts) == 2:
        raise Problem("affinity prime: there are only two kinds of cores, little and big", UNSUPPORTED)
    kinds = {core: sum(speed >= start for start in starts) for core, speed in speeds.items()}
    prime = len(starts) if len(starts) > 2 else len(starts) + 1
    wanted = {"little": range(1, 2), "big": range(2, prime), "prime": range(prime, prime + 1)}[affinity]
    return frozenset(core for core, kind in kinds.items() if kind in wanted)


def _number(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isascii() and text.isdecimal() else None


def _cpuset() -> str | None:
    try:
        return Path("/proc/self/cpuset").read_text().strip() or None
    except OSError:
        return None
