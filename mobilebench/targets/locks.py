"""Who measures: one run a device, and one block at a time on targets that share a computer."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import IO

from mobilebench import paths
from mobilebench.errors import BadInput, BlockFailed

_POLL_SECONDS = 0.01

_held: dict[Path, int] = {}
_held_guard = threading.Lock()


@contextmanager
def device_lock(target_id: str, run: str = "") -> Iterator[None]:
    """Keep other processes from measuring a device. Within one process it may be taken again.

    Args:
        target_id: adb serial or `host`.
        run: id of the run, for the other process's message.

    Raises:
        BadInput: another process holds it; the message names its pid and run.
    """
    file = _folder() / f"device-{_safe(target_id)}.lock"
    with _held_guard:
        if file in _held:
            _held[file] += 1
            lock = None
        else:
            lock = _take(file, target_id)
            _held[file] = 1
            _sign(lock, run)
    try:
        yield
    finally:
        with _held_guard:
            _held[file] -= 1
            if not _held[file]:
                del _held[file]
        if lock is not None:
            lock.close()


@contextmanager
def machine_turn(machine: str, cancel: Event | None = None) -> Iterator[None]:
    """Wait until no other target of this machine measures, in this process or another; then it is this one's turn.

    Who has just had its turn queues behind those that wait.

    Raises:
        BlockFailed: `cancel` was set while waiting.
    """
    folder = _folder()
    with (folder / f"turn-{_safe(machine)}.lock").open("w") as turn:
        with (folder / f"queue-{_safe(machine)}.lock").open("w") as queue:
            _wait_for(queue, machine, cancel)
            _wait_for(turn, machine, cancel)
        yield


def _take(file: Path, target_id: str) -> IO[str]:
    lock = file.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(lock)
        lock.close()
        what = "This computer" if target_id == "host" else f"Phone {target_id}"
        raise BadInput(
            f"{what} is being measured by {holder}.",
            hint="Wait until that run has ended, or choose other targets with --serial.",
        ) from None
    return lock


def _sign(lock: IO[str], run: str) -> None:
    lock.seek(0)
    lock.truncate()
    json.dump({"pid": os.getpid(), "run": run}, lock)
    lock.flush()


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    try:
        signed = json.load(lock)
        run = f" (run {signed['run']})" if signed["run"] else ""
        return f"pid {int(signed['pid'])}{run}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _wait_for(lock: IO[str], machine: str, cancel: Event | None) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if cancel is not None and cancel.is_set():
                raise BlockFailed(f"Waiting for the turn on machine {machine} was cancelled.") from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _folder() -> Path:
    folder = paths.home() / "locks"
    folder.mkdir(exist_ok=True)
    return folder


def _safe(name: str) -> str:
    """A file name that no serial can escape from, readable where the serial is ordinary."""
    readable = "".join(letter if letter.isalnum() or letter in ".-_" else "_" for letter in name)[:80]
    return readable if readable == name else f"{readable}-{sha256(name.encode()).hexdigest()[:8]}"
