"""Waits for a phone that goes away during a run because of its cable, or a restart of adb or of the phone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mobilebench.core.errors import TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.session import events
from mobilebench.targets.android import discovery, identity

WAIT_SECONDS = 120
"""How long a run waits for a phone by default."""

_LOOK_SECONDS = 1.0


class Absence:
    """An absence of a phone, from its loss until it can be opened again."""

    def __init__(self, info: TargetInfo, error: TargetLost, seconds: float) -> None:
        self._info = info
        self._error = error
        self._since = time.monotonic()
        self._until = self._since + seconds
        self._state = ""
        self._looked = False

    def wait(
        self,
        meet: Callable[[TargetInfo], TargetInfo | None],
        emit: Callable[[events.Event], None],
        stop: threading.Event,
        *,
        repeated: bool,
    ) -> bool:
        """Wait until the phone is attached again. Returns False if `stop` was set meanwhile.

        Raises:
            TargetLost: it did not come back in time, or another phone came in its place.
        """
        if self._looked and stop.wait(_LOOK_SECONDS):
            return False
        while not stop.is_set():
            self._looked = True
            found = meet(self._info)
            left = max(self._until - time.monotonic(), 0.0)
            if found is not None and found.state == discovery.READY:
                self._demand_same(found)
                waited = time.monotonic() - self._since
                restarted = _restarted(self._info, found)
                emit(events.TargetBack(target=found.id, waited_s=waited, restarted=restarted, repeated=repeated))
                return True
            if left <= 0:
                raise self._given_up()
            self._tell(found.state if found else "absent", left, emit)
            if stop.wait(min(_LOOK_SECONDS, left)):
                return False
        return False

    @property
    def over(self) -> bool:
        """Whether the time to wait has passed."""
        return time.monotonic() >= self._until

    def _tell(self, state: str, left: float, emit: Callable[[events.Event], None]) -> None:
        name = self._info.id
        if state != self._state:
            self._state = state
            emit(
                events.TargetAway(
                    target=name,
                    state=state,
                    reason=self._error.message,
                    hint=discovery.remedy(name, state),
                    left_s=left,
                )
            )
        emit(events.StillWaiting(target=name, state=state, left_s=left))

    def _demand_same(self, found: TargetInfo) -> None:
        if known(found) != known(self._info):
            raise TargetLost(
                f"Another phone is attached as {self._info.id} now: {found.name} ({found.machine}), not "
                f"{self._info.name} ({self._info.machine})",
                hint=f"Attach {self._info.name} again.",
            )

    def _given_up(self) -> TargetLost:
        waited = time.monotonic() - self._since
        return TargetLost(
            f"{self._error.message.rstrip('.')}; it did not come back within {waited:.0f} s",
            hint=f"What was changed on it is put back by the next command that meets it (`mobilebench restore "
            f"{self._info.id}`).",
        )


def known(info: TargetInfo) -> tuple[object, ...]:
    """Properties that identify a phone and stay the same when it is restarted."""
    machine = info.machine.removesuffix(f" at {info.id}")
    number = info.facts.get(identity.SERIAL_NUMBER)
    return info.kind, info.virtual, machine, number, info.soc, info.name, info.abi


def _restarted(before: TargetInfo, now: TargetInfo) -> bool:
    boots = before.facts.get(identity.BOOT), now.facts.get(identity.BOOT)
    return None not in boots and boots[0] != boots[1]
