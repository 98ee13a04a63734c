"""Samples threads and memory of a page's process from outside, while the page pauses between stages.

A page pauses before and after its predictions in every pass, and after every stage in a memory pass. While a stage
runs, only a memory pass takes samples. Before the predictions, the sampler waits for threads that are still starting:
browsers start workers late, and an engine computes without workers that are not ready.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mobilebench.browsers import names
from mobilebench.browsers.page import Page
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import MemoryReading, MemoryUse, PageMemory, Pass, TargetInfo
from mobilebench.engines import page_process
from mobilebench.engines.page_process import Dumped, Processes, RecordedPage, ThreadTime
from mobilebench.recorders import registry
from mobilebench.recorders.base import Recorded, Subject
from mobilebench.recorders.sampler import Sampler
from mobilebench.targets.android import apps

PERIOD_MS = 100.0
"""Time between two samples of a memory pass on this computer."""

SETTLING_S = 2.0
"""Longest time to wait for threads that are still starting."""
_SETTLING_POLL_S = 0.02
_SETTLED_MS = 1.0
"""A thread has started when it used less processor time than this between two readings."""

_MOMENT = re.compile(r"moment: ([a-z_]{1,40})")
_MOST_MOMENTS = 20
_BEFORE, _AFTER = "warmup", "prediction"
_LARGEST = 2**53


def flags(target: TargetInfo, browser: str, pass_: Pass) -> tuple[str, ...]:
    """The flags with which the browser has to be started for a pass; empty where it takes none."""
    if names.family(browser) != "chrome":
        return ()
    app = apps.browser_app(browser) if target.kind == "android" else None
    takes_flags = target.kind == "host" or (app and app.is_chrome)
    return registry.of_pass(pass_).browser_flags if takes_flags else ()


def answer_of(page: Page, job: str, look: Callable[[str], None], *, timeout: float, what: str) -> Any:
    """Send a job in JSON to the page and return its answer. At each pause, `look` gets the name of the ended stage.

    Raises:
        BlockFailed: the page does not answer in `timeout` seconds, or pauses endlessly; or see `Page.evaluate`.
    """
    deadline = time.monotonic() + timeout
    answer = page.evaluate(f"mobilebench.run({job}, true)", timeout=timeout, what=what)
    for _ in range(_MOST_MOMENTS):
        moment = _MOMENT.fullmatch(answer) if isinstance(answer, str) and len(answer) < 100 else None
        if moment is None:
            return answer
        look(moment[1])
        answer = page.evaluate("mobilebench.next()", timeout=max(1.0, deadline - time.monotonic()), what=what)
    raise BlockFailed(f"{what} stopped more than {_MOST_MOMENTS} times without an answer.", fault="bad answer")


class PageProcessSampler:
    """Finds the process that runs a page by its processor time, and samples its threads and, in a memory pass, its
    memory. See `recorders.in_engine.PageSide`.
    """

    _recorded: RecordedPage
    _processes: Processes

    def __init__(self) -> None:
        self._memory: _ProcessMemory | None = None
        self._first: Mapping[int, float] = {}
        self._second: Mapping[int, float] = {}
        self._before: dict[int, dict[int, ThreadTime]] = {}
        self._after: dict[int, dict[int, ThreadTime]] = {}
        self._pid: int | None = None

    def start(self, subject: Subject) -> None:
        """Note the processor time of the processes; in a memory pass on this computer, begin to sample memory."""
        self._recorded = subject.page
        self._processes = self._recorded.processes
        if self._recorded.block.pass_ == "memory":
            self._memory = _ProcessMemory(self._processes, self._recorded.page)
        self._first = self._processes.running()
        if self._memory and self._processes.here:
            self._memory.start()

    def paused(self, stage: str) -> None:
        """Read the state of the processes at the end of a stage."""
        if self._memory:
            self._memory.look(stage)
        if stage == _BEFORE:
            self._second = self._processes.running()
            self._before = self._settled_threads()
        elif stage == _AFTER:
            self._after = self._threads()
            self._pid = _busiest(self._first, self._processes.running())
            if self._memory and self._pid is not None and not self._processes.here:
                self._memory.ask_phone(self._pid)

    def stop(self, subject: Subject, *, complete: bool = True) -> None:  # noqa: ARG002
        """Stop sampling memory."""
        if self._memory:
            self._memory.stop()

    def result(self) -> Recorded:
        """The threads that computed, as part of the proof, and the memory."""
        answer = self._recorded.answer
        assert answer is not None, "a page that did not answer has no result"
        proof = answer.proof
        pid = self._pid
        found = page_process.at_work(self._before.get(pid, {}), self._after.get(pid, {})) if pid is not None else None
        if found:
            seen = {"threads_at_work": found.threads, "threads_alive": found.alive, "thread_cpu_ms": found.cpu_ms}
            proof = proof.model_copy(update=seen)
        memory = answer.memory
        if self._memory:
            memory = self._memory.completed(memory or MemoryUse(), pid)
        return Recorded(parts={"proof": proof, "memory": memory})

    def _settled_threads(self) -> dict[int, dict[int, ThreadTime]]:
        """The threads of every process, once the requested ones exist and are idle, or after `SETTLING_S`."""
        found = self._threads()
        deadline = time.monotonic() + SETTLING_S
        while self._recorded.threads > 1 and found and time.monotonic() < deadline:
            time.sleep(_SETTLING_POLL_S)
            earlier, found = found, self._threads()
            if any(_settled(earlier.get(pid, {}), threads, self._recorded.threads) for pid, threads in found.items()):
                break
        return found

    def _threads(self) -> dict[int, dict[int, ThreadTime]]:
        pids = self._second or self._first
        return {pid: threads for pid in pids if (threads := self._processes.threads(pid))}


class _ProcessMemory:
    """Reads the memory of every process that may be the page's; which one it is becomes clear only at the end."""

    def __init__(self, processes: Processes, page: Page) -> None:
        self._processes = processes
        self._page = page
        self._began = time.monotonic()
        self._readings: dict[int, list[MemoryReading]] = {}
        self._peaks: dict[int, int | None] = {}
        self._heaps: dict[str, dict[str, int]] = {}
        self._sampler: Sampler | None = None
        self._dumped = Dumped(None, None, None)

    def look(self, stage: str) -> None:
        self._read(stage)
        self._heaps[stage] = self._heap()
        if stage == _AFTER:
            self._read_peaks()

    def ask_phone(self, pid: int) -> None:
        """Read the memory of the page's process from the phone's `meminfo` service, after the predictions."""
        self._dumped = self._processes.dumped(pid)

    def start(self) -> None:
        """Begin to take samples at an interval."""
        self._sampler = Sampler(lambda _: self._read(None), PERIOD_MS / 1000, "memory of a page")
        self._sampler.start()

    def stop(self) -> None:
        if self._sampler:
            self._sampler.stop()
            self._read_peaks()  # no sample was taken after this peak

    def _read_peaks(self) -> None:
        for pid in self._readings:
            peak = self._processes.peak_rss_kb(pid)
            self._peaks[pid] = self._peaks.get(pid) if peak is None else peak

    def completed(self, reported: MemoryUse, pid: int | None) -> MemoryUse:
        readings = sorted(self._readings.get(pid, []), key=lambda one: one.at_ms) if pid is not None else []
        readings, notes = self._with_dump(readings)
        if self._sampler and self._sampler.failure:
            notes.append(f"samples at an interval ended early: {self._sampler.failure}")
        return reported.model_copy(
            update={
                "page": [self._with_heap(one) for one in reported.page],
                "peak_rss_kb": self._peak(pid, readings) if pid is not None else None,
                "period_ms": PERIOD_MS if self._sampler else None,
                "readings": readings,
                "graphics_kb": self._dumped.graphics_kb,
                "notes": [*reported.notes, *_notes(readings), *notes],
            }
        )

    def _peak(self, pid: int, readings: Sequence[MemoryReading]) -> int | None:
        """VmHWM, which the kernel counts roughly, or a larger reading; None where the system does not report VmHWM."""
        peak = self._peaks.get(pid)
        return None if peak is None else max([peak, *(one.rss_kb for one in readings)])

    def _with_dump(self, readings: list[MemoryReading]) -> tuple[list[MemoryReading], list[str]]:
        """Complete the reading after the predictions with `meminfo` values, where files may not be read."""
        dumped = self._dumped
        ended = next((one for one in readings if one.stage == _AFTER), None)
        if dumped.pss_kb is None or (ended and ended.pss_kb is not None):
            return readings, []
        note = "PSS after the predictions comes from dumpsys meminfo"
        if ended:
            whole = ended.model_copy(update={"pss_kb": dumped.pss_kb})
            return [whole if one is ended else one for one in readings], [note]
        if dumped.rss_kb is None:
            return readings, []
        at_ms = (time.monotonic() - self._began) * 1000
        return [MemoryReading(at_ms=at_ms, stage=_AFTER, rss_kb=dumped.rss_kb, pss_kb=dumped.pss_kb)], [note]

    def _read(self, stage: str | None) -> None:
        at_ms = (time.monotonic() - self._began) * 1000
        for pid in self._processes.running():
            reading = self._processes.memory(pid, at_ms, stage)
            if reading:
                self._readings.setdefault(pid, []).append(reading)

    def _heap(self) -> dict[str, int]:
        """Size of JavaScript's heap as Chrome reports it; empty for other browsers."""
        found: dict[str, Any] = {}
        with suppress(BlockFailed):
            found = self._page.call("Runtime.getHeapUsage")
        sizes = {"js_heap_bytes": found.get("usedSize"), "js_backing_bytes": found.get("backingStorageSize")}
        return {name: size for name, value in sizes.items() if (size := _size(value)) is not None}

    def _with_heap(self, reading: PageMemory) -> PageMemory:
        return reading.model_copy(update=self._heaps.get(reading.stage, {}))


def _notes(readings: list[MemoryReading]) -> list[str]:
    if not readings:
        return ["the system does not report the memory of the process that ran the page"]
    notes = ["resident memory is that of the process that ran the page, without the GPU process"]
    if all(reading.pss_kb is None for reading in readings):
        notes.append("the system does not report the PSS and USS of that process")
    return notes


def _settled(earlier: Mapping[int, ThreadTime], now: Mapping[int, ThreadTime], count: int) -> bool:
    own = {tid: thread for tid, thread in now.items() if thread.of_page}
    resting = [tid for tid, one in own.items() if tid in earlier and one.cpu_ms - earlier[tid].cpu_ms < _SETTLED_MS]
    return len(own) >= count and len(resting) == len(own)


def _busiest(before: Mapping[int, float], after: Mapping[int, float]) -> int | None:
    spent = {pid: seconds - before.get(pid, 0.0) for pid, seconds in after.items()}
    pid = max(spent, key=lambda one: spent[one], default=None)
    return pid if pid is not None and spent[pid] > 0 else None


def _size(value: Any) -> int | None:
    """A number of bytes from a browser; None when the value is not one."""
    return int(value) if isinstance(value, (int, float)) and 0 <= value < _LARGEST else None
