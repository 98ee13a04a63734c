"""One attempt at a block: from its gate and its turn to the `Block` record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mobilebench.core import paths
from mobilebench.core.axes import NO_MODEL
from mobilebench.core.errors import MobilebenchError, Unsupported
from mobilebench.core.records import Block, Case, DeviceConditions, Measurement, PlannedBlock, TargetInfo
from mobilebench.models.inspection import signatures
from mobilebench.models.manifest import NO_MODEL_FILES, Format, ModelFiles
from mobilebench.recorders import registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import Recording, recording
from mobilebench.session import events
from mobilebench.session.block_results import noted, under, usable
from mobilebench.session.dependencies import model_key
from mobilebench.session.gating import Gating
from mobilebench.session.job import unsupported_of
from mobilebench.session.preparation import case_and_pass
from mobilebench.session.work import Work
from mobilebench.targets.android.conditions import describe, missing
from mobilebench.targets.android.own_app import PROGRAM as APP_PROGRAM
from mobilebench.targets.base import Target

if TYPE_CHECKING:
    from mobilebench.engines.base import Engine


class Attempts:
    """Makes attempts at the blocks of one job."""

    def __init__(self, work: Work, gating: Gating) -> None:
        self._work = work
        self._gating = gating
        self._recorders = work.dependencies.recorders().only(work.job.recorders)
        self.recording = Recording()
        """What recorders recorded in the latest attempt at a block."""
        self._unsupported = unsupported_of(work.job)
        """Cases that were known to be unsupported when planning, or were found so by an earlier block."""
        self._lacking = ""
        """The conditions that the phone did not hold at the latest block."""

    def begin_block(self) -> None:
        """A block begins: nothing was recorded in it yet."""
        self.recording = Recording()

    def found_unsupported(self, planned: PlannedBlock, reason: str) -> None:
        """Later blocks of this case and pass are not tried."""
        self._unsupported[case_and_pass(planned)] = reason

    def make(self, planned: PlannedBlock, target: Target, started: datetime) -> Block:
        """Make one attempt.

        Raises:
            Unsupported: this target cannot measure the case.
            GateClosed: the target was not ready in time, and the block is to be skipped.
            TooHot: the target became too hot, and the attempt was stopped.
            MobilebenchError: the attempt failed.
        """
        work, info = self._work, self._work.info
        if reason := self._known_reason(planned):
            raise Unsupported(reason)
        engine, files = work.dependencies.engine_of(planned.case), self._model(planned)
        if engine.claims_machine:
            self._gating.wait(planned, target)
        with self._turn(planned, claimed=engine.claims_machine) as waited_ms:
            if reason := registry.why_not_now(target, planned):
                raise Unsupported(reason)
            device = self._device_conditions(planned, target)
            prepared = engine.prepare(target, registry.as_the_engine_sees_it(planned), files)
            able, refused = self._recorders.of(info, planned, engine)
            program = _program(engine, info, planned.case)
            subject = Subject(target, block=planned, cancel=work.cancel, program=program, processes=prepared.processes)
            watched = self._gating.watched(planned, target, lambda: self.recording.series, program)
            with watched as cancel, recording(subject, able) as self.recording:
                result = engine.measure(prepared, cancel=cancel, traces=work.traces)
            self._gating.require_not_ended(under(result.measurement, device))
            measurement = registry.as_it_was_planned(usable(result.measurement), planned)
            if registry.of_pass(planned.pass_).declaration.needs_file_operators and engine.format:
                measurement = self._with_graph(measurement, files, engine.format)
        measurement = under(measurement, device)
        for note in (signatures.clause(files.manifest), self._gating.note):
            measurement = noted(measurement, note) if note else measurement
        launch = result.spent_ms.get("launch", 0.0) + self.recording.spent_ms
        spent = {**prepared.spent_ms, **result.spent_ms, "launch": launch}
        spent |= {"gate": waited_ms + self._gating.spent_ms, "measure": measurement.measured_ms}
        return Block(
            planned=planned,
            outcome="measured",
            measurement=measurement,
            started_at=started,
            ended_at=datetime.now(UTC),
            spent_ms=spent,
            series=[*self.recording.series, *result.series, *refused],
            scenario=result.scenario,
        )

    def _known_reason(self, planned: PlannedBlock) -> str | None:
        """Why a block cannot be measured; None when it can. A case that cannot be timed has no other passes either."""
        key = planned.case.key
        return self._unsupported.get((key, "timing")) or self._unsupported.get((key, planned.pass_))

    def _model(self, planned: PlannedBlock) -> ModelFiles:
        if planned.case.model == NO_MODEL:
            return NO_MODEL_FILES
        files = self._work.models.get(model_key(planned.case), "the model was not obtained")
        if isinstance(files, str):
            raise Unsupported(files)
        return files

    @contextmanager
    def _turn(self, planned: PlannedBlock, *, claimed: bool) -> Iterator[float]:
        """Wait for the machine, if the block needs it alone; yields the milliseconds waited."""
        if not claimed:
            yield 0.0
            return
        work, info = self._work, self._work.info
        work.emit(events.GateWaiting(target=info.id, planned=planned))
        begun = time.perf_counter()
        machine_turn = work.dependencies.machine_turn(info.machine, work.cancel)
        with machine_turn, work.take_turn(info, work.cancel):
            waited_ms = (time.perf_counter() - begun) * 1000
            work.emit(events.GatePassed(target=info.id, planned=planned, waited_ms=waited_ms))
            yield waited_ms

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
            self._work.emit(events.TargetNoticed(target=self._work.info.id, words=words))
        return found

    def _with_graph(self, measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
        """Add the operators of the model's file to a measurement, or a note that says why they are unknown."""
        try:
            return self._work.dependencies.with_graph(measurement, files, model_format)
        except MobilebenchError as error:
            return noted(measurement, f"operators of the model's file are not known: {error.message}")


def _program(engine: Engine, info: TargetInfo, case: Case) -> str | None:
    """Name of the program that measures; None for pages, where several processes of a browser take part."""
    if engine.kind != "native":
        return None
    return APP_PROGRAM if case.in_app else paths.runner(info.runner).name
