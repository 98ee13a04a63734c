"""Holds the conditions of blocks on an open phone: sets them, checks them before each block, and tells what holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import DeviceCondition, DeviceConditions, TargetInfo
from mobilebench.targets.android.conditions import Asked, Condition, parse
from mobilebench.targets.android.device_changes import Changed, DeviceChanges
from mobilebench.targets.android.state_controls import PinnedClocks, Setting, State
from mobilebench.virtual.android.abilities import RELEASES

_API = "ro.build.version.sdk"
_OVER_NETWORK = re.compile(r":\d+$|\._adb(?:-tls-connect)?\._tcp\.?$")
_OVER_LOOPBACK = re.compile(r"^(?:127\.|localhost:|emulator-)")
_LONGEST_REASON = 1000


@dataclass(frozen=True)
class _Held:
    """A condition that was asked for."""

    condition: Condition
    changed: tuple[Changed, ...] = ()
    unavailable: str | None = None
    """Why this phone does not have it, as a clause."""

    @property
    def outcome(self) -> DeviceCondition:
        name = self.condition.name
        if self.unavailable is not None:
            return DeviceCondition(name=name, state="unavailable", reason=self.unavailable[:_LONGEST_REASON])
        if refused := [one.refused for one in self.changed if one.refused is not None]:
            return DeviceCondition(
                name=name, state="refused", reason="; ".join(dict.fromkeys(refused))[:_LONGEST_REASON]
            )
        was_so = all(one.step is None for one in self.changed)
        return DeviceCondition(name=name, state="already" if was_so else "set")


class PhoneConditions:
    """The conditions of one phone. They stay until other ones are asked for, or until the phone is closed."""

    def __init__(self, info: TargetInfo, changes: DeviceChanges) -> None:
        self._info = info
        self._changes = changes
        self._asked: str | None = None
        self._held: list[_Held] = []

    def meet(self, asked: str) -> DeviceConditions:
        """Set these conditions, or check those that were set for an earlier block and set again what was lost.

        Raises:
            TargetLost: the phone went away.
            BlockFailed: the phone does not answer, or conditions of an earlier block could not be put back.
        """
        wanted = parse(asked)
        if self._asked == wanted.text:
            self._renew()
        else:
            self._put_back()
            self._set(wanted)
            self._asked = wanted.text
        outcomes = [one.outcome for one in self._held]
        fixed = any(one.condition.fixes_clocks and one.outcome.holds for one in self._held)
        return DeviceConditions(asked=wanted.text, regime="fixed" if fixed else "natural", conditions=outcomes)

    def _put_back(self) -> None:
        steps = [change.step for one in self._held for change in one.changed if change.step is not None]
        self._held, self._asked = [], None
        self._changes.put_back(steps)

    def _set(self, wanted: Asked) -> None:
        held = [self._prepared(condition) for condition in wanted.conditions]
        controls = [change.control for one in held for change in one.changed]
        self._held = _distributed(held, self._changes.set_all(controls))

    def _renew(self) -> None:
        changed = [change for one in self._held for change in one.changed]
        self._held = _distributed(self._held, self._changes.hold_all(changed))

    def _prepared(self, condition: Condition) -> _Held:
        """The condition with what has to be changed for it, none of which is done yet."""
        if reason := self._unavailable(condition):
            return _Held(condition, unavailable=reason)
        controls: list[Setting | State] = []
        for change in condition.changes:
            if isinstance(change, PinnedClocks):
                controls += self._clocks()
            else:
                controls.append(change)
        if not controls:
            return _Held(condition, unavailable="the shell cannot read the clocks of this phone")
        return _Held(condition, tuple(Changed(control) for control in controls))

    def _unavailable(self, condition: Condition) -> str | None:
        api = self._info.facts.get(_API, "")
        if api.isdecimal() and int(api) < condition.since:
            return f"needs Android {RELEASES[condition.since]}"
        serial = self._info.id
        if condition.cuts_network and _OVER_NETWORK.search(serial) and not _OVER_LOOPBACK.search(serial):
            return "the phone is reached over a network"
        return None

    def _clocks(self) -> list[State]:
        try:
            highest = {name: self._changes.highest_clock(name) for name in self._changes.clusters()}
        except BlockFailed:
            return []
        return [
            State(f"{cluster}/{name}", value)
            for cluster, clock in highest.items()
            if clock is not None
            for name, value in (("scaling_governor", "performance"), ("scaling_min_freq", clock))
        ]


def _distributed(held: Sequence[_Held], changed: Sequence[Changed]) -> list[_Held]:
    """The conditions with these changes, which are in the same order."""
    rest = iter(changed)
    return [_Held(one.condition, tuple(next(rest) for _ in one.changed), one.unavailable) for one in held]
