"""The gate before a block, which waits until the target is cool, idle and charged, and the watch over a running block.

A limit whose value cannot be read is not waited for; the reading says why. A value that was read once, and then cannot
be read any more, still counts: unknown is not cool.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self

from mobilebench.core.errors import BlockFailed, MobilebenchError
from mobilebench.core.records import Gate, GateKey, GateLimits, GateReading
from mobilebench.recorders.base import Observable
from mobilebench.recorders.reading import Void
from mobilebench.targets.care.ending import ask_to_end
from mobilebench.targets.care.readings import Found, Reader
from mobilebench.targets.limits import SLICE_SECONDS

EVERY_S = 5.0
"""Seconds between two readings, while waiting and during a block."""
END_SECONDS = 10.0
"""How long a runner may take to report what it has measured, after it was asked to end."""
COOL_BY = 5.0
"""Degrees below the ceiling to which a target is cooled after a block was stopped, unless its limit is lower."""

_WATCHED: tuple[GateKey, ...] = ("temperature",)
_IN_STEPS: tuple[GateKey, ...] = ("status",)
"""Limits whose values have few steps, and which some phones report without a change however long they cool."""

Tell = Callable[[Sequence[GateReading], float], None]
"""Called while waiting, with the limits that do not hold and the seconds for which it continues to wait."""


def cooling(limits: GateLimits) -> GateLimits:
    """The limits before a block is repeated that was stopped above `stop_above`."""
    if limits.stop_above is None:
        return limits
    cool = limits.stop_above - COOL_BY
    return limits.model_copy(
        update={"temperature": cool if limits.temperature is None else min(limits.temperature, cool)}
    )


class Gatekeeper:
    """The gate of one target."""

    def __init__(self, reader: Reader | None = None, every_s: float = EVERY_S) -> None:
        self._reader = reader or Reader()
        self._every_s = every_s
        self._stuck: dict[GateKey, float] = {}
        """Values that did not change in a whole wait: waiting for them again would not help."""

    def wait(self, target: Observable, limits: GateLimits, cancel: Event, tell: Tell) -> Gate:
        """Wait until the limits hold, but no longer than `limits.wait`.

        Raises:
            BlockFailed: `cancel` was set.
            TargetLost: the target went away.
        """
        begun = time.monotonic()
        waited = False
        first: dict[GateKey, GateReading] = {}
        last: dict[GateKey, GateReading] = {}
        while True:
            found = self._reader.read(target, limits.of_begin, cancel)
            last = {key: self._reading(key, found[key], limit, last.get(key)) for key, limit in limits.of_begin.items()}
            first = first or last
            closed = [one for one in last.values() if one.holds is False]
            left = begun + limits.wait - time.monotonic()
            hopeless = [one.key for one in closed if found[one.key].hopeless or self._stuck.get(one.key) == one.value]
            if not closed or left <= 0 or len(hopeless) == len(closed) or (hopeless and limits.otherwise == "skip"):
                break
            waited = True
            tell(closed, left)
            if cancel.wait(min(self._every_s, left)):
                raise BlockFailed("Waiting until the target is ready was cancelled.")
        if waited and left <= 0:
            unchanged = [one for one in closed if one.key in _IN_STEPS and one.value == first[one.key].value]
            self._stuck |= {one.key: one.value for one in unchanged if one.value is not None}
        return Gate(
            outcome="open" if not closed else "skipped" if limits.otherwise == "skip" else "marked",
            waited_ms=(time.monotonic() - begun) * 1000 if waited else 0.0,
            readings=list(last.values()),
        )

    def _reading(self, key: GateKey, found: Found, limit: float, before: GateReading | None) -> GateReading:
        if not isinstance(found.value, Void):
            now = GateReading(key=key, source=found.source, unit=found.unit, value=found.value, limit=limit)
            stuck = "it did not change in an earlier wait" if self._stuck.get(key) == found.value else None
            reason = found.hopeless or stuck
            return now.model_copy(update={"reason": reason}) if reason and now.holds is False else now
        if before is not None and before.value is not None:
            return before.model_copy(update={"reason": f"it cannot be read any more: {found.value.reason}"})
        return GateReading(key=key, source=found.source, unit=found.unit, limit=limit, reason=found.value.reason)

    def watch(self, target: Observable, ceiling: float, cancel: Event, program: str | None = None) -> Watch:
        """A watch over a block; enter it while the block is measured. `program` is the name of the runner, if one
        measures."""
        return Watch(self._reader, target, ceiling, cancel, self._every_s, program)


class Watch:
    """Reads the target's temperature during a block, and sets `stop` when it is above the ceiling or on cancel.

    Entering starts a thread, leaving ends it. A temperature that cannot be read does not stop the block. A runner is
    asked to end first, so that it reports what it has measured, and has `END_SECONDS` for that.
    """

    def __init__(
        self,
        reader: Reader,
        target: Observable,
        ceiling: float,
        cancel: Event,
        every_s: float,
        program: str | None = None,
    ) -> None:
        self._reader = reader
        self._target = target
        self._ceiling = ceiling
        self._cancel = cancel
        self._every_s = every_s
        self._program = program
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"ceiling of {target.info.id}", daemon=True)
        self.stop = Event()
        """Ends the block; the engine measures with it as its cancel."""
        self.exceeded: tuple[str, float] | None = None
        """What was read above the ceiling, such as `("skin", 49.1)`; None while nothing was."""
        self.readings = 0
        """How often it read the target."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + self._every_s
        while not self._ended.wait(min(SLICE_SECONDS, self._every_s)):
            if self._cancel.is_set():
                self.stop.set()
                return
            if time.monotonic() < due:
                continue
            due = time.monotonic() + self._every_s
            self.readings += 1
            try:
                found = self._reader.read(self._target, _WATCHED, self._ended)["temperature"]
            except MobilebenchError:
                continue  # the block ends, or notices by itself that its target is lost
            if not isinstance(found.value, Void) and found.value > self._ceiling:
                self.exceeded = (found.source, found.value)
                self._end()
                return

    def _end(self) -> None:
        """End the block, and give a runner the time to report."""
        if self._program and ask_to_end(self._target, self._program):
            until = time.monotonic() + END_SECONDS
            while time.monotonic() < until and not self._cancel.is_set():
                if self._ended.wait(min(SLICE_SECONDS, self._every_s)):
                    return
        self.stop.set()
