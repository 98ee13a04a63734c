"""The phones that a worker offers: those that adb sees on its host, as they appear and vanish."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import TargetInfo
from mobilebench.targets import rack
from mobilebench.targets.rack import Rack

_logger = logging.getLogger(__name__)

_PAUSE_S = 30.0
"""Between attempts to reach adb."""
_HELD_S = 60.0
"""How long to wait for a run that has a phone when it appears, such as one of a killed worker, which is ending."""
_LOOK_S = 0.5


@dataclass(frozen=True)
class Offered:
    """A phone, as its host saw it last."""

    target: TargetInfo
    seen_at: datetime
    present: bool = True


class FixedPhones:
    """Phones that never vanish."""

    def __init__(self, infos: Sequence[TargetInfo]) -> None:
        now = datetime.now(UTC)
        self._phones = {info.id: Offered(info, now) for info in infos}

    def current(self) -> dict[str, Offered]:
        """The phones by serial."""
        return self._phones

    def entries(self) -> Rack:
        """What the rack file says of them."""
        return Rack()

    def wait_restored(self, serial: str, cancel: threading.Event) -> None:
        """Nothing was left on them."""

    def start(self, changed: Callable[[], None]) -> None:
        """Nothing changes."""

    def stop(self) -> None:
        """Nothing runs."""


class AttachedPhones:
    """Phones that adb sees now or saw since the worker started.

    What a killed run left on a phone is undone when the phone appears, in a thread of its own.

    Args:
        rack_file: what gives them names and labels; None: the usual one.
    """

    def __init__(self, rack_file: Path | None = None) -> None:
        self._rack_file = rack_file
        self._guard = threading.Lock()
        self._phones: dict[str, Offered] = {}
        self._restored: dict[str, threading.Event] = {}
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def current(self) -> dict[str, Offered]:
        """The phones by serial; those that vanished are not present."""
        with self._guard:
            return dict(self._phones)

    def entries(self) -> Rack:
        """What the rack file says of them; nothing while it cannot be read."""
        try:
            with rack.using(self._rack_file):
                return rack.current()
        except MobilebenchError as error:
            _logger.warning("%s", error.text_with_hint)
            return Rack()

    def wait_restored(self, serial: str, cancel: threading.Event) -> None:
        """Wait until this phone was seen, and what a killed run left on it was undone or could not be.

        A host that starts knows its jobs before it sees its phones. One that does not appear is not awaited for long.

        Args:
            serial: the phone.
            cancel: set when the waiting is to end.
        """
        deadline = time.monotonic() + _HELD_S
        while not cancel.is_set():
            with self._guard:
                done = self._restored.get(serial)
            if done is None:
                if time.monotonic() > deadline:
                    return
                cancel.wait(_LOOK_S)
            elif done.wait(_LOOK_S):
                return

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to watch; `changed` is called from another thread after each change."""
        self._watcher = threading.Thread(target=self._watch, args=(changed,), name="phones of the rack", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()

    def _watch(self, changed: Callable[[], None]) -> None:
        from mobilebench import targets

        while not self._stop.is_set():
            try:
                for infos in targets.watch(self._stop):
                    self._take(infos)
                    changed()
            except MobilebenchError as error:
                _logger.warning("%s", error.text_with_hint)
                self._take([])
                changed()
            self._stop.wait(_PAUSE_S)

    def _take(self, infos: Sequence[TargetInfo]) -> None:
        now = datetime.now(UTC)
        with self._guard:
            before = self._phones
            self._phones = {serial: replace(one, present=False) for serial, one in before.items()}
            self._phones |= {info.id: Offered(info, now) for info in infos}
            fresh = [
                info
                for info in infos
                if info.state == "device" and not ((old := before.get(info.id)) and old.present and _is_ready(old))
            ]
            for info in fresh:
                self._restored[info.id] = threading.Event()
        for info in fresh:
            threading.Thread(
                target=self._restore, args=(info, self._restored[info.id]), name=f"restore {info.id}", daemon=True
            ).start()

    def _restore(self, info: TargetInfo, done: threading.Event) -> None:
        from mobilebench import targets

        deadline = time.monotonic() + _HELD_S
        try:
            while (standing := targets.phone_statuses([info]).get(info.id)) is not None and standing.holder:
                if time.monotonic() > deadline or self._stop.wait(_LOOK_S):
                    return
            if standing is not None and standing.restore_due:
                targets.restore(info)
                _logger.warning("Phone %s: what a run left on it was undone.", info.id)
        except MobilebenchError as error:
            _logger.warning("Phone %s: what a run left on it could not be undone: %s", info.id, error.text_with_hint)
        finally:
            done.set()


def _is_ready(offered: Offered) -> bool:
    return offered.target.state == "device"
