"""A run that changes a phone in every way but apps, waits at a gate, pushes and writes files and records, puts
everything back, and is killed before one of its steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from mobilebench import targets
from mobilebench.core.records import TargetInfo
from mobilebench.engines.runner_process import scratch_folder
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.registry import READERS
from mobilebench.suite.gates import PHONES
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.files import Sync
from mobilebench.targets.android.restore_copy import RestoreCopy
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.care.gates import Gatekeeper

FLAGS = "/data/local/tmp/chrome-command-line"
PUSHED = "pushed.bin"
"""File that a run pushes. A whole file stays on the phone, so that the next run need not push it again."""
STEPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (DeviceShell, ("script", "run", "stream")),
    (Sync, ("stat", "read", "write")),
    (RestoreCopy, ("read", "write", "remove")),
    (adb_protocol, ("forward", "reverse", "remove_forward", "remove_reverse")),
)
"""Everything by which a run reads or changes a phone, or the copy of its restore file."""


def run(info: TargetInfo, asked: str, kill_at: int, counted: Path, environment: Mapping[str, str]) -> None:
    """Set the conditions and the rest, and put them back.

    Args:
        info: the phone.
        asked: the conditions.
        kill_at: number of the step before which this process kills itself, from 1 on; 0: it does not.
        counted: file that gets the number of steps of a run that was not killed.
        environment: environment variables, which name the adb server and the home folder.
    """
    os.environ.clear()
    os.environ.update(environment)
    with targets.open_target(info) as phone, counting(kill_at) as steps:
        changes = phone._changes
        phone.conditions(asked)
        changes.change_file(FLAGS, b"_ --ours\n")
        changes.set_debug_app("com.android.chrome")
        Gatekeeper(every_s=0.01).wait(phone, PHONES, Event(), lambda *_: None)
        with phone.reverse(adb_protocol.free_port()):
            changes.forward("localabstract:nobody")
            phone.conditions(asked)
            _measure(phone, counted.with_name(PUSHED))
        changes.put_back_all()
    counted.write_text(str(steps()))


def _measure(phone: Any, file: Path) -> None:
    """Push a file that the phone does not have, record, and write into the block's scratch folder."""
    file.write_bytes(os.urandom(100_000))
    recorders = [READERS[name](60.0) for name in ("battery", "thermal", "clocks", "load")]
    with scratch_folder(phone) as scratch:
        phone.push(file)
        with recording(Subject(phone), recorders):
            phone.shell(["sh", "-c", 'echo trace > "$1"', "write", f"{scratch}/trace.json"], timeout=30)


@contextmanager
def counting(kill_at: int):
    """Count the steps until the context ends, and kill this process before one of them."""
    count = 0
    restored: list[tuple[Any, str, Any]] = []

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return step

    for owner, names in STEPS:
        for name in names:
            real = getattr(owner, name)
            restored.append((owner, name, real))
            setattr(owner, name, counted(real))
    try:
        yield lambda: count
    finally:
        for owner, name, real in restored:
            setattr(owner, name, real)
