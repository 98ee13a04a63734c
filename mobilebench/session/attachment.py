"""The targets of a run: which can be used now or again, and the wait for a phone that goes away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack

from mobilebench.core.errors import Loss, MobilebenchError, NothingToMeasure, TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies
from mobilebench.targets.android import discovery, identity, states

WAIT_SECONDS = 120
"""How long a run waits for a phone by default."""

TRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until adb is first asked to reach a phone again, and from each time to the next one; the last one stays."""

_LOOK_SECONDS = 1.0
_SOON_SECONDS = 0.1
"""Seconds until the first look after adb was asked to reach a phone."""


def reserve(
    targets: Iterable[TargetInfo],
    run_id: str,
    reserve_target: Callable[[TargetInfo, str], AbstractContextManager[None]],
    held: ExitStack,
    skipped: Iterable[events.TargetSkipped] = (),
    *,
    at_once: int = 1,
) -> tuple[dict[str, TargetInfo], list[events.TargetSkipped]]:
    """The targets that can be measured, reserved for this run, and those that cannot, with the reason.

    Args:
        targets: the targets that are wanted, in the order of what is returned.
        run_id: the run.
        reserve_target: makes the context that reserves a target.
        held: where these contexts are entered.
        skipped: targets that are known to be missing.
        at_once: how many targets may be reserved at the same time, in threads; 1: in this thread.

    Raises:
        NothingToMeasure: no target can be used.
        MobilebenchError: no target could be reserved, and why the first one could not.
    """
    wanted = list(targets)
    ready = [info for info in wanted if info.state == discovery.READY]
    problems = _entered([reserve_target(info, run_id) for info in ready], held, at_once)
    refused = {info.id: problem for info, problem in zip(ready, problems, strict=True) if problem}
    usable: dict[str, TargetInfo] = {}
    missed = list(skipped)
    for info in wanted:
        if info.state != discovery.READY:
            hint = discovery.remedy_of(info)
            reason = discovery.sentence(info.id, info.state)
            missed.append(events.TargetSkipped(target=info.id, reason=reason, hint=hint))
        elif error := refused.get(info.id):
            missed.append(events.TargetSkipped(target=info.id, reason=error.message, hint=error.hint))
        else:
            usable[info.id] = info
    if not usable:
        for first in refused.values():
            raise first
        reasons = "; ".join(one.reason for one in missed)
        raise NothingToMeasure(
            f"No target can be measured now{f': {reasons}' if reasons else ''}.",
            hint=next((one.hint for one in missed if one.hint), "`mobilebench devices` shows what is attached."),
        )
    return usable, missed


def _entered(
    contexts: Sequence[AbstractContextManager[None]], held: ExitStack, at_once: int
) -> list[MobilebenchError | None]:
    """Enter contexts, and leave them with `held`, so many at the same time. Returns the error of each."""
    stacks = [ExitStack() for _ in contexts]

    def enter(stack: ExitStack, context: AbstractContextManager[None]) -> MobilebenchError | None:
        try:
            stack.enter_context(context)
        except MobilebenchError as error:
            return error
        return None

    if at_once == 1:
        for stack in stacks:
            held.enter_context(stack)
        return [*map(enter, stacks, contexts)]

    def leave() -> None:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(ExitStack.close, stacks))

    held.callback(leave)
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(enter, stacks, contexts))


def met_again(
    before: Iterable[TargetInfo], now: Sequence[TargetInfo], browsers: Collection[tuple[str, str | None]]
) -> tuple[list[TargetInfo], list[events.TargetSkipped]]:
    """The run's targets as they are now, and the targets that cannot be used: they are gone, are another device under
    the same id, or lack one of the `browsers` (target and name) that are still to be measured."""
    here = {info.id: info for info in now}
    present: list[TargetInfo] = []
    missing: list[events.TargetSkipped] = []
    for old in before:
        new = here.get(old.id)
        if new is None:
            other = next((info for info in now if _identity(info) == _identity(old) and _is_phone(info)), None)
            known = f"The same phone is attached as {other.id}: " if other else ""
            hint = f"{known}{'attach' if other else 'Attach'} it (or start it) as {old.id} and resume again."
            missing.append(
                events.TargetSkipped(target=old.id, reason=f"{old.id} ({old.name}) is not attached", hint=hint)
            )
        elif new.state == "device" and _identity(new) != _identity(old):
            reason = f"{old.id} was {old.name} ({old.soc}) when the run began, and is {new.name} ({new.soc}) now"
            missing.append(events.TargetSkipped(target=old.id, reason=reason, hint="Start a new run on it."))
        elif gone := [name for name in old.browsers if name not in new.browsers and (old.id, name) in browsers]:
            reasons = [new.unusable_browsers.get(name) or new.unknown.get("browsers") for name in gone]
            why = next((f" ({one})" for one in reasons if one), "")
            reason = f"{' and '.join(gone)} was on {old.id} when the run began, and is not there now{why}"
            hint = "Install it, or say where it is (--browser-path NAME=PATH), and resume again."
            missing.append(events.TargetSkipped(target=old.id, reason=reason, hint=hint))
        else:
            present.append(new)
    return present, missing


