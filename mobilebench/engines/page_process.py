"""Processor time of the threads, and memory, of the process that runs a page, as the operating system reports them.

They are read from `/proc`: directly on this computer, through the shell on a phone. Unknown values are None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mobilebench.browsers import browser_processes
from mobilebench.browsers.page import Page
from mobilebench.core import proc
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Measurement, MemoryReading, PlannedBlock
from mobilebench.recorders import sources
from mobilebench.targets.base import BrowserHandle, Target

WORKERS = ("DedicatedWorker", "DOM Worker")
"""Names of worker threads in Chrome and Firefox; the system keeps 15 letters."""
SHARE_AT_WORK = 0.05
"""A thread counts as having computed from this share of the busiest thread's processor time on."""
LEAST_AT_WORK_MS = 1.0
"""A thread that used less processor time than this only waited."""

_OWN_PAGES = frozenset({b"--top-chrome-webui", b"--extension-process"})
"""Command-line flags of Chrome's renderers for its own windows and for extensions."""
_SHELL_SECONDS = 10.0

Files = Callable[[int, tuple[str, ...]], Mapping[str, str]]
"""Takes a process id and glob patterns. Returns the readable files in `/proc/<pid>` that match: path to text."""


@dataclass(frozen=True)
class ThreadTime:
    """One thread of a process."""

    name: str
    main: bool
    """Whether it is the main thread of the process, which runs the page."""
    cpu_ms: float
    """Processor time since the thread started."""

    @property
    def of_page(self) -> bool:
        """Whether it is the page's main thread or one of its workers."""
        return self.main or self.name in WORKERS


@dataclass(frozen=True)
class Dumped:
    """The values of Android's `dumpsys meminfo` for a process, in KiB; None where one is missing."""

    pss_kb: int | None
    rss_kb: int | None
    graphics_kb: int | None


@dataclass(frozen=True)
class Processes:
    """The processes in which a browser runs pages."""

    browser: BrowserHandle
    files: Files
    here: bool
    """They run on this computer."""
    dump: Callable[[int], str] = lambda _: ""
    """Output of `dumpsys meminfo` for a process id; empty on this computer."""

    def running(self) -> dict[int, float]:
        """Process id to seconds of processor time; empty where it is unknown."""
        if not self.here:
            try:
                return browser_processes.cpu_seconds(self.browser.address)
            except BlockFailed:
                return {}
        return pages_of(self.browser.pid) if self.browser.pid is not None else {}

    def measuring(self) -> sources.Processes:
        """The processes in which the browser runs pages and draws, for recorders that read them."""
        if self.here:
            ids = _descendants(self.browser.pid, _measures) if self.browser.pid is not None else {}
            return sources.Processes(tuple(ids), unknown=None if ids else "no process of the browser's pages was found")
        if not self.browser.address.startswith("http"):
            return sources.Processes(unknown="this browser does not tell which of its processes run pages")
        try:
            ids = browser_processes.cpu_seconds(self.browser.address, "renderer", "GPU")
        except BlockFailed as error:
            return sources.Processes(unknown=error.message.rstrip("."))
        return sources.Processes(tuple(ids), unknown=None if ids else "the browser listed no process of its pages")

    def threads(self, pid: int) -> dict[int, ThreadTime] | None:
        """Every thread of a process by its id; None where the system does not report them."""
        return parse_threads(pid, self.files(pid, ("task/*/stat", "task/*/schedstat"))) or None

    def memory(self, pid: int, at_ms: float, stage: str | None) -> MemoryReading | None:
        """The current memory of a process; None where the system does not report it."""
        texts = self.files(pid, ("status", "smaps_rollup"))
        return parse_memory(texts.get("status", ""), texts.get("smaps_rollup", ""), at_ms, stage)

    def dumped(self, pid: int) -> Dumped:
        """Memory of a process on a phone whose shell may not read the process's files."""
        return parse_meminfo(self.dump(pid))

    def peak_rss_kb(self, pid: int) -> int | None:
        """Largest resident set so far (VmHWM); None where the system does not report it."""
        return proc.kib_fields(self.files(pid, ("status",)).get("status", "")).get("VmHWM")


