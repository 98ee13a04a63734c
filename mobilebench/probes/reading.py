"""Readings before and after a block, made into series."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mobilebench.errors import BlockFailed
from mobilebench.results.records import Series, TargetInfo
from mobilebench.targets.base import Target

Values = dict[tuple[str, str], float]
"""What one reading told: (name, unit) to value."""

_TIMEOUT = 10.0


class ReadingProbe:
    """A probe that runs one command before and one after a block, and parses what it prints."""

    def __init__(
        self,
        name: str,
        description: str,
        command: Sequence[str],
        parse: Callable[[str], Values],
        refuse: Callable[[TargetInfo], str | None] | None = None,
    ) -> None:
        self._name = name
        self._description = description
        self._command = tuple(command)
        self._parse = parse
        self._refuse = refuse
        self._readings: list[tuple[float, Values]] = []

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
        names = dict.fromkeys(name for _, values in self._readings for name in values)
        return [self._series(name, unit) for name, unit in names]

    def _read(self, target: Target) -> tuple[float, Values]:
        """A command that fails tells nothing: watching must not fail the block."""
        try:
            answer = target.shell(self._command, timeout=_TIMEOUT)
        except BlockFailed:
            return time.monotonic(), {}
        text = answer.stdout.decode(errors="replace") if answer.exit_code == 0 else ""
        return time.monotonic(), self._parse(text)

    def _series(self, name: str, unit: str) -> Series:
        began = self._readings[0][0]
        seen = [(when, values[name, unit]) for when, values in self._readings if (name, unit) in values]
        return Series(
            probe=self._name,
            name=name,
            unit=unit,
            times_ms=[(when - began) * 1000 for when, _ in seen],
            values=[value for _, value in seen],
        )


def phones_only(target: TargetInfo) -> str | None:
    """For probes that ask Android's services."""
    return None if target.kind == "android" else "only Android phones tell this"
