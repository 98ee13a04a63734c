"""The process that computes a page, as the system sees it: processor time of its threads, and its memory.

On this computer its files are read where they are, on a phone by the shell. What the system does not tell is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mobilebench.browsers import renderers
from mobilebench.browsers.page import Page
from mobilebench.core import proc
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Measurement, MemoryReading, PlannedBlock
from mobilebench.targets.base import BrowserHandle, Target

WORKERS = ("DedicatedWorker", "DOM Worker")
"""How Chrome and Firefox call a worker's thread; the system keeps 15 letters."""
SHARE_AT_WORK = 0.05
"""Of the busiest one's processor time, from which on a thread counts as having computed."""
LEAST_AT_WORK_MS = 1.0
"""Less than this is what waiting costs."""

_OWN_PAGES = frozenset({b"--top-chrome-webui", b"--extension-process"})
"""Chrome's renderers for its own windows and for extensions."""
_SHELL_SECONDS = 10.0

Files = Callable[[int, tuple[str, ...]], Mapping[str, str]]
"""Of a process's folder in `/proc`, those files that fit one of these patterns and can be read: path there to text."""


@dataclass(frozen=True)
class ThreadTime:
    """One thread of a process."""

    name: str
    main: bool
    """It is the process's first one, which computes the page."""
    cpu_ms: float
    """Since it began."""

    @property
    def of_page(self) -> bool:
        """The page's own thread, or one of its workers."""
        return self.main or self.name in WORKERS


@dataclass(frozen=True)
class Dumped:
    """What Android's `dumpsys meminfo` tells of a process, in KiB; None: not told."""

    pss_kb: int | None
    rss_kb: int | None
    graphics_kb: int | None


@dataclass(frozen=True)
class Processes:
    """The processes in which a browser computes pages."""

    browser: BrowserHandle
    files: Files
    here: bool
    """They run on this computer."""
    dump: Callable[[int], str] = lambda _: ""
    """What `dumpsys meminfo` answers of a process; nothing on this computer."""

    def running(self) -> dict[int, float]:
        """Process id to seconds of processor time; empty where nobody tells."""
        if not self.here:
            try:
                return renderers.cpu_seconds(self.browser.address)
            except BlockFailed:
                return {}
        return pages_of(self.browser.pid) if self.browser.pid is not None else {}

    def threads(self, pid: int) -> dict[int, ThreadTime] | None:
        """Every thread of a process by its id; None where the system does not tell."""
        return parse_threads(pid, self.files(pid, ("task/*/stat", "task/*/schedstat"))) or None

    def memory(self, pid: int, at_ms: float, stage: str | None) -> MemoryReading | None:
        """What it holds now; None where the system does not tell."""
        texts = self.files(pid, ("status", "smaps_rollup"))
        return parse_memory(texts.get("status", ""), texts.get("smaps_rollup", ""), at_ms, stage)

    def dumped(self, pid: int) -> Dumped:
        """What a phone tells of a process whose files its shell may not read."""
        return parse_meminfo(self.dump(pid))

    def peak_rss_kb(self, pid: int) -> int | None:
        """VmHWM; None where the system does not tell."""
        return proc.kib_fields(self.files(pid, ("status",)).get("status", "")).get("VmHWM")


def processes_of(target: Target, browser: BrowserHandle) -> Processes:
    """Those of a browser that runs on this target."""
    if target.info.kind == "host":
        return Processes(browser, _files_here, here=True)
    return Processes(browser, _files_by_shell(target), here=False, dump=_dump_by_shell(target))


@dataclass(frozen=True)
class AtWork:
    """What the threads of a page did in between."""

    threads: int
    """That computed: the page's own, and workers."""
    alive: int
    """The page's own thread, and its workers."""
    cpu_ms: list[float]
    """Of every thread of the process that used any, most first."""


def at_work(before: Mapping[int, ThreadTime], after: Mapping[int, ThreadTime]) -> AtWork | None:
    """None where no thread of the page used any processor time to speak of."""
    spent = {
        tid: thread.cpu_ms - before[tid].cpu_ms if tid in before else thread.cpu_ms for tid, thread in after.items()
    }
    own = [spent[tid] for tid, thread in after.items() if thread.of_page]
    most = max(own, default=0.0)
    if most < LEAST_AT_WORK_MS:
        return None
    working = sum(ms >= max(SHARE_AT_WORK * most, LEAST_AT_WORK_MS) for ms in own)
    return AtWork(working, len(own), sorted((ms for ms in spent.values() if ms > 0), reverse=True))