def processes_of(target: Target, browser: BrowserHandle) -> Processes:
    """The processes of a browser that runs on this target."""
    if target.info.kind == "host":
        return Processes(browser, _files_here, here=True)
    return Processes(browser, _files_by_shell(target), here=False, dump=_dump_by_shell(target))


@dataclass(frozen=True)
class AtWork:
    """What the threads of a page did between two readings."""

    threads: int
    """Number of threads that computed: the page's main thread and workers."""
    alive: int
    """Number of the page's threads, idle or not: the main thread and all workers."""
    cpu_ms: list[float]
    """Processor time of every thread of the process that used any, in descending order."""


def at_work(before: Mapping[int, ThreadTime], after: Mapping[int, ThreadTime]) -> AtWork | None:
    """Compare two readings; None when no thread of the page used a relevant amount of processor time."""
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
    """Threads from `task/<id>/stat`, with processor time in ticks, and from `schedstat`, with the exact time.

    A thread's name may hold any characters, including brackets and blanks.
    """
    found = {}
    for path, text in files.items():
        if path.endswith("/stat") and (stat := proc.parse_stat(text)):
            exact = files.get(path.removesuffix("stat") + "schedstat", "").split()
            ms = int(exact[0]) / 1e6 if exact and exact[0].isdecimal() else 1000 * stat.cpu_seconds
            found[stat.id] = ThreadTime(stat.name, stat.id == pid, ms)
    return found


def parse_memory(status: str, rollup: str, at_ms: float, stage: str | None) -> MemoryReading | None:
    """A reading from the texts of `/proc/<pid>/status` and `smaps_rollup`. A sandbox may deny access to the second."""
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
    """Parse the summary of `dumpsys meminfo <pid>`. Before Android 11 it has no resident set. A value of 0 is treated
    as unknown: it means that the process could not be inspected.
    """
    totals = {name: re.search(rf"\b{name}:\s+(\d{{1,15}})\b", text) for name in ("TOTAL PSS", "TOTAL RSS", "Graphics")}
    older = re.search(r"^\s*TOTAL:\s+(\d{1,15})\b", text, re.MULTILINE)
    pss, rss, graphics = (int(found[1]) if found else None for found in totals.values())
    if pss is None and older:
        pss = int(older[1])
    return Dumped(pss or None, rss or None, graphics if pss else None)


def pages_of(browser: int) -> dict[int, float]:
    """Process id to processor seconds, for each descendant of the process `browser` that runs pages."""
    return _descendants(browser, _computes_pages)


def _descendants(browser: int, wanted: Callable[[int], bool]) -> dict[int, float]:
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
    return {pid: seconds[pid] for pid in _below(browser, parents) if wanted(pid)}


def _below(ancestor: int, parents: Mapping[int, int]) -> Iterable[int]:
    for pid in parents:
        above, steps = parents[pid], 0
        while above not in (0, ancestor) and steps < len(parents):
            above, steps = parents.get(above, 0), steps + 1
        if above == ancestor:
            yield pid


def _command_line(pid: int) -> list[bytes]:
    """The words of a command line; empty if it cannot be read. Chrome separates the arguments there with blanks."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    except OSError:
        return []


def _computes_pages(pid: int) -> bool:
    """Whether a process runs pages, judged by its command line."""
    words = _command_line(pid)
    if b"--type=renderer" in words:
        return not _OWN_PAGES.intersection(words)
    return b"-contentproc" in words and words[-1] == b"tab"


def _measures(pid: int) -> bool:
    """Whether a process runs pages or draws them."""
    words = _command_line(pid)
    return _computes_pages(pid) or b"--type=gpu-process" in words or (b"-contentproc" in words and words[-1] == b"gpu")


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
    """The parts of the measuring page that recorders use. It is the `page` of their `Subject`."""

    page: Page
    processes: Processes
    """The processes that may run the page."""
    block: PlannedBlock
    threads: int = 1
    """Number of threads that the engine is asked to use."""
    folder: Path | None = None
    """Folder on this computer for files that a recorder keeps."""
    answer: Measurement | None = None
    """The page's answer, set before `result` is called."""
