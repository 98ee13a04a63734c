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

from mobilebench import errors
from mobilebench.engines.base import why_unsupported
from mobilebench.errors import BlockFailed, Fault, MobilebenchError, Unsupported
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import Block, Measurement, Outcome, Pass, PlannedBlock, TargetInfo
from mobilebench.session import events
from mobilebench.session.models import Models, key_of
from mobilebench.session.quiet import Quiet
from mobilebench.session.rooms import Rooms, sentence
from mobilebench.session.verdict import judge
from mobilebench.session.watching import watched
from mobilebench.targets.base import Target

ATTEMPTS = 2
"""A block that fails is tried once more, at once; then it is stored as failed."""

Emit = Callable[[events.Event], None]


@dataclass(frozen=True)
class TargetWork:
    """What one worker has to do."""

    target: TargetInfo
    blocks: tuple[PlannedBlock, ...]
    models: Models
    traces: Path
    """The folder of this computer in which trace passes leave their files."""


class _Cancelled(Exception):
    """The run is being stopped: the block in hand is dropped."""


def measure_target(work: TargetWork, emit: Emit, stop: threading.Event, rooms: Rooms, quiet: Quiet) -> None:
    """Measure a target's blocks until they are done, the target is lost, or `stop` is set.

    Emits `TargetFinished` last, whatever happens, after the target was put back as it was.
    """
    name = work.target.id
    emit(events.TargetStarted(target=name, blocks=len(work.blocks)))
    try:
        with rooms.open_target(work.target, stop) as target:
            for words in target.notices:
                emit(events.TargetNoticed(target=name, words=words))
            _Worker(work, target, emit, stop, rooms, quiet).measure_all()
    except _Cancelled:
        pass
    except MobilebenchError as error:
        if not stop.is_set():
            emit(events.TargetLost(target=name, reason=error.message, hint=error.hint))
    except Exception as error:
        emit(events.Defect(target=name, planned=None, traceback=traceback.format_exc()))
        emit(events.TargetLost(target=name, reason=_defect(error)))
    finally:
        emit(events.TargetFinished(target=name))


class _Worker:
    def __init__(
        self, work: TargetWork, target: Target, emit: Emit, stop: threading.Event, rooms: Rooms, quiet: Quiet
    ) -> None:
        self._work = work
        self._info = work.target
        self._target = target
        self._emit = emit
        self._stop = stop
        self._rooms = rooms
        self._quiet = quiet
        self._probes = rooms.probes()
        self._cannot: dict[tuple[str, Pass], str] = {}
        """Case key and pass to why it turned out to be unsupported: later rounds need not try again."""

    def measure_all(self) -> None:
        for planned in self._work.blocks:
            self._look_for_stop()
            self._emit(events.BlockStarted(target=self._info.id, planned=planned))
            block = self._block(planned)
            self._look_for_stop(block)
            self._emit(events.BlockFinished(target=self._info.id, block=block))

    def _block(self, planned: PlannedBlock) -> Block:
        started = datetime.now(UTC)
        reason = ""
        fault: Fault | None = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(planned, started)
            except Unsupported as error:
                self._cannot[planned.case.key, planned.pass_] = sentence(error)
                return _without_values(planned, "unsupported", sentence(error), started)
            except (errors.TargetLost, _Cancelled):
                raise
            except MobilebenchError as error:
                reason, fault = sentence(error), error.fault if isinstance(error, BlockFailed) else None
            except Exception as error:
                self._emit(events.Defect(target=self._info.id, planned=planned, traceback=traceback.format_exc()))
                reason, fault = _defect(error), None
            self._look_for_stop()
            if attempt < ATTEMPTS:
                self._emit(events.BlockRetried(target=self._info.id, planned=planned, reason=reason, fault=fault))
        return _without_values(planned, "failed", reason, started, fault)

    def _attempt(self, planned: PlannedBlock, started: datetime) -> Block:
        case = planned.case
        engine = self._rooms.engine(case.engine)
        if reason := self._known_reason(planned) or why_unsupported(engine, self._info, planned):
            raise Unsupported(reason)
        files = self._files(planned)
        with self._turn(planned, claimed=engine.claims_machine) as waited_ms:
            spent = dict(engine.prepare(self._target, case, files))
            with watched(self._target, self._probes) as seen:
                result = engine.measure(self._target, planned, files, cancel=self._stop, traces=self._work.traces)
            measurement = _usable(result.measurement)
            if planned.pass_ == "kernels" and engine.format:
                measurement = self._with_graph(measurement, files, engine.format)
        for part, value in result.spent_ms.items():
            spent[part] = spent.get(part, 0.0) + value
        spent["launch"] = spent.get("launch", 0.0) + seen.spent_ms
        spent |= {"gate": waited_ms, "measure": measurement.measured_ms}
        return Block(
            planned=planned,
            outcome="measured",
            measurement=measurement,
            verdict=judge(planned, measurement, self._info, files.manifest),
            started_at=started,
            ended_at=datetime.now(UTC),
            spent_ms=spent,
            series=seen.series,
        )

    def _with_graph(self, measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
        """A kernels pass beside the operators of the model's file, or with a note that says why they are not known."""
        try:
            return self._rooms.with_graph(measurement, files, model_format)
        except MobilebenchError as error:
            note = f"operators of the model's file are not known: {error.message}"
            proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
            return measurement.model_copy(update={"proof": proof})

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

    def _look_for_stop(self, block: Block | None = None) -> None:
        """A block that was cut short by the stop is dropped, one that is whole is kept."""
        if self._stop.is_set() and (block is None or block.outcome == "failed"):
            raise _Cancelled


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
