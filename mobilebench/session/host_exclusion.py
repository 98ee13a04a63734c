"""Keeps blocks of this computer and of phones from running at the same time: this computer also drives the phones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo

_LOOK_SECONDS = 0.1


class HostExclusion:
    """Lets many phones run at once, or the host alone. Neither side waits for more than one block of the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._phones = 0
        self._phones_waiting = 0
        self._phones_first = 0
        """Phones that waited while the host measured; they run before its next block."""
        self._host = False
        self._host_waiting = False

    def turn(self, target: TargetInfo, cancel: threading.Event) -> AbstractContextManager[None]:
        """A block's turn on this computer. Raises `BlockFailed` when `cancel` is set while waiting."""
        return self.alone(cancel) if target.kind == "host" else self.beside_phones(cancel)

    @contextmanager
    def beside_phones(self, cancel: threading.Event) -> Iterator[None]:
        """Wait for the turn of a phone's block. Raises `BlockFailed` when `cancel` is set while waiting."""
        with self._changed:
            self._phones_waiting += 1
            try:
                self._wait(lambda: not self._host and (not self._host_waiting or self._phones_first > 0), cancel)
            finally:
                self._phones_waiting -= 1
                self._phones_first = min(max(self._phones_first - 1, 0), self._phones_waiting)
            self._phones += 1
        try:
            yield
        finally:
            with self._changed:
                self._phones -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, cancel: threading.Event) -> Iterator[None]:
        """Wait for the turn of the host's block. Raises `BlockFailed` when `cancel` is set while waiting."""
        with self._changed:
            self._host_waiting = True
            try:
                self._wait(lambda: self._phones == 0 and self._phones_first == 0, cancel)
                self._host = True
            finally:
                self._host_waiting = False
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._host = False
                self._phones_first = self._phones_waiting
                self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool], cancel: threading.Event) -> None:
        while not ready():
            if cancel.is_set():
                raise BlockFailed("Waiting for the other targets' blocks was cancelled.")
            self._changed.wait(_LOOK_SECONDS)