def _is_phone(info: TargetInfo) -> bool:
    """Whether it is a physical phone; virtual phones share this computer."""
    return info.kind == "android" and info.state == "device" and not info.virtual


def _identity(info: TargetInfo) -> tuple[object, ...]:
    return info.kind, info.virtual, info.machine, info.soc, info.name, info.abi


class Absence:
    """An absence of a phone, from its loss until it can be opened again."""

    def __init__(self, info: TargetInfo, error: TargetLost, seconds: float) -> None:
        self._info = info
        self._error = error
        self._since = time.monotonic()
        self._until = self._since + seconds
        self._state = ""
        self._looked = False
        self._asked = 0
        """How often adb was asked to connect the phone again."""
        self._tries = 0
        self._other_serial: str | None = None
        self._next_try = self._since + TRY_SECONDS[0]

    def wait(
        self,
        dependencies: Dependencies,
        emit: Callable[[events.Event], None],
        stop: threading.Event,
        *,
        repeated: bool,
    ) -> bool:
        """Wait until the phone is attached again, and ask adb at growing intervals to reach it.

        Returns False if `stop` was set meanwhile.

        Raises:
            TargetLost: it did not come back in time, or another phone came in its place.
        """
        if self._looked and stop.wait(_LOOK_SECONDS):
            return False
        while not stop.is_set():
            self._looked = True
            found = dependencies.meet(self._info)
            left = max(self._until - time.monotonic(), 0.0)
            if found is not None and found.state == discovery.READY:
                self._demand_same(found)
                waited = time.monotonic() - self._since
                restarted = _restarted(self._info, found)
                emit(
                    events.TargetBack(
                        target=found.id, waited_s=waited, restarted=restarted, repeated=repeated, asked=self._asked
                    )
                )
                return True
            state = self._tell(found.state if found else states.ABSENT, left, emit)
            if left <= 0:
                raise self._given_up(state)
            asked = self._try(dependencies, found.state if found else states.ABSENT)
            soon = _SOON_SECONDS if asked else max(self._next_try - time.monotonic(), _SOON_SECONDS)
            if stop.wait(min(_LOOK_SECONDS, soon, left)):
                return False
        return False

    @property
    def over(self) -> bool:
        """Whether the time to wait has passed."""
        return time.monotonic() >= self._until

    def _try(self, dependencies: Dependencies, state: str) -> bool:
        """When it is time for that, ask adb to reach the phone, or else look for it under another serial; whether adb
        was asked.
        """
        if time.monotonic() < self._next_try:
            return False
        self._tries += 1
        self._next_try = time.monotonic() + TRY_SECONDS[min(self._tries, len(TRY_SECONDS) - 1)]
        if dependencies.reach_again(self._info, state):
            self._asked += 1
            return True
        if state == states.ABSENT:
            self._other_serial = dependencies.other_serial(self._info)
        return False

    def _tell(self, state: str, left: float, emit: Callable[[events.Event], None]) -> str:
        """Emit the phone's state, which is returned as it is told: an absent phone may have another serial."""
        name = self._info.id
        if state == states.ABSENT and self._other_serial:
            state = f"{states.MOVED}{self._other_serial}"
        if state != self._state:
            self._state = state
            emit(
                events.TargetAway(
                    target=name,
                    state=state,
                    reason=self._error.message,
                    hint=discovery.remedy(name, state),
                    left_s=left,
                    loss=self._loss(state),
                )
            )
        emit(events.StillWaiting(target=name, state=state, left_s=left))
        return state

    def _loss(self, state: str) -> Loss:
        """The kind of loss: a phone on the network is absent because the adb server ended, which has begun anew."""
        ended = state == states.ABSENT and self._error.loss == "no adb server"
        return "no adb server" if ended else states.loss_of(state)

    def _demand_same(self, found: TargetInfo) -> None:
        if known(found) != known(self._info):
            raise TargetLost(
                f"Another phone is attached as {self._info.id} now: {found.name} ({found.machine}), not "
                f"{self._info.name} ({self._info.machine})",
                hint=f"Attach {self._info.name} again.",
                loss="other phone",
            )

    def _given_up(self, state: str) -> TargetLost:
        waited = time.monotonic() - self._since
        tried = f", although adb was asked {self._asked} times to connect it again" if self._asked > 1 else ""
        return TargetLost(
            f"{self._error.message.rstrip('.')}; it did not come back within {waited:.0f} s{tried} ({state})",
            hint=f"The next command that reaches it undoes the changes on it (`mobilebench restore {self._info.id}`).",
            loss=self._loss(state),
        )


def known(info: TargetInfo) -> tuple[object, ...]:
    """Properties that identify a phone and stay the same when it is restarted."""
    machine = info.machine.removesuffix(f" at {info.id}")
    number = info.facts.get(identity.SERIAL_NUMBER)
    return info.kind, info.virtual, machine, number, info.soc, info.name, info.abi


def _restarted(before: TargetInfo, now: TargetInfo) -> bool:
    boots = before.facts.get(identity.BOOT), now.facts.get(identity.BOOT)
    return None not in boots and boots[0] != boots[1]
