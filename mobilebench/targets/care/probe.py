"""A short fixed computation: a second opinion on how fast a target is, for which no sensor is needed.

It counts in the target's own shell, and takes the time from `/proc/uptime` of the same target, so that the way there
is no part of it. The shell may run on any core, so the shortest of several times counts, and the first times have to
agree.
"""

from __future__ import annotations

import re
from threading import Event

from mobilebench.core.errors import BlockFailed
from mobilebench.recorders.base import Observable
from mobilebench.recorders.reading import Void

LEAST_SECONDS = 0.4
"""Shortest time of the computation: `/proc/uptime` has steps of 0.01 s."""
LARGEST_NOISE = 0.1
"""Largest difference between the first times, as a share of the shortest, at which the probe can be trusted."""

_FIRST_COUNT, _MOST_COUNT = 20_000, 20_000_000
_FIRST_TIMES, _LATER_TIMES = 3, 2
_LIMIT_SECONDS = 20.0
_SCRIPT = (
    'read a x </proc/uptime; i=0; while [ "$i" -lt "$1" ]; do i=$((i+1)); done; read b x </proc/uptime; echo "$a $b"'
)
_ANSWER = re.compile(r"(\d{1,12}\.\d{1,6}) (\d{1,12}\.\d{1,6})\s*")


class Probe:
    """The probe of one target, which remembers its first time."""

    def __init__(self) -> None:
        self._count = _FIRST_COUNT
        self._first: float | None = None

    def read(self, target: Observable, cancel: Event | None = None) -> float | Void:
        """Time of the computation over that of the first reading, which is 1 by definition.

        Raises:
            BlockFailed: `cancel` was set.
            TargetLost: the target went away.
        """
        if self._first is not None:
            times = self._times(target, _LATER_TIMES, cancel)
            return times if isinstance(times, Void) else min(times) / self._first
        times = self._times(target, _FIRST_TIMES, cancel)
        while not isinstance(times, Void) and min(times) < LEAST_SECONDS and self._count < _MOST_COUNT:
            self._count *= 4
            times = self._times(target, _FIRST_TIMES, cancel)
        if isinstance(times, Void):
            return times
        noise = max(times) / min(times) - 1 if min(times) > 0 else float("inf")
        if noise > LARGEST_NOISE:
            return Void(f"its first times differ by {noise:.0%}, so it cannot tell whether the target is slower")
        self._first = min(times)
        return 1.0

    def _times(self, target: Observable, number: int, cancel: Event | None) -> list[float] | Void:
        found: list[float] = []
        for _ in range(number):
            one = self._time(target, cancel)
            if isinstance(one, Void):
                return one
            found.append(one)
        return found

    def _time(self, target: Observable, cancel: Event | None) -> float | Void:
        command = ("sh", "-c", _SCRIPT, "probe", str(self._count))
        try:
            result = target.observe(command, timeout=_LIMIT_SECONDS, cancel=cancel)
        except BlockFailed as error:
            if cancel is not None and cancel.is_set():
                raise
            return Void(error.message.rstrip("."))
        answer = _ANSWER.fullmatch(result.stdout.decode(errors="replace"))
        if result.exit_code != 0 or answer is None:
            return Void("its shell cannot read /proc/uptime")
        return max(0.0, float(answer[2]) - float(answer[1]))
