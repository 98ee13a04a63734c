"""Memory of this process, and the page cache of the files that it reads.

Memory is read at the end of every part of a stage, and at an interval in between. Files are brought into the page cache
or out of it, and their share in it is measured.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from mobilebench.core import proc

_ROLLUP = Path("/proc/self/smaps_rollup")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Reading:
    """The fields of `core.records.MemoryReading`, in KiB."""

    at_ms: float
    stage: str | None
    rss_kb: int
    pss_kb: int | None
    uss_kb: int | None
    anonymous_kb: int | None
    file_kb: int | None


def parse(at_ms: float, stage: str | None, rollup: str) -> Reading | None:
    """Parse the text of `/proc/self/smaps_rollup`; None when it has no resident set."""
    fields = proc.kib_fields(rollup)
    rss = fields.get("Rss")
    if rss is None:
        return None
    clean, dirty, anonymous = fields.get("Private_Clean"), fields.get("Private_Dirty"), fields.get("Anonymous")
    return Reading(
        at_ms,
        stage,
        rss,
        fields.get("Pss"),
        clean + dirty if clean is not None and dirty is not None else None,
        anonymous,
        rss - anonymous if anonymous is not None else None,
    )


def peak_rss_kb(readings: Sequence[Reading], status: Path = _STATUS) -> int | None:
    """The largest resident set of this process so far, in KiB: VmHWM, which the kernel counts roughly, or a larger one
    of all `readings` that were made; None where the system does not report VmHWM.
    """
    try:
        peak = proc.kib_fields(status.read_text()).get("VmHWM")
    except OSError:
        return None
    return None if peak is None else max([peak, *(reading.rss_kb for reading in readings)])


class MemorySampler:
    """Reads the memory of this process while a block runs, in a thread of its own.

    Args:
        clock: milliseconds since the process began to measure.
        period_ms: time between two readings at an interval.
        rollup: the file to read.
    """

    def __init__(self, clock: Callable[[], float], period_ms: float, rollup: Path = _ROLLUP) -> None:
        self._clock = clock
        self._period_ms = period_ms
        self._rollup = rollup
        self._done = Event()
        self._thread = Thread(target=self._sample, name="memory", daemon=True)
        self._readings: list[Reading] = []

    def start(self) -> None:
        self._read(None)
        self._thread.start()

    @property
    def thread(self) -> int | None:
        """Id of the sampling thread; None before the start."""
        return self._thread.native_id

    def stage_ended(self, name: str) -> None:
        self._read(name)

    def stop(self) -> list[Reading]:
        """Stop sampling, and return all readings in the order of time."""
        self._done.set()
        self._thread.join()
        return sorted(self._readings, key=lambda reading: reading.at_ms)

    def _sample(self) -> None:
        while not self._done.wait(self._period_ms / 1e3):
            self._read(None)

    def _read(self, stage: str | None) -> None:
        try:
            reading = parse(self._clock(), stage, self._rollup.read_text())
        except OSError:
            return
        if reading is not None:
            self._readings.append(reading)


_CHUNK = 2**22


def prepare_page_cache(files: Sequence[Path], state: str) -> None:
    """Bring files into the page cache (`warm`), ask the kernel to drop them (`cold`), or leave them as they are.

    The kernel keeps pages that another process maps, so the result has to be read back (`resident`).

    Raises:
        OSError: a file cannot be read.
    """
    for file in files:
        if state == "warm":
            with file.open("rb") as stream:
                while stream.read(_CHUNK):
                    pass
        elif state == "cold":
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def resident(files: Sequence[Path]) -> float | None:
    """Share of the files' pages in the page cache (mincore(2)); None when it is unknown."""
    counts = [_cached_pages(file) for file in files]
    total = sum(pages for _, pages in counts)
    if not total or any(held is None for held, _ in counts):
        return None
    return sum(held or 0 for held, _ in counts) / total


def _cached_pages(file: Path) -> tuple[int | None, int]:
    """The number of pages in the cache (None: unknown), and of all pages."""
    size = file.stat().st_size
    if size == 0:
        return 0, 0
    pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    present = (ctypes.c_ubyte * pages)()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    with file.open("rb") as stream:
        place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, stream.fileno(), 0)
    if place in (None, ctypes.c_void_p(-1).value):
        return None, pages
    try:
        if libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(size), present) != 0:
            return None, pages
    finally:
        libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(size))
    return sum(one & 1 for one in present), pages
