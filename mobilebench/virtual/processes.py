"""Processes of this computer: identify them, wait for them and their pipes without threads, and end them.

A process is identified by pid and start time, so that no other process is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.proc import Stat, parse_stat


@dataclass(frozen=True)
class ProcessId:
    """A process, identified by pid and start time, because pids are reused."""

    pid: int
    started: int
    """Start time in clock ticks since this computer's boot."""

    @property
    def running(self) -> bool:
        stat = _stat(self.pid)
        return stat is not None and stat.started_ticks == self.started and not stat.ended


def identify(pid: int) -> ProcessId | None:
    """The process that has this pid now, or None."""
    stat = _stat(pid)
    return ProcessId(pid, stat.started_ticks) if stat else None


def end(process: ProcessId, *, patience_s: float) -> None:
    """End a process and its descendants: first politely for up to `patience_s` seconds, then by force."""
    if not process.running:
        return
    family = [process, *_below(process.pid)]
    if patience_s:
        _signal(process, signal.SIGTERM)
        _wait(family[:1], patience_s)
        family += _below(process.pid)
    for member in family:
        _signal(member, signal.SIGKILL)
    _wait(family, 5.0)


def descendants() -> list[ProcessId]:
    """The processes below this one."""
    return _below(os.getpid())


def end_descendants() -> None:
    """Kill the processes below this one."""
    for process in descendants():
        _signal(process, signal.SIGKILL)


def group_running(group: int) -> bool:
    """Whether any process of a process group is running."""
    numbers = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    stats = (_stat(number) for number in numbers)
    return any(stat is not None and stat.group == group and not stat.ended for stat in stats)


def _signal(process: ProcessId, number: int) -> None:
    if process.running:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def _wait(processes: list[ProcessId], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        for process in processes:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        if time.monotonic() > until or not any(process.running for process in processes):
            return
        time.sleep(0.005)


def _stat(pid: int) -> Stat | None:
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None


def _below(pid: int) -> list[ProcessId]:
    children: dict[int, list[ProcessId]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if (stat := _stat(int(folder.name))) is not None:
            children.setdefault(stat.parent, []).append(ProcessId(stat.id, stat.started_ticks))
    descendants = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            descendants.append(child)
            waiting.append(child.pid)
    return descendants


CHUNK = 1 << 18


async def read_all(descriptor: int) -> AsyncIterator[bytes]:
    """Yield the bytes that arrive at a non-blocking descriptor, until its end."""
    while True:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            await _ready(descriptor, write=False)
            continue
        except OSError:
            return  # a terminal whose other side is closed
        if not data:
            return
        yield data


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`. Raises `OSError` if the reading side is closed."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            await _ready(descriptor, write=True)


def process_end(pid: int) -> Coroutine[None, None, int]:
    """Wait for a child; return its exit code as a shell reports it (128 + signal if a signal ended it)."""
    _awaited.add(pid)
    return _process_end(pid)


async def _process_end(pid: int) -> int:
    handle = os.pidfd_open(pid)
    try:
        await _ready(handle, write=False)
    finally:
        os.close(handle)
    _awaited.discard(pid)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def reap_orphans() -> None:
    """Reap ended processes that commands left behind and that became children of this process."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in map(int, children):
            if child not in _awaited:
                os.waitpid(child, os.WNOHANG)


_awaited: set[int] = set()


async def run(argv: Sequence[str], environment: Mapping[str, str], text: str = "") -> tuple[int, str]:
    """Run a program with a short text as its input; return its exit code and what it printed, at most 64 KiB.

    Raises `OSError` if it cannot be started, or takes no input.
    """
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    try:
        child = subprocess.Popen(
            argv,
            stdin=in_read,
            stdout=out_write,
            stderr=out_write,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    except OSError:
        os.close(in_write)
        os.close(out_read)
        raise
    finally:
        os.close(in_read)
        os.close(out_write)
    child.returncode = 0  # `process_end` waits for it; Popen must not
    end = asyncio.ensure_future(process_end(child.pid))
    printed = b""
    try:
        for descriptor in (in_write, out_read):
            os.set_blocking(descriptor, False)
        try:
            await write_all(in_write, text.encode())
        finally:
            os.close(in_write)
        async for data in read_all(out_read):
            printed = (printed + data)[:_MOST_PRINTED]
    finally:
        os.close(out_read)
    return await end, printed.decode(errors="replace")


_MOST_PRINTED = 64 << 10


async def _ready(descriptor: int, *, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, wake)
    try:
        await ready
    finally:
        remove(descriptor)
