"""What a block uses of the operating system: clock, costs, threads, cores and priority.

Cores are named as in the native runner, set before TensorFlow starts threads, and read back from every thread.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic_ns

from mobilebench.engines.tensorflow_worker.options import BAD_ARGUMENT, UNSUPPORTED, Problem

_CLOCK_READINGS = 4096


@dataclass(frozen=True)
class ClockFacts:
    """The observed resolution and cost of the clock."""

    resolution_ms: float
    """Smallest step between two readings that differ."""
    cost_ms: float
    """Mean time of one reading, including Python's call."""


def now_ms() -> float:
    """Milliseconds of the clock that times everything (CLOCK_MONOTONIC, as in the native runner)."""
    return monotonic_ns() / 1e6


def clock_facts() -> ClockFacts:
    """Read the clock many times in a row."""
    readings = [monotonic_ns() for _ in range(_CLOCK_READINGS)]
    steps = [later - earlier for earlier, later in pairwise(readings) if later > earlier]
    return ClockFacts(min(steps) / 1e6, (readings[-1] - readings[0]) / len(readings) / 1e6)


@dataclass(frozen=True)
class Cost:
    """CPU time, page faults and context switches of this process: the fields of `core.records.StageCost`."""

    user_ms: float
    system_ms: float
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int

    def since(self, before: Cost) -> Cost:
        """The difference to an earlier reading."""
        return Cost(
            max(0.0, self.user_ms - before.user_ms),
            max(0.0, self.system_ms - before.system_ms),
            self.minor_faults - before.minor_faults,
            self.major_faults - before.major_faults,
            self.voluntary_switches - before.voluntary_switches,
            self.involuntary_switches - before.involuntary_switches,
        )


def cost_now() -> Cost:
    """The cost since the process began, of all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(used.ru_utime * 1e3, used.ru_stime * 1e3, used.ru_minflt, used.ru_majflt, used.ru_nvcsw, used.ru_nivcsw)


_X86_FEATURES = (
    "sse4_1", "sse4_2", "avx", "fma", "f16c", "avx2", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni",
    "avx512_fp16", "amx_bf16", "amx_tile", "amx_int8", "avx_vnni", "avx512_bf16",
)  # fmt: skip
_ARM_FEATURES = ("asimd", "fphp", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "sme")


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str]:
    """The instruction sets for inference that the first processor has, under the native runner's names."""
    for line in cpuinfo.read_text(errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            present = set(value.split())
            return [name for name in (*_X86_FEATURES, *_ARM_FEATURES) if name in present]
    return []


SHARE_OF_BUSIEST = 0.01
"""Threads that used less than this share of the busiest thread's time did not work."""

_TASKS = Path("/proc/self/task")
_EXECUTOR = "tf_Compute"
"""Name of TensorFlow's threads that walk the graph. Threads of its kernel pool have the process's name."""


@dataclass(frozen=True)
class Thread:
    """One thread and the CPU time that it used."""

    id: int
    name: str
    cpu_ms: float


def read_threads() -> dict[int, Thread]:
    """Every thread of this process by its id, with its CPU time since it began."""
    found = {}
    for task in _TASKS.iterdir():
        number = int(task.name)
        try:
            name = (task / "comm").read_text(errors="replace").strip()
            found[number] = Thread(number, name, time.clock_gettime(_cpu_clock(number)) * 1e3)
        except OSError:  # the thread has ended meanwhile
            continue
    return found


def threads_since(before: Mapping[int, Thread], after: Mapping[int, Thread]) -> list[Thread]:
    """The CPU time of each thread between two readings, in descending order."""
    used = [
        Thread(thread.id, thread.name, max(0.0, thread.cpu_ms - (before[key].cpu_ms if key in before else 0.0)))
        for key, thread in after.items()
    ]
    return sorted(used, key=lambda thread: -thread.cpu_ms)


@dataclass(frozen=True)
class AtWork:
    """How many threads computed kernels."""

    computing: int
    """Busy threads of the kernel pool, or of the executor where the pool did nothing; 0 when none worked."""
    source: str
    alive: int
    """Threads that could have computed, busy or idle."""


def at_work(used: list[Thread], besides: Collection[int | None]) -> AtWork:
    """Separate threads that compute kernels from the executor's threads and from those in `besides`, such as the
    caller's.

    With one thread, TensorFlow computes in the executor's thread and does not use the pool. With more, the executor
    passes kernels to the pool, computes some itself, and otherwise waits.
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


NAMES = ("big", "little", "prime")

_CORES = Path("/sys/devices/system/cpu")
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


def cores_asked(affinity: str, root: Path = _CORES) -> frozenset[int] | None:
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


def take_cores(cores: frozenset[int] | None, priority: int | None) -> None:
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


def read_cores(cores: frozenset[int] | None) -> ReadBack:
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
        speeds = {core: _number(root / f"cpu{core}" / file) for core in sorted(on)}
        if speeds and all(speeds.values()):
            return {core: speed for core, speed in speeds.items() if speed}
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
    matching = {"little": range(1, 2), "big": range(2, prime), "prime": range(prime, prime + 1)}[affinity]
    return frozenset(core for core, kind in kinds.items() if kind in matching)


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
