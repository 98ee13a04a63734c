"""Locks for measuring: one run per device, and one block at a time on targets that share a computer.

On this computer a lock is a name in the kernel's table of abstract sockets: every mobilebench process here meets it,
under any `MOBILEBENCH_HOME` and as any user, there is no file to leave behind or to tamper with, and it ends with
its process.
Phones also hold a lock file (`android.lease`), for other computers.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from threading import Event
from typing import Self

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import identity, lease
from mobilebench.targets.android.lease import Lease
from mobilebench.targets.android.shell import DeviceShell

SCOPE_VARIABLE = "MOBILEBENCH_LOCKS"
"""Variable with any word: only processes with the same word share locks (so tests can run in parallel)."""

_POLL_SECONDS = 0.01
_ANSWER_SECONDS = 10.0
"""How long a refused process waits until the holder tells its run: on a busy computer it may be slow."""
_LONGEST_ANSWER = 1000


_held: dict[str, str] = {}
"""Maps the name of a device's lock to the serial under which this process holds it."""
_held_guard = threading.RLock()


@contextmanager
def device_lock(info: TargetInfo, run: str = "") -> Iterator[Lease | None]:
    """Lock a device against other processes, other computers and other parts of this process.

    The owner passes the lease to the code that opens the phone. Yields the lease of the phone's own lock; None for
    this computer.

    Args:
        info: the device.
        run: id of the run, for the error message of others.

    Raises:
        BadInput: another process, or another part of this one, holds the lock; the message says which.
        BlockFailed: the lock cannot be written on the phone.
        TargetLost: the phone is not there.
    """
    name = info.id if info.kind == "host" else f"phone {identity.key(info)}"
    with _held_guard:
        if serial := _held.get(name):
            which = "" if serial == info.id else f"is the same phone as {serial}, which "
            hint = lease.WAIT_HINT if serial == info.id else "Measure it by one of its serials."
            raise BadInput(f"{_subject(info)} {which}is being measured by this process.", hint=hint)
        phone_lease, stack = _take(name, info, run)
        _held[name] = info.id
    try:
        yield phone_lease
    finally:
        with _held_guard:
            del _held[name]
            stack.close()


@contextmanager
def machine_turn(machine: str, cancel: Event | None = None) -> Iterator[None]:
    """Wait until no other target of this machine measures, in this process or another; then hold the turn.

    A caller that has just had its turn queues behind those that wait.

    Raises:
        BlockFailed: `cancel` was set while waiting.
    """
    with ExitStack() as held:
        with ExitStack() as queued:
            queued.enter_context(_wait_for_name(f"queue {machine}", machine, cancel))
            held.enter_context(_wait_for_name(f"turn {machine}", machine, cancel))
        yield


def _take(name: str, info: TargetInfo, run: str) -> tuple[Lease | None, ExitStack]:
    """Take the phone's own lock; return it with a stack that releases everything."""
    with ExitStack() as stack:
        lock_name = _bind_name(f"device {name}")
        if lock_name is None:
            where = "" if info.kind == "host" else " on this computer"
            holder = _holder_by_phone(info) or _holder_by_socket(f"device {name}", where)
            raise BadInput(f"{_subject(info)} is being measured by {holder}.", hint=lease.WAIT_HINT)
        stack.enter_context(lock_name)
        lock_name.answer(run)
        phone_lease = None
        if info.kind != "host":
            phone_lease = lease.take_lock(DeviceShell(info.id), run)
            stack.callback(phone_lease.close)
        return phone_lease, stack.pop_all()


def _subject(info: TargetInfo) -> str:
    return "This computer" if info.kind == "host" else f"Phone {info.id}"


def _wait_for_name(name: str, machine: str, cancel: Event | None) -> _LockName:
    while (lock_name := _bind_name(name)) is None:
        if cancel is not None and cancel.is_set():
            raise BlockFailed(f"Waiting for the turn on machine {machine} was cancelled.")
        time.sleep(_POLL_SECONDS)
    return lock_name


class _LockName:
    """A socket name that this process holds until `close`."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._answering: threading.Thread | None = None

    def answer(self, run: str) -> None:
        """Send the run's id to every process that connects."""
        self._socket.listen(16)
        holder = json.dumps({"run": run, "since": f"{datetime.now().astimezone():%H:%M:%S}"}).encode()

        def answer() -> None:
            while True:
                try:
                    connection, _ = self._socket.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.sendall(holder)

        self._answering = threading.Thread(target=answer, name="device lock", daemon=True)
        self._answering.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._answering is not None:
            self._answering.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bind_name(name: str) -> _LockName | None:
    """Take the name; None if another process has it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(_address(name))
    except OSError:
        listener.close()
        return None
    return _LockName(listener)


def _address(name: str) -> str:
    digest = sha256(f"{os.environ.get(SCOPE_VARIABLE, '')}\n{name}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"\0mobilebench-{digest[:32]}"


def _holder_by_phone(info: TargetInfo) -> str | None:
    """Holder from the phone's own lock, which gives more detail."""
    if info.kind == "host":
        return None
    with suppress(BlockFailed, TargetLost):
        reading = lease.read_lock(DeviceShell(info.id))
        return reading.describe(reading.holder) if reading.holder else None
    return None


def _holder_by_socket(name: str, where: str) -> str:
    """The process that holds the name: its pid from the kernel, and the run that it reports."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(_address(name))
            pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            answer = json.loads(connection.recv(_LONGEST_ANSWER))
            run, since = (_printable(answer[key]) for key in ("run", "since"))
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    process = f"pid {pid}{where}" if pid else "another process"
    return f"{process}{f' (run {run})' if run else ''} since {since}"


def _printable(text: object) -> str:
    return "".join(letter for letter in str(text) if letter.isprintable())[:80]
