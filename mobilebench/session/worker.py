"""One target's worker: measures its blocks in order and emits what happens. It never touches the store.

What it is given is plain data that can be pickled, so that it can run on another host of a rack unchanged.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.core import errors
from mobilebench.core.errors import BlockFailed, Fault, MobilebenchError, Unsupported
from mobilebench.core.records import Block, Measurement, Outcome, Pass, PlannedBlock, TargetInfo
from mobilebench.engines.base import why_unsupported
from mobilebench.models import signatures
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.recorders import registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import Recording, recording
from mobilebench.session import events
from mobilebench.session.absence import WAIT_SECONDS, Absence
from mobilebench.session.dependencies import Rooms
from mobilebench.session.host_exclusion import Quiet
from mobilebench.session.models import Models, key_of
from mobilebench.targets.base import Target

ATTEMPTS = 2
"""A block that fails is tried once more, at once; then it is stored as failed."""

LOSSES = 3
"""A block during which its phone goes away so often is stored as failed."""

_NOT_PUT_BACK = (
    "it is away, so what was changed on it could not be put back; the next command that meets it does that "
    "(`mobilebench restore`)"
)

Emit = Callable[[events.Event], None]


@dataclass(frozen=True)
class TargetWork:
    """What one worker has to do."""

    target: TargetInfo
    blocks: tuple[PlannedBlock, ...]
    models: Models
    traces: Path
    """The folder of this computer in which trace passes leave their files."""
    wait_seconds: float = WAIT_SECONDS
    """For how long a phone that goes away is waited for."""


class _Cancelled(Exception):
    """The run is being stopped: the block in hand is dropped."""


def measure_target(work: TargetWork, emit: Emit, stop: threading.Event, rooms: Rooms, quiet: Quiet) -> None:
    """Measure a target's blocks until they are done, the target is lost, or `stop` is set.

    Emits `TargetFinished` last, whatever happens, after the target was put back as it was.
    """
    name = work.target.id
    emit(events.TargetStarted(target=name, blocks=len(work.blocks)))
    try:
        _Worker(work, emit, stop, rooms, quiet).measure_all()
    except _Cancelled:
        pass
    except MobilebenchError as error:
        if not stop.is_set():
            emit(events.TargetLost(target=name, reason=error.message, hint=error.hint))
        elif isinstance(error, errors.TargetLost):
            emit(events.TargetNoticed(target=name, words=_NOT_PUT_BACK))
    except Exception as error:
        emit(events.Defect(target=name, planned=None, traceback=traceback.format_exc()))
        emit(events.TargetLost(target=name, reason=_defect(error)))
    finally:
        emit(events.TargetFinished(target=name))


class _Worker:
    def __init__(self, work: TargetWork, emit: Emit, stop: threading.Event, rooms: Rooms, quiet: Quiet) -> None:
        self._work = work
        self._info = work.target
        self._emit = emit
        self._stop = stop
        self._rooms = rooms
        self._quiet = quiet
        self._recorders = rooms.recorders()
        self._recording = Recording()
        """Of the latest attempt at a block."""
        self._cannot: dict[tuple[str, Pass], str] = {}
        """Case key and pass to why it turned out to be unsupported: later rounds need not try again."""
        self._done = 0
        self._in_flight: PlannedBlock | None = None
        self._begun = datetime.now(UTC)
        self._losses = 0
        """How often the target was lost during the block in flight."""
        self._absence: Absence | None = None

    def measure_all(self) -> None:
        """Measure every block; a phone that goes away is waited for and opened again, which puts back what had been
        changed on it.
        """
        while True:
            try:
                with self._rooms.open_target(self._info, self._stop) as target:
                    for words in target.notices:
                        self._emit(events.TargetNoticed(target=self._info.id, words=words))
                    self._measure_rest(target)
            except errors.TargetLost as error:
                self._await(error)
            else:
                return

    def _measure_rest(self, target: Target) -> None:
        for planned in self._work.blocks[self._done :]:
            self._look_for_stop()
            self._in_flight, self._begun = planned, datetime.now(UTC)
            self._absence = None
            self._emit(events.BlockStarted(target=self._info.id, planned=planned))
            block = self._block(planned, target)
            self._look_for_stop(block)
            self._finish(block)

    def _finish(self, block: Block) -> None:
        self._done += 1
        self._in_flight = None
        self._losses = 0
        self._emit(events.BlockFinished(target=self._info.id, block=block))

    def _await(self, error: errors.TargetLost) -> None:
        """Wait for the phone. A block in which it was lost too often has failed, and the run goes on with the next.

        Raises:
            TargetLost: it is not waited for, or did not come back.
        """
        patience = self._work.wait_seconds
        if (
            self._stop.is_set()
            or self._info.kind != "android"
            or patience <= 0
            or isinstance(error, errors.TargetTaken)
        ):
            raise error
        if self._absence is None:
            self._absence = Absence(self._info, error, patience)
            self._losses += 1
        elif self._absence.over:
            raise error
        if self._in_flight and self._losses >= LOSSES:
            reason = f"The phone went away {self._losses} times during this block: {error.text_with_hint}"
            self._finish(_without_values(self._in_flight, "failed", reason, self._begun, "cut connection"))
        if not self._absence.wait(self._rooms.meet, self._emit, self._stop, repeated=self._in_flight is not None):
            raise error

    def _block(self, planned: PlannedBlock, target: Target) -> Block:
        started = datetime.now(UTC)
        reason = ""
        fault: Fault | None = None
        self._recording = Recording()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(planned, target, started)
            except Unsupported as error:
                self._cannot[planned.case.key, planned.pass_] = error.text_with_hint
                return _without_values(planned, "unsupported", error.text_with_hint, started)
            except (errors.TargetLost, _Cancelled):
                raise
            except MobilebenchError as error:
                reason, fault = error.text_with_hint, error.fault if isinstance(error, BlockFailed) else None
            except Exception as error:
                self._emit(events.Defect(target=self._info.id, planned=planned, traceback=traceback.format_exc()))
                reason, fault = _defect(error), None
            self._look_for_stop()
            self._look_for_loss(reason, fault)
            if attempt < ATTEMPTS:
                self._emit(events.BlockRetried(target=self._info.id, planned=planned, reason=reason, fault=fault))
        block = _without_values(planned, "failed", reason, started, fault)
        return block.model_copy(update={"series": self._recording.series})

    def _attempt(self, planned: PlannedBlock, target: Target, started: datetime) -> Block:
        case = planned.case
        engine = self._rooms.engine(case.engine)
        if reason := self._known_reason(planned) or why_unsupported(engine, self._info, planned):
            raise Unsupported(reason)
        files = self._files(planned)
        with self._turn(planned, claimed=engine.claims_machine) as waited_ms:
            spent = dict(engine.prepare(target, case, files))
            able, refused = self._recorders.of(self._info, planned, engine)
            with recording(Subject(target), able) as self._recording:
                asked = registry.as_the_engine_sees_it(planned)
                result = engine.measure(target, asked, files, cancel=self._stop, traces=self._work.traces)
            measurement = registry.as_it_was_planned(_usable(result.measurement), planned)
            if planned.pass_ == "kernels" and engine.format:
                measurement = self._with_graph(measurement, files, engine.format)
        if said := signatures.said(files.manifest):
            measurement = _noted(measurement, said)
        for part, value in result.spent_ms.items():
            spent[part] = spent.get(part, 0.0) + value
        spent["launch"] = spent.get("launch", 0.0) + self._recording.spent_ms
        spent |= {"gate": waited_ms, "measure": measurement.measured_ms}
        return Block(
            planned=planned,
            outcome="measured",
            measurement=measurement,
            started_at=started,
            ended_at=datetime.now(UTC),
            spent_ms=spent,
            series=[*self._recording.series, *refused],
        )

    def _with_graph(self, measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
        """A kernels pass beside the operators of the model's file, or with a note that says why they are not known."""
        try:
            return self._rooms.with_graph(measurement, files, model_format)
        except MobilebenchError as error:
            note = f"operators of the model's file are not known: {error.message}"
            return _noted(measurement, note)

    def _known_reason(self, planned: PlannedBlock) -> str | None:
        """What cannot be timed cannot be watched either."""
        key = planned.case.key
        return self._cannot.get((key, "timing")) or self._cannot.get((key, planned.pass_))

    def _files(self, planned: PlannedBlock) -> ModelFiles:
        files = self._work.models.get(key_of(planned.case), "the model was not obtained")
        if isinstance(files, str):
            raise Unsupported(files)
        return files

    @contextmanager
    def _turn(self, planned: PlannedBlock, *, claimed: bool) -> Iterator[float]:
        """Wait for the machine, where the block needs it for itself; yields the milliseconds waited."""
        if not claimed:
            yield 0.0
            return
        self._emit(events.GateWaiting(target=self._info.id, planned=planned))
        begun = time.perf_counter()
        beside = self._quiet.alone if self._info.kind == "host" else self._quiet.beside_phones
        with self._rooms.machine_turn(self._info.machine, self._stop), beside(self._stop):
            waited_ms = (time.perf_counter() - begun) * 1000
            self._emit(events.GatePassed(target=self._info.id, planned=planned, waited_ms=waited_ms))
            yield waited_ms

    def _look_for_loss(self, reason: str, fault: Fault | None) -> None:
        """A block that was cut off, or never answered, may have failed because its phone went away.

        Raises:
            TargetLost: the phone is not there.
        """
        if self._info.kind != "android" or fault not in ("cut connection", "hang"):
            return
        found = self._rooms.meet(self._info)
        if found is None or found.state != self._info.state:
            raise errors.TargetLost(f"{self._info.id} went away ({found.state if found else 'absent'}): {reason}")

    def _look_for_stop(self, block: Block | None = None) -> None:
        """A block that was cut short by the stop is dropped, one that is whole is kept."""
        if self._stop.is_set() and (block is None or block.outcome == "failed"):
            raise _Cancelled


def _noted(measurement: Measurement, note: str) -> Measurement:
    proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
    return measurement.model_copy(update={"proof": proof})


def _usable(measurement: Measurement) -> Measurement:
    """Engines turn bad answers into errors; should one not have done so, it is done here."""
    if measurement.status == "ok":
        return measurement
    reason = measurement.reason or f"{measurement.engine} gave no reason"
    raise Unsupported(reason) if measurement.status == "unsupported" else BlockFailed(reason, fault=measurement.fault)


def _without_values(
    planned: PlannedBlock, outcome: Outcome, reason: str, started: datetime, fault: Fault | None = None
) -> Block:
    ended = datetime.now(UTC)
    return Block(planned=planned, outcome=outcome, reason=reason, fault=fault, started_at=started, ended_at=ended)


def _defect(error: Exception) -> str:
    return f"mobilebench made a mistake ({type(error).__name__}: {error}); the run's journal has the details"
