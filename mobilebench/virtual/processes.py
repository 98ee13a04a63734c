"""Processes of this computer, known by number and start time so that no other is ever ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessId:
    """A process number is used again; together with the start time it is not."""

    pid: int
    started: int
    """Clock ticks since this computer's start."""

    @property
    def running(self) -> bool:
        facts = _facts(self.pid)
        return facts is not None and facts.started == self.started and facts.state != "Z"


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now."""
    facts = _facts(pid)
    return ProcessId(pid, facts.started) if facts else None


def end(process: ProcessId, *, patience_s: float) -> None:
    """End a process and everything below it: kindly where `patience_s` allows, then at once."""
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
    """Whether any process of a process group still runs."""
    numbers = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    found = (_facts(number) for number in numbers)
    return any(facts is not None and facts.group == group and facts.state != "Z" for facts in found)


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


@dataclass(frozen=True)
class _Facts:
    parent: int
    group: int
    started: int
    state: str


def _facts(pid: int) -> _Facts | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return _Facts(parent=int(fields[1]), group=int(fields[2]), started=int(fields[19]), state=fields[0])


def _below(pid: int) -> list[ProcessId]:
    children: dict[int, list[ProcessId]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if (facts := _facts(int(folder.name))) is not None:
            children.setdefault(facts.parent, []).append(ProcessId(int(folder.name), facts.started))
    found = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child.pid)
    return found
