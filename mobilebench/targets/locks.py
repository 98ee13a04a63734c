"""Who measures: one run a device, and one block at a time on targets that share a computer.

On this computer a lock is a name in the kernel's table of abstract sockets: whoever runs mobilebench here meets it,
under any `MOBILEBENCH_HOME` and as any user, there is no file to leave behind or to tamper with, and it goes with its
process.
Phones carry a lock of their own beside it (`android.lease`), for other computers.
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

APART = "MOBILEBENCH_LOCKS"
"""Variable with any word: only programs that have the same one meet each other's locks (tests run side by side so)."""

_POLL_SECONDS = 0.01
_ASK_SECONDS = 1.0
_LONGEST_ANSWER = 1000


_held: dict[str, str] = {}
"""Name of a device's lock to the serial by which this process holds it."""
_held_guard = threading.RLock()


@contextmanager
def device_lock(info: TargetInfo, run: str = "") -> Iterator[Lease | None]:
    """Keep others from measuring a device: other processes, other computers, and other parts of this process.

    It has one owner, which gives the lease to those that open the phone. Yields the lock that lies on the phone; None
    for this computer.

    Args:
        info: the device.
        run: id of the run, for the message that others get.

    Raises:
        BadInput: another process holds it, or another part of this one; the message says which.
        BlockFailed: the phone does not take its lock.
        TargetLost: the phone is not there.
    """
    name = info.id if info.kind == "host" else f"phone {identity.key(info)}"
    with _held_guard:
        if serial := _held.get(name):
            same = "" if serial == info.id else f"is the same phone as {serial}, which "
            hint = lease.WAIT if serial == info.id else "Measure it by one of its serials."
            raise BadInput(f"{_called(info)} {same}is being measured by this process.", hint=hint)
        taken, stack = _take(name, info, run)
        _held[name] = info.id
    try:
        yield taken
    finally:
        with _held_guard:
            del _held[name]
            stack.close()


@contextmanager
def machine_turn(machine: str, cancel: Event | None = None) -> Iterator[None]:
    """Wait until no other target of this machine measures, in this process or another; then it is this one's turn.

    Who has just had its turn queues behind those that wait.

    Raises:
        BlockFailed: `cancel` was set while waiting.
    """
    with ExitStack() as held:
        with ExitStack() as queued:
            queued.enter_context(_awaited(f"queue {machine}", machine, cancel))
            held.enter_context(_awaited(f"turn {machine}", machine, cancel))
        yield


def _take(name: str, info: TargetInfo, run: str) -> tuple[Lease | None, ExitStack]:
    """The phone's own lock, and what gives everything back."""
    with ExitStack() as stack:
        own = _bound(f"device {name}")
        if own is None:
            here = "" if info.kind == "host" else " on this computer"
            holder = _holder_by_phone(info) or _holder(f"device {name}", here)
            raise BadInput(f"{_called(info)} is being measured by {holder}.", hint=lease.WAIT)
        stack.enter_context(own)
        own.answer(run)
        taken = None
        if info.kind != "host":
            taken = lease.take(DeviceShell(info.id), run)
            stack.callback(taken.close)
        return taken, stack.pop_all()


def _called(info: TargetInfo) -> str:
    return "This computer" if info.kind == "host" else f"Phone {info.id}"


def _awaited(name: str, machine: str, cancel: Event | None) -> _Name:
    while (own := _bound(name)) is None:
        if cancel is not None and cancel.is_set():
            raise BlockFailed(f"Waiting for the turn on machine {machine} was cancelled.")
        time.sleep(_POLL_SECONDS)
    return own


class _Name:
    """A name that this process has until `close`."""

    def __init__(self, own: socket.socket) -> None:
        self._own = own
        self._answering: threading.Thread | None = None

    def answer(self, run: str) -> None:
        """Say which run it is to everybody who asks."""
        self._own.listen(16)
        words = json.dumps({"run": run, "since": f"{datetime.now().astimezone():%H:%M:%S}"}).encode()

        def answer() -> None:
            while True:
                try:
                    other, _ = self._own.accept()
                except OSError:
                    return
                with other, suppress(OSError):
                    other.sendall(words)

        self._answering = threading.Thread(target=answer, name="device lock", daemon=True)
        self._answering.start()

    def close(self) -> None:
        with suppress(OSError):
            self._own.shutdown(socket.SHUT_RDWR)
        if self._answering is not None:
            self._answering.join()
        self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bound(name: str) -> _Name | None:
    """The name; None where another one has it."""
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        own.bind(_address(name))
    except OSError:
        own.close()
        return None
    return _Name(own)


def _address(name: str) -> str:
    digest = sha256(f"{os.environ.get(APART, '')}\n{name}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"\0mobilebench-{digest[:32]}"


def _holder_by_phone(info: TargetInfo) -> str | None:
    """Who has the phone by its own lock, which says more."""
    if info.kind == "host":
        return None
    with suppress(BlockFailed, TargetLost):
        seen = lease.look(DeviceShell(info.id))
        return seen.describe(seen.holder) if seen.holder else None
    return None


def _holder(name: str, where: str) -> str:
    """The process that has the name: its pid as the kernel knows it, and the run that it names."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(_ASK_SECONDS)
            other.connect(_address(name))
            pid: int = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            said = json.loads(other.recv(_LONGEST_ANSWER))
            run, since = (_plain(said[key]) for key in ("run", "since"))
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    who = f"pid {pid}{where}" if pid else "another process"
    return f"{who}{f' (run {run})' if run else ''} since {since}"


def _plain(said: object) -> str:
    return "".join(letter for letter in str(said) if letter.isprintable())[:80]
