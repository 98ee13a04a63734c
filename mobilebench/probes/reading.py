"""Readings before and after a block, made into series."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Series, TargetInfo
from mobilebench.targets.android.dumpsys import hung
from mobilebench.targets.android.properties import EMULATOR, MADE_UP
from mobilebench.targets.base import Target
from mobilebench.targets.readings import Readings, Void

LIMIT_SECONDS = 5.0
"""For one reading."""
MOST_HANGS = 2
"""After so many readings in a row that took too long, the target is not asked again: each costs its limit."""


class ReadingProbe:
    """A probe that runs one command before and one after a block, and parses what it prints.

    Args:
        name: of the probe.
        description: one sentence.
        command: what is run.
        keys: name and unit of what is read from every target: each has a value or a reason why there is none.
        parse: makes readings of everything that the command printed; may add further ones.
        refuse: why a target cannot be watched.
    """

    def __init__(
        self,
        name: str,
        description: str,
        command: Sequence[str],
        keys: Sequence[tuple[str, str]],
        parse: Callable[[str], Readings],
        refuse: Callable[[TargetInfo], str | None] | None = None,
    ) -> None:
        self._name = name
        self._description = description
        self._command = tuple(command)
        self._keys = tuple(keys)
        self._parse = parse
        self._refuse = refuse
        self._readings: list[tuple[float, Readings]] = []
        self._hangs = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def description(self) -> str:
        return self._description

    def validate(self, target: TargetInfo) -> str | None:
        return self._refuse(target) if self._refuse else None

    def start(self, target: Target) -> None:
        self._readings = [self._read(target)]

    def stop(self, target: Target) -> None:
        self._readings.append(self._read(target))

    def result(self) -> list[Series]:
        names = dict.fromkeys(key for _, values in self._readings for key in values)
        return [self._series(name, unit) for name, unit in names]

    def _read(self, target: Target) -> tuple[float, Readings]:
        """A command that fails tells why nothing is known: watching must not fail the block."""
        command = shlex.join(self._command)
        if self._hangs >= MOST_HANGS:
            return self._nothing(f"`{command}` was not asked again, because it had not answered {MOST_HANGS} times")
        try:
            answer = target.shell(self._command, timeout=LIMIT_SECONDS)
        except BlockFailed as error:
            if error.fault != "hang":
                return self._nothing(error.message.rstrip("."))
            self._hangs += 1
            return self._nothing(f"`{command}` did not answer within {LIMIT_SECONDS:g} s")
        when = time.monotonic()
        said = answer.stdout.decode(errors="replace")
        if answer.exit_code != 0 or not said.strip():
            said = "\n".join(part for part in (answer.stderr.decode(errors="replace"), said) if part.strip())
        self._hangs = self._hangs + 1 if hung(said) else 0
        readings = self._parse(said)
        if answer.exit_code != 0:
            failed = Void(f"`{command}` failed (exit code {answer.exit_code})")
            readings = {key: one if isinstance(one, Void) else failed for key, one in readings.items()}
        return when, readings

    def _nothing(self, reason: str) -> tuple[float, Readings]:
        return time.monotonic(), {key: Void(reason) for key in self._keys}

    def _series(self, name: str, unit: str) -> Series:
        began = self._readings[0][0]
        seen = [(when, values.get((name, unit), Void("it was not told"))) for when, values in self._readings]
        known = [(when, one) for when, one in seen if not isinstance(one, Void)]
        return Series(
            probe=self._name,
            name=name,
            unit=unit,
            times_ms=[(when - began) * 1000 for when, _ in known],
            values=[value for _, value in known],
            reason=_why_missing([one.reason if isinstance(one, Void) else None for _, one in seen]),
        )


def _why_missing(reasons: Sequence[str | None]) -> str | None:
    """One sentence for the readings before and after a block, of which each may have a reason."""
    told = [(when, one) for when, one in zip(("before the block", "after the block"), reasons, strict=False) if one]
    if len(told) == len(reasons) and len({one for _, one in told}) == 1:
        return told[0][1]
    return "; ".join(f"{when}: {one}" for when, one in told) or None


def phones_only(target: TargetInfo) -> str | None:
    """For probes that ask Android's services."""
    if target.kind != "android":
        return "only Android phones tell this"
    return MADE_UP if EMULATOR in target.facts else None
