"""Reads this process's memory at the end of every part of a stage, and at an interval in between."""

from __future__ import annotations

from collections.abc import Callable
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
    told = proc.kib_fields(rollup)
    rss = told.get("Rss")
    if rss is None:
        return None
    clean, dirty, anonymous = told.get("Private_Clean"), told.get("Private_Dirty"), told.get("Anonymous")
    return Reading(
        at_ms,
        stage,
        rss,
        told.get("Pss"),
        clean + dirty if clean is not None and dirty is not None else None,
        anonymous,
        rss - anonymous if anonymous is not None else None,
    )


def peak_rss_kb(status: Path = _STATUS) -> int | None:
    """The largest resident set of this process so far (VmHWM), in KiB."""
    try:
        return proc.kib_fields(status.read_text()).get("VmHWM")
    except OSError:
        return None


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
