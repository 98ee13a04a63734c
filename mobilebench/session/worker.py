"""A worker measures the blocks of one job in order and emits events. It uses neither the store nor the run's folder.

It needs only the job from the process that made it, so it can run in a thread (`executors.ThreadExecutor`) or in a
process of its own (`worker_process`).
"""

from __future__ import annotations

import base64
import logging
import math
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.core import errors, log, paths
from mobilebench.core.errors import BlockFailed, Fault, MobilebenchError, Unsupported
from mobilebench.core.records import (
    Block,
    DeviceConditions,
    Gate,
    GateReading,
    Measurement,
    Outcome,
    PlannedBlock,
    Stopped,
    TargetInfo,
)
from mobilebench.models.inspection import signatures
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.recorders import logcat, registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import Recording, recording
from mobilebench.session import events
from mobilebench.session.attachment import Absence
from mobilebench.session.dependencies import Dependencies, ModelKey, model_key
from mobilebench.session.job import JobSpec, find_models, named_files, unsupported_of
from mobilebench.session.preparation import case_and_pass
from mobilebench.targets.android import states
from mobilebench.targets.android.conditions import describe, missing
from mobilebench.targets.base import Target
from mobilebench.targets.care import gates

if TYPE_CHECKING:
    from mobilebench.engines.base import Engine
    from mobilebench.targets.android.lease import Lease

_logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""Attempts at a block: one that fails is tried once more, then stored as failed."""

PAUSE_SECONDS: Mapping[Fault | None, float] = {"killed for memory": 5.0, "cut connection": 1.0, "hang": 1.0}
"""Seconds before the second attempt after faults that pass by themselves; after others it follows at once."""

REPEATS = 2
"""How often a block is repeated that was stopped because the target became too hot."""

LOSSES = 3
"""A block during which its phone was lost this often is stored as failed."""

UNSTABLE_BLOCKS = 3
"""A phone is given up after it was lost so often in this many blocks in a row."""

_PASSING: tuple[Fault | None, ...] = ("cut connection", "hang", "crash")
"""Faults after which a phone is opened again, if they came while it was opened or its changes were undone."""
_OF_THE_PAGE: tuple[Fault | None, ...] = ("page error", "lost context", "out of memory")
"""Faults that a page reports, so that its phone is there."""

_TELL_SECONDS = 15.0
"""How often the run tells what it waits for while the same limits do not hold."""

_NOT_PUT_BACK = (
    "it is away, so the changes on it could not be undone; the next command that reaches it undoes them "
    "(`mobilebench restore`)"
)

Emit = Callable[[events.Event], None]
TakeTurn = Callable[[TargetInfo, threading.Event], AbstractContextManager[None]]
"""Waits until the run's other workers let a block run (`executors.HostExclusion.turn`)."""


class _Cancelled(Exception):
    """The run is being stopped: the block in progress is dropped."""


class _TooHot(Exception):
    """An attempt was stopped because the target became too hot."""

    def __init__(self, stopped: Stopped) -> None:
        self.stopped = stopped


class _GateClosed(Exception):
    """The gate did not open in time, and the block is to be skipped."""


def measure_job(
    job: JobSpec,
    emit: Emit,
    cancel: threading.Event,
    take_turn: TakeTurn,
    dependencies: Dependencies,
    lease: Lease | None,
) -> None:
    """Measure a job's blocks until they are done, the target is lost, or `cancel` is set.

    Always emits `TargetFinished` last, after the changes to the target were undone.

    Args:
        job: what to measure.
        emit: called with each event, in this thread.
        cancel: set when the run is to end.
        take_turn: waits for the other workers of the run.
        dependencies: functions of other packages that a session calls.
        lease: lease on the target's lock, which the caller holds; None for this computer.
    """
    name = job.target.id
    emit(events.TargetStarted(target=name, blocks=len(job.blocks)))
    try:
        with log.about(run=job.run_id, target=name), named_files(job), ExitStack() as held:
            traces = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mobilebench-traces-")))
            models = find_models(job, dependencies)
            for files in models.values():
                if isinstance(files, ModelFiles):
                    held.enter_context(dependencies.in_use(files))
            _Worker(job, emit, cancel, take_turn, dependencies, lease, models, traces).measure_all()
    except _Cancelled:
        pass
    except MobilebenchError as error:
        if not cancel.is_set():
            loss = error.loss if isinstance(error, errors.TargetLost) else None
            hint = hint_in_run(error, job.resume_command)
            emit(events.TargetLost(target=name, reason=error.message, hint=hint, loss=loss))
        elif isinstance(error, errors.TargetLost):
            emit(events.TargetNoticed(target=name, words=_NOT_PUT_BACK))
    except Exception as error:
        emit(events.Defect(target=name, planned=None, traceback=traceback.format_exc()))
        emit(events.TargetLost(target=name, reason=_defect(error)))
    finally:
        emit(events.TargetFinished(target=name))


