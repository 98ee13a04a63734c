"""Processes of this computer, identified by pid and start time so that no other process is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
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


def group_running(group: int) -> bool:
    """Whether any process of a process group is running."""
    numbers = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    found = (_stat(number) for number in numbers)
    return any(stat is not None and stat.group == group and not stat.ended for stat in found)


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
    found = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child.pid)
    return found