def parse_threads(pid: int, files: Mapping[str, str]) -> dict[int, ThreadTime]:
    """Threads in `task/<id>/stat`, whose processor time is a number of ticks, and `schedstat`, where it is exact.

    A thread's name may hold anything, brackets and blanks too.
    """
    found = {}
    for path, text in files.items():
        if path.endswith("/stat") and (stat := proc.parse_stat(text)):
            exact = files.get(path.removesuffix("stat") + "schedstat", "").split()
            ms = int(exact[0]) / 1e6 if exact and exact[0].isdecimal() else 1000 * stat.cpu_seconds
            found[stat.id] = ThreadTime(stat.name, stat.id == pid, ms)
    return found


def parse_memory(status: str, rollup: str, at_ms: float, stage: str | None) -> MemoryReading | None:
    """A reading of `/proc/<pid>/status` and `smaps_rollup`, of which a sandbox may deny the second."""
    of_status, of_rollup = proc.kib_fields(status), proc.kib_fields(rollup)
    rss = of_rollup.get("Rss") or of_status.get("VmRSS")
    if rss is None:
        return None
    private = [of_rollup.get(name) for name in ("Private_Clean", "Private_Dirty")]
    return MemoryReading(
        at_ms=at_ms,
        stage=stage,
        rss_kb=rss,
        pss_kb=of_rollup.get("Pss"),
        uss_kb=sum(part for part in private if part is not None) if None not in private else None,
        anonymous_kb=of_status.get("RssAnon"),
        file_kb=of_status.get("RssFile"),
    )


def parse_meminfo(text: str) -> Dumped:
    """The summary of `dumpsys meminfo <pid>`; before Android 11 it has no resident set. A process that runs has no
    memory of 0: that is one that could not be looked into.
    """
    totals = {name: re.search(rf"\b{name}:\s+(\d{{1,15}})\b", text) for name in ("TOTAL PSS", "TOTAL RSS", "Graphics")}
    older = re.search(r"^\s*TOTAL:\s+(\d{1,15})\b", text, re.MULTILINE)
    pss, rss, graphics = (int(found[1]) if found else None for found in totals.values())
    if pss is None and older:
        pss = int(older[1])
    return Dumped(pss or None, rss or None, graphics if pss else None)


def pages_of(browser: int) -> dict[int, float]:
    """Processor seconds of every process below the process `browser` that computes pages."""
    parents, seconds = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = proc.parse_stat((folder / "stat").read_text(errors="replace"))
            except OSError:
                continue
            if stat:
                parents[stat.id] = stat.parent
                seconds[stat.id] = stat.cpu_seconds
    return {pid: seconds[pid] for pid in _below(browser, parents) if _computes_pages(pid)}


def _below(ancestor: int, parents: Mapping[int, int]) -> Iterable[int]:
    for pid in parents:
        above, steps = parents[pid], 0
        while above not in (0, ancestor) and steps < len(parents):
            above, steps = parents.get(above, 0), steps + 1
        if above == ancestor:
            yield pid


def _computes_pages(pid: int) -> bool:
    """By its command line, which Chrome writes over with blanks between the words."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    except OSError:
        return False
    if b"--type=renderer" in words:
        return not _OWN_PAGES.intersection(words)
    return b"-contentproc" in words and words[-1] == b"tab"


def _files_here(pid: int, patterns: tuple[str, ...]) -> dict[str, str]:
    folder = Path(f"/proc/{pid}")
    found = {}
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        with suppress(OSError):
            found[str(path.relative_to(folder))] = path.read_text(errors="replace")
    return found


def _files_by_shell(target: Target) -> Files:
    def read(pid: int, patterns: tuple[str, ...]) -> dict[str, str]:
        folder = f"/proc/{pid:d}/"
        paths = " ".join(f"{folder}{pattern}" for pattern in patterns)
        answer = target.shell(["sh", "-c", f"grep -sH '' {paths}"], timeout=_SHELL_SECONDS).stdout
        found: dict[str, str] = {}
        for line in answer.decode(errors="replace").splitlines():
            path, colon, text = line.removeprefix(folder).partition(":")
            if colon and line.startswith(folder):
                found[path] = f"{found[path]}\n{text}" if path in found else text
        return found

    return read


def _dump_by_shell(target: Target) -> Callable[[int], str]:
    def dump(pid: int) -> str:
        try:
            answer = target.shell(["dumpsys", "meminfo", f"{pid:d}"], timeout=_SHELL_SECONDS)
        except BlockFailed:
            return ""
        return answer.stdout.decode(errors="replace")

    return dump


@dataclass
class RecordedPage:
    """The page that measures a block, as far as recorders use it. It is the `page` of their subject."""

    page: Page
    processes: Processes
    """Those that may compute the page."""
    block: PlannedBlock
    threads: int = 1
    """Threads of the page with which its engine is asked to compute."""
    folder: Path | None = None
    """Folder on this computer for files that a recorder keeps."""
    answer: Measurement | None = None
    """What the page answered, set before `result` is called."""