def hint_in_run(error: MobilebenchError, resume_command: str) -> str | None:
    """An error's hint, with the command that continues the run if that helps."""
    if not error.run_can_be_resumed:
        return error.hint
    going_on = f"`{resume_command}` measures what is left."
    return f"{error.hint} Then {going_on}" if error.hint else going_on


class _Worker:
    def __init__(
        self,
        job: JobSpec,
        emit: Emit,
        cancel: threading.Event,
        take_turn: TakeTurn,
        dependencies: Dependencies,
        lease: Lease | None,
        models: Mapping[ModelKey, ModelFiles | str],
        traces: Path,
    ) -> None:
        self._job = job
        self._info = job.target
        self._emit = emit
        self._cancel = cancel
        self._take_turn = take_turn
        self._dependencies = dependencies
        self._lease = lease
        self._traces = traces
        self._recorders = dependencies.recorders().only(job.recorders)
        self._recording = Recording()
        """What recorders recorded in the latest attempt at a block."""
        self._models = models
        self._unsupported = unsupported_of(job)
        """Cases that were known to be unsupported when planning, or were found so by an earlier block."""
        self._done = 0
        self._in_flight: PlannedBlock | None = None
        self._begun = datetime.now(UTC)
        self._losses = 0
        """How often the target was lost during the current block."""
        self._gatekeeper = dependencies.gatekeeper()
        self._gate: Gate | None = None
        """The gate before the latest attempt at the current block."""
        self._gate_ms = 0.0
        """Time that the current block spent at its gates."""
        self._told: tuple[float, tuple[str, ...]] = (-math.inf, ())
        """When, and of which sources, waiting was told last."""
        self._watch_readings = 0
        """How often the target was read during the latest attempt because of its ceiling."""
        self._stopped: list[Stopped] = []
        """The attempts at the current block that were stopped."""
        self._lost_blocks = 0
        """How many blocks in a row failed because the target was lost too often."""
        self._absence: Absence | None = None
        self._lacking = ""
        """The conditions that the phone did not hold at the latest block."""

    def measure_all(self) -> None:
        """Measure every block. After a phone was lost, wait for it and open it again, which undoes changes on it."""
        while True:
            try:
                with self._dependencies.open_target(self._info, self._lease, self._cancel) as target:
                    for words in target.notices:
                        self._emit(events.TargetNoticed(target=self._info.id, words=words))
                    self._measure_rest(target)
            except errors.TargetLost as error:
                _logger.debug("The target was lost.", exc_info=error)
                self._await(error)
            except BlockFailed as error:  # while it was opened, or while changes were undone
                if error.fault not in _PASSING and self._state() == self._info.state:
                    raise
                _logger.debug("The target could not be reached.", exc_info=error)
                self._await(errors.TargetLost(error.message, hint=error.hint, loss="no answer"))
            else:
                return

    def _measure_rest(self, target: Target) -> None:
        for planned in self._job.blocks[self._done :]:
            self._stop_if_cancelled()
            self._in_flight, self._begun = planned, datetime.now(UTC)
            self._absence = None
            self._emit(events.BlockStarted(target=self._info.id, planned=planned))
            begun = time.monotonic()
            with log.about(block=planned.index):
                block = self._block(planned, target)
            ended = block.started_at + timedelta(seconds=time.monotonic() - begun)  # the computer's clock may jump
            block = block.model_copy(update={"ended_at": ended})
            self._stop_if_cancelled(block)
            self._lost_blocks = 0
            self._finish(block)

    def _finish(self, block: Block) -> None:
        self._done += 1
        self._in_flight = None
        self._losses = 0
        if self._gate or self._stopped:
            block = block.model_copy(update={"gate": self._gate, "stopped": self._stopped})
        self._gate, self._gate_ms, self._stopped = None, 0.0, []
        if block.measurement and block.measurement.trace:
            self._send_trace(block.measurement.trace.name)
        self._emit(events.BlockFinished(target=self._info.id, block=block))

    def _send_trace(self, name: str) -> None:
        file = self._traces / name
        content = base64.b64encode(file.read_bytes()).decode("ascii")
        self._emit(events.FileRecorded(target=self._info.id, name=name, content=content))
        file.unlink()

    def _await(self, error: errors.TargetLost) -> None:
        """Wait for the phone. If it was lost too often during a block, the block fails and the run continues.

        Raises:
            TargetLost: the run does not wait for it, or it did not come back.
        """
        patience = self._job.wait_seconds
        if (
            self._cancel.is_set()
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
            self._give_up_if_unstable()
        repeated = self._in_flight is not None
        if not self._absence.wait(self._dependencies, self._emit, self._cancel, repeated=repeated):
            raise error

    def _give_up_if_unstable(self) -> None:
        self._lost_blocks += 1
        if self._lost_blocks >= UNSTABLE_BLOCKS:
            name = self._info.id
            raise errors.TargetLost(
                f"{name} went away {LOSSES} times in each of {self._lost_blocks} blocks in a row, and came back again",
                hint=f"Try another cable, another USB port or a powered hub, then `mobilebench restore {name}`.",
                loss="unstable",
            )

    def _block(self, planned: PlannedBlock, target: Target) -> Block:
        """Measure a block; if it fails, try it once more; if it is stopped, cool the target and repeat it."""
        started = datetime.now(UTC)
        reason = ""
        fault: Fault | None = None
        self._recording = Recording()
        attempt = 1
        while attempt <= ATTEMPTS:
            try:
                return self._attempt(planned, target, started)
            except _TooHot as hot:
                self._stop_if_cancelled()
                self._stopped.append(hot.stopped)
                repeated = len(self._stopped) <= REPEATS
                reason = f"the target became too hot: {hot.stopped.describe()}"
                self._emit(events.BlockStopped(target=self._info.id, planned=planned, reason=reason, repeated=repeated))
                if repeated:
                    continue
                reason = f"It was stopped {len(self._stopped)} times because {reason}."
                break
            except _GateClosed as closed:
                reason = str(closed)
                break
            except Unsupported as error:
                self._unsupported[case_and_pass(planned)] = error.text_with_hint
                return _without_values(planned, "unsupported", error.text_with_hint, started)
            except (errors.TargetLost, _Cancelled):
                raise
            except MobilebenchError as error:
                _logger.debug("Attempt %d failed.", attempt, exc_info=error)
                reason, fault = error.text_with_hint, error.fault if isinstance(error, BlockFailed) else None
            except Exception as error:
                self._emit(events.Defect(target=self._info.id, planned=planned, traceback=traceback.format_exc()))
                reason, fault = _defect(error), None
            self._stop_if_cancelled()
            self._look_for_loss(reason, fault)
            self._keep_phone_log(planned, target)
            if attempt < ATTEMPTS:
                self._emit(events.BlockRetried(target=self._info.id, planned=planned, reason=reason, fault=fault))
                self._cancel.wait(PAUSE_SECONDS.get(fault, 0.0))
            attempt += 1
        block = _without_values(planned, "failed", reason, started, fault)
        waited = {"spent_ms": {"gate": self._gate_ms}} if self._gate_ms else {}
        return block.model_copy(update={"series": self._recording.series, **waited})

    def _keep_phone_log(self, planned: PlannedBlock, target: Target) -> None:
        """Write the end of the phone's log into the journal, after an attempt that failed."""
        if self._info.kind == "android":
            lines, reason = logcat.excerpt(target)
            self._emit(events.PhoneLog(target=self._info.id, planned=planned, lines=lines, reason=reason))

    def _attempt(self, planned: PlannedBlock, target: Target, started: datetime) -> Block:
        if reason := self._known_reason(planned):
            raise Unsupported(reason)
        engine, files = self._dependencies.engine(planned.case.engine), self._model(planned)
        if engine.claims_machine:
            self._wait_at_gate(planned, target)
        with self._turn(planned, claimed=engine.claims_machine) as waited_ms:
            if reason := registry.why_not_now(target, planned):
                raise Unsupported(reason)
            device = self._device_conditions(planned, target)
            prepared = engine.prepare(target, registry.as_the_engine_sees_it(planned), files)
            able, refused = self._recorders.of(self._info, planned, engine)
            subject = Subject(target, block=planned, cancel=self._cancel, program=_program(engine, self._info))
            with self._watched(planned, target) as cancel, recording(subject, able) as self._recording:
                result = engine.measure(prepared, cancel=cancel, traces=self._traces)
            measurement = registry.as_it_was_planned(_usable(result.measurement), planned)
            if registry.of_pass(planned.pass_).declaration.needs_file_operators and engine.format:
                measurement = self._with_graph(measurement, files, engine.format)
        measurement = _under(measurement, device)
        if note := signatures.clause(files.manifest):
            measurement = _noted(measurement, note)
        if self._watch_readings:
            times = "once" if self._watch_readings == 1 else f"{self._watch_readings} times"
            note = f"its temperature was read {times} while it was measured, for its ceiling; that takes processor time"
            measurement = _noted(measurement, note)
        launch = result.spent_ms.get("launch", 0.0) + self._recording.spent_ms
        spent = {**prepared.spent_ms, **result.spent_ms, "launch": launch}
        spent |= {"gate": waited_ms + self._gate_ms, "measure": measurement.measured_ms}
        return Block(
            planned=planned,
            outcome="measured",
            measurement=measurement,
            started_at=started,
            ended_at=datetime.now(UTC),
            spent_ms=spent,
            series=[*self._recording.series, *result.series, *refused],
        )

    def _with_graph(self, measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
        """Add the operators of the model's file to a measurement, or a note that says why they are unknown."""
        try:
            return self._dependencies.with_graph(measurement, files, model_format)
        except MobilebenchError as error:
            note = f"operators of the model's file are not known: {error.message}"
            return _noted(measurement, note)

    def _device_conditions(self, planned: PlannedBlock, target: Target) -> DeviceConditions | None:
        """Set the conditions of a phone, or check them again.

        Raises:
            Unsupported: one that is required does not hold.
        """
        if planned.conditions.device is None:
            return None
        found = target.conditions(planned.conditions.device)
        if found is None:
            return None
        if reason := missing(found):
            raise Unsupported(reason)
        lacking = describe([one for one in found.conditions if not one.holds])
        if lacking != self._lacking:
            self._lacking = lacking
            words = f"it is measured without these conditions: {lacking}" if lacking else "all conditions hold now"
            self._emit(events.TargetNoticed(target=self._info.id, words=words))
        return found

    def _known_reason(self, planned: PlannedBlock) -> str | None:
        """Why a block cannot be measured; None when it can. A case that cannot be timed has no other passes either."""
        key = planned.case.key
        return self._unsupported.get((key, "timing")) or self._unsupported.get((key, planned.pass_))

    def _model(self, planned: PlannedBlock) -> ModelFiles:
        files = self._models.get(model_key(planned.case), "the model was not obtained")
        if isinstance(files, str):
            raise Unsupported(files)
        return files

    @contextmanager
    def _turn(self, planned: PlannedBlock, *, claimed: bool) -> Iterator[float]:
        """Wait for the machine, if the block needs it alone; yields the milliseconds waited."""
        if not claimed:
            yield 0.0
            return
        self._emit(events.GateWaiting(target=self._info.id, planned=planned))
        begun = time.perf_counter()
        machine_turn = self._dependencies.machine_turn(self._info.machine, self._cancel)
        with machine_turn, self._take_turn(self._info, self._cancel):
            waited_ms = (time.perf_counter() - begun) * 1000
            self._emit(events.GatePassed(target=self._info.id, planned=planned, waited_ms=waited_ms))
            yield waited_ms

    def _wait_at_gate(self, planned: PlannedBlock, target: Target) -> None:
        """Wait until the target is ready for the block, as its limits say.

        Raises:
            _GateClosed: it was not ready in time, and the block is to be skipped.
        """
        limits = planned.conditions.gates
        if limits is not None and self._stopped:
            limits = gates.cooling(limits)
        if limits is None or not limits.of_begin:
            return
        begun = time.perf_counter()
        try:
            self._gate = self._gatekeeper.wait(target, limits, self._cancel, partial(self._tell_waiting, planned))
        finally:
            self._gate_ms += (time.perf_counter() - begun) * 1000
        if self._gate.outcome == "open":
            return
        reasons = tuple(one.describe() for one in self._gate.closed_by)
        skipped, waited_s = self._gate.outcome == "skipped", self._gate.waited_ms / 1000
        self._emit(
            events.GateTimedOut(
                target=self._info.id, planned=planned, reasons=reasons, waited_s=waited_s, skipped=skipped
            )
        )
        if skipped:
            raise _GateClosed(f"The target was not ready within {waited_s:.0f} s: {'; '.join(reasons)}.")

    def _tell_waiting(self, planned: PlannedBlock, closed: Sequence[GateReading], left_s: float) -> None:
        """Tell what is waited for: when that changes, and now and then."""
        now, sources = time.monotonic(), tuple(one.source for one in closed)
        if now - self._told[0] < _TELL_SECONDS and sources == self._told[1]:
            return
        self._told = now, sources
        reasons = tuple(one.describe() for one in closed)
        self._emit(events.GateWaiting(target=self._info.id, planned=planned, reasons=reasons, left_s=left_s))

    @contextmanager
    def _watched(self, planned: PlannedBlock, target: Target) -> Iterator[threading.Event]:
        """Yields the event that ends the block: on cancel, or when the target becomes too hot.

        Raises:
            _TooHot: the target became too hot, and the block was ended.
        """
        ceiling = planned.conditions.gates.stop_above if planned.conditions.gates else None
        self._watch_readings = 0
        if ceiling is None:
            yield self._cancel
            return
        begun = datetime.now(UTC)
        watch = self._gatekeeper.watch(target, ceiling, self._cancel)
        try:
            with watch:
                yield watch.stop
            self._watch_readings = watch.readings
        except (BlockFailed, Unsupported) as error:
            if watch.exceeded is None:
                raise
            source, celsius = watch.exceeded
            stopped = Stopped(
                started_at=begun,
                ended_at=datetime.now(UTC),
                source=source,
                celsius=celsius,
                limit=ceiling,
                series=self._recording.series,
            )
            raise _TooHot(stopped) from error

    def _look_for_loss(self, reason: str, fault: Fault | None) -> None:
        """Check whether a block failed because its phone was lost: a restart of the phone looks like a crash at first.

        Raises:
            TargetLost: the phone is not attached.
        """
        if self._info.kind != "android" or fault in _OF_THE_PAGE:
            return
        if (state := self._state()) != self._info.state:
            raise errors.TargetLost(f"{self._info.id} went away ({state}): {reason}", loss=states.loss_of(state))

    def _state(self) -> str:
        """The target's present state."""
        found = self._dependencies.meet(self._info)
        return found.state if found else states.ABSENT

    def _stop_if_cancelled(self, block: Block | None = None) -> None:
        """Drop a block that was cut short by the cancellation, and keep a complete one."""
        if self._cancel.is_set() and (block is None or block.outcome == "failed"):
            raise _Cancelled


def _program(engine: Engine, info: TargetInfo) -> str | None:
    """Name of the program that measures; None for pages, where several processes of a browser take part."""
    return paths.runner(info.runner).name if engine.kind == "native" else None


def _under(measurement: Measurement, device: DeviceConditions | None) -> Measurement:
    """The measurement with the phone's conditions in its proof; what runner and page may say about them is dropped."""
    if device is None and measurement.proof.device is None:
        return measurement
    return measurement.model_copy(update={"proof": measurement.proof.model_copy(update={"device": device})})


def _noted(measurement: Measurement, note: str) -> Measurement:
    proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
    return measurement.model_copy(update={"proof": proof})


def _usable(measurement: Measurement) -> Measurement:
    """Check a measurement again, in case an engine did not turn a bad answer into an error."""
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
    return f"mobilebench has a defect ({type(error).__name__}: {error}); the run's journal has the details"
