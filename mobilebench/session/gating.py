"""Gate and ceiling of a worker's blocks: waits before a block, and ends one during which the target becomes too hot."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import Block, Gate, GateReading, Measurement, PlannedBlock, Series, Stopped
from mobilebench.session import events
from mobilebench.session.work import Work
from mobilebench.suite.gates import switched_off
from mobilebench.targets.base import Target
from mobilebench.targets.care import gates

_TELL_SECONDS = 15.0
"""How often the run tells what it waits for while the same limits do not hold."""


class TooHot(Exception):
    """An attempt was stopped because the target became too hot."""

    def __init__(self, stopped: Stopped) -> None:
        self.stopped = stopped


class GateClosed(Exception):
    """The gate did not open in time, and the block is to be skipped."""


class Gating:
    """The gate and the ceiling of one target, with what they did to the current block."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._gatekeeper = work.dependencies.gatekeeper()
        self._gate: Gate | None = None
        """The gate before the latest attempt at the current block."""
        self.spent_ms = 0.0
        """Time that the current block spent at its gates."""
        self.stopped: list[Stopped] = []
        """The attempts at the current block that were stopped."""
        self._told: tuple[float, tuple[str, ...]] = (-math.inf, ())
        """When, and of which sources, waiting was told last."""
        self._watch_readings = 0
        """How often the target was read during the latest attempt because of its ceiling."""
        self._ended: Stopped | None = None
        """The latest attempt, if it was ended above the ceiling and the engine has answered nevertheless."""

    @property
    def note(self) -> str | None:
        """What the watch over the latest attempt cost; None if it read nothing."""
        if not self._watch_readings:
            return None
        times = "once" if self._watch_readings == 1 else f"{self._watch_readings} times"
        return f"its temperature was read {times} while it was measured, for its ceiling; that takes processor time"

    def end(self, block: Block) -> Block:
        """The block with its gate and its stopped attempts; the next block has none of them yet."""
        if self._gate or self.stopped:
            block = block.model_copy(update={"gate": self._gate, "stopped": self.stopped})
        self._gate, self.spent_ms, self.stopped = None, 0.0, []
        return block

    def wait(self, planned: PlannedBlock, target: Target) -> None:
        """Wait until the target is ready for the block, as its limits say.

        Raises:
            GateClosed: it was not ready in time, and the block is to be skipped.
        """
        limits = planned.conditions.gates
        if limits is not None and self.stopped:
            limits = gates.cooling(limits)
        if limits is None or not limits.of_begin:
            return
        begun = time.perf_counter()
        try:
            self._gate = self._gatekeeper.wait(target, limits, self._work.cancel, partial(self._tell, planned))
        finally:
            self.spent_ms += (time.perf_counter() - begun) * 1000
        if self._gate.outcome == "open":
            return
        name = self._work.info.id
        reasons = tuple(one.describe() for one in self._gate.closed_by)
        skipped, waited_s = self._gate.outcome == "skipped", self._gate.waited_ms / 1000
        self._work.emit(
            events.GateTimedOut(target=name, planned=planned, reasons=reasons, waited_s=waited_s, skipped=skipped)
        )
        if skipped:
            raise GateClosed(f"The target was not ready within {waited_s:.0f} s: {'; '.join(reasons)}.")

    def _tell(self, planned: PlannedBlock, closed: Sequence[GateReading], left_s: float) -> None:
        """Tell what is waited for: when that changes, and now and then."""
        now, sources = time.monotonic(), tuple(one.source for one in closed)
        if now - self._told[0] < _TELL_SECONDS and sources == self._told[1]:
            return
        self._told = now, sources
        self._work.emit(
            events.GateWaiting(
                target=self._work.info.id,
                planned=planned,
                reasons=tuple(one.describe() for one in closed),
                left_s=left_s,
                skipped_by=tuple(switched_off(one.key) for one in closed),
            )
        )

    @contextmanager
    def watched(
        self, planned: PlannedBlock, target: Target, recorded: Callable[[], list[Series]], program: str | None
    ) -> Iterator[threading.Event]:
        """Yields the event that ends the block: on cancel, or when the target becomes too hot.

        Args:
            planned: the block.
            target: where it is measured.
            recorded: gives what recorders have read during the attempt, after it has ended.
            program: name of the runner, which can report what it has measured; None for a page.

        Raises:
            TooHot: the target became too hot, and the block was ended without an answer.
        """
        ceiling = planned.conditions.gates.stop_above if planned.conditions.gates else None
        self._watch_readings, self._ended = 0, None
        if ceiling is None:
            yield self._work.cancel
            return
        begun = datetime.now(UTC)
        watch = self._gatekeeper.watch(target, ceiling, self._work.cancel, program)

        def stopped(source: str, celsius: float) -> Stopped:
            return Stopped(
                started_at=begun,
                ended_at=datetime.now(UTC),
                source=source,
                celsius=celsius,
                limit=ceiling,
                series=recorded(),
                gate=self._gate,
            )

        try:
            with watch:
                yield watch.stop
        except (BlockFailed, Unsupported) as error:
            if watch.exceeded is None:
                raise
            raise TooHot(stopped(*watch.exceeded)) from error
        self._watch_readings = watch.readings
        if watch.exceeded is not None:
            self._ended = stopped(*watch.exceeded)

    def require_not_ended(self, measurement: Measurement) -> None:
        """Refuse the answer of an attempt that was ended above the ceiling.

        Raises:
            TooHot: it was; what was measured until then is in it.
        """
        if self._ended is not None:
            raise TooHot(self._ended.model_copy(update={"measurement": measurement}))
