"""CPU time of every thread of this process, by the kernel's own clock of each."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

SHARE_OF_BUSIEST = 0.01
"""Threads that used less than this share of the busiest one's time did not work."""

_TASKS = Path("/proc/self/task")
_EXECUTOR = "tf_Compute"
"""TensorFlow's name for the threads that walk the graph; the threads of its pool for kernels have the process's."""


@dataclass(frozen=True)
class Thread:
    """One thread and the CPU time that it used."""

    id: int
    name: str
    cpu_ms: float


def read() -> dict[int, Thread]:
    """Every thread of this process by its id, with its CPU time since it began."""
    found = {}
    for task in _TASKS.iterdir():
        number = int(task.name)
        try:
            name = (task / "comm").read_text(errors="replace").strip()
            found[number] = Thread(number, name, time.clock_gettime(_cpu_clock(number)) * 1e3)
        except OSError:  # it ended meanwhile
            continue
    return found


def since(before: Mapping[int, Thread], after: Mapping[int, Thread]) -> list[Thread]:
    """What each thread used between two readings, most first."""
    used = [
        Thread(thread.id, thread.name, max(0.0, thread.cpu_ms - (before[key].cpu_ms if key in before else 0.0)))
        for key, thread in after.items()
    ]
    return sorted(used, key=lambda thread: -thread.cpu_ms)


@dataclass(frozen=True)
class AtWork:
    """Which threads computed kernels."""

    computing: int
    """Threads of the kernels' pool; of the executor, where the pool did nothing. 0: none worked."""
    source: str
    alive: int
    """Threads that could have computed, with or without work."""


def at_work(used: list[Thread], besides: Collection[int | None]) -> AtWork:
    """Tell the threads that compute kernels from the executor's and from those `besides`, such as the caller's.

    With one thread TensorFlow computes in the executor's thread and leaves the pool alone; with more, the executor
    hands kernels to the pool, in part works too, and else waits.
    """
    busiest = max((thread.cpu_ms for thread in used), default=0.0)
    working = [thread for thread in used if thread.cpu_ms > 0 and thread.cpu_ms >= busiest * SHARE_OF_BUSIEST]
    others = [thread for thread in working if thread.id not in besides]
    pool = [thread for thread in others if not thread.name.startswith(_EXECUTOR)]
    executors = [thread for thread in others if thread.name.startswith(_EXECUTOR)]
    where = "the pool for kernels" if pool else "the executor"
    return AtWork(
        len(pool) or len(executors),
        f"CPU time of every thread of the process during the predictions: those of {where}",
        sum(thread.id not in besides for thread in used),
    )


def _cpu_clock(thread: int) -> int:
    """The kernel's clock id for the CPU time of one thread of this process (clock_getcpuclockid(3), Linux)."""
    return (~thread << 3) | 6
