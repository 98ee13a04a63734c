"""A worker measures the blocks of one job in order and emits events. It uses neither the store nor the run's folder.

It needs only the job from the process that made it, so it can run in a thread (`executors.ThreadExecutor`) or in a
process of its own (`worker_process`).
"""

from __future__ import annotations

import base64
import logging
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mobilebench.core import errors, log, temporary
from mobilebench.core.errors import BlockFailed, Fault, MobilebenchError, Unsupported
from mobilebench.core.records import Block, PlannedBlock, Stopped
from mobilebench.models.manifest import ModelFiles
from mobilebench.recorders import logcat
from mobilebench.session import events
from mobilebench.session.attempt import Attempts
from mobilebench.session.block_results import without_values
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.gating import GateClosed, Gating, TooHot
from mobilebench.session.job import JobSpec, demand_same_builds, find_models, named_files
from mobilebench.session.losses import Losses
from mobilebench.session.work import Cancelled, Work
from mobilebench.session.work import Emit as Emit
from mobilebench.session.work import TakeTurn as TakeTurn
from mobilebench.targets.android.own_app import keeping
from mobilebench.targets.base import Target

if TYPE_CHECKING:
    from mobilebench.targets.android.lease import Lease

_logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""Attempts at a block: one that fails is tried once more, then stored as failed."""

PAUSE_SECONDS: Mapping[Fault | None, float] = {"killed for memory": 5.0, "cut connection": 1.0, "hang": 1.0}
"""Seconds before the second attempt after faults that pass by themselves; after others it follows at once."""

_NOT_PUT_BACK = (
    "it is away, so the changes on it could not be undone; the next command that reaches it undoes them "
    "(`mobilebench restore`)"
)


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
        with log.about(run=job.run_id, target=name), named_files(job), keeping(job.keep_app), ExitStack() as held:
            demand_same_builds(job)
            traces = held.enter_context(temporary.folder("mobilebench-traces-"))
            models = find_models(job, dependencies)
            for files in models.values():
                if isinstance(files, ModelFiles):
                    held.enter_context(dependencies.in_use(files))
            _Worker(Work(job, emit, cancel, take_turn, dependencies, models, traces), lease).measure_all()
    except Cancelled:
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
    def __init__(self, work: Work, lease: Lease | None) -> None:
        self._work = work
        self._lease = lease
        self._gating = Gating(work)
        self._attempts = Attempts(work, self._gating)
        self._losses = Losses(work)
        self._done = 0
        self._in_flight: PlannedBlock | None = None
        self._begun = datetime.now(UTC)

    def measure_all(self) -> None:
        """Measure every block. After a phone was lost, wait for it and open it again, which undoes changes on it."""
        work = self._work
        while True:
            try:
                with work.dependencies.open_target(work.info, self._lease, work.cancel) as target:
                    for words in target.notices:
                        work.emit(events.TargetNoticed(target=work.info.id, words=words))
                    self._measure_rest(target)
            except errors.TargetLost as error:
                _logger.debug("The target was lost.", exc_info=error)
                self._await(error)
            except BlockFailed as error:  # while it was opened, or while changes were undone
                loss = self._losses.as_loss(error)
                _logger.debug("The target could not be reached.", exc_info=error)
                self._await(loss)
            else:
                return

    def _measure_rest(self, target: Target) -> None:
        for planned in self._work.job.blocks[self._done :]:
            self._work.stop_if_cancelled()
            self._in_flight, self._begun = planned, datetime.now(UTC)
            self._losses.begin_block()
            self._work.emit(events.BlockStarted(target=self._work.info.id, planned=planned))
            begun = time.monotonic()
            with log.about(block=planned.index):
                block = self._block(planned, target)
            ended = block.started_at + timedelta(seconds=time.monotonic() - begun)  # the computer's clock may jump
            block = block.model_copy(update={"ended_at": ended})
            self._work.stop_if_cancelled(block)
            self._finish(block)

    def _finish(self, block: Block, *, lost: bool = False) -> None:
        self._done += 1
        self._in_flight = None
        self._losses.end_block(lost=lost)
        block = self._gating.end(block)
        if block.measurement and block.measurement.trace:
            self._send_trace(block.measurement.trace.name)
        self._work.emit(events.BlockFinished(target=self._work.info.id, block=block))

    def _send_trace(self, name: str) -> None:
        file = self._work.traces / name
        content = base64.b64encode(file.read_bytes()).decode("ascii")
        self._work.emit(events.FileRecorded(target=self._work.info.id, name=name, content=content))
        file.unlink()

    def _await(self, error: errors.TargetLost) -> None:
        """Wait for the phone. If it was lost too often during a block, the block fails and the run continues.

        Raises:
            TargetLost: the run does not wait for it, or it did not come back.
        """
        if failed := self._losses.count(error, self._in_flight, self._begun):
            self._finish(failed, lost=True)
            self._losses.give_up_if_unstable()
        self._losses.wait(error, repeated=self._in_flight is not None)

    def _block(self, planned: PlannedBlock, target: Target) -> Block:
        """Measure a block; if it fails, try it once more; if it is stopped, cool the target and repeat it."""
        work, gating = self._work, self._gating
        started = datetime.now(UTC)
        reason = ""
        fault: Fault | None = None
        self._attempts.begin_block()
        attempt = 1
        while attempt <= ATTEMPTS:
            try:
                return self._attempts.make(planned, target, started)
            except TooHot as hot:
                work.stop_if_cancelled()
                gating.stopped.append(hot.stopped)
                repeated = len(gating.stopped) <= Stopped.REPEATS
                reason = f"the target became too hot: {hot.stopped.describe()}"
                work.emit(events.BlockStopped(target=work.info.id, planned=planned, reason=reason, repeated=repeated))
                if repeated:
                    continue
                reason = f"It was stopped {len(gating.stopped)} times because {reason}."
                break
            except GateClosed as closed:
                reason = str(closed)
                break
            except Unsupported as error:
                self._attempts.found_unsupported(planned, error.text_with_hint)
                return without_values(planned, "unsupported", error.text_with_hint, started)
            except (errors.TargetLost, Cancelled):
                raise
            except MobilebenchError as error:
                _logger.debug("Attempt %d failed.", attempt, exc_info=error)
                reason, fault = error.text_with_hint, error.fault if isinstance(error, BlockFailed) else None
            except Exception as error:
                work.emit(events.Defect(target=work.info.id, planned=planned, traceback=traceback.format_exc()))
                reason, fault = _defect(error), None
            work.stop_if_cancelled()
            self._losses.look(reason, fault)
            self._keep_phone_log(planned, target)
            if attempt < ATTEMPTS:
                work.emit(events.BlockRetried(target=work.info.id, planned=planned, reason=reason, fault=fault))
                work.cancel.wait(PAUSE_SECONDS.get(fault, 0.0))
            attempt += 1
        block = without_values(planned, "failed", reason, started, fault)
        waited = {"spent_ms": {"gate": gating.spent_ms}} if gating.spent_ms else {}
        return block.model_copy(update={"series": self._attempts.recording.series, **waited})

    def _keep_phone_log(self, planned: PlannedBlock, target: Target) -> None:
        """Write the end of the phone's log into the journal, after an attempt that failed."""
        if self._work.info.kind == "android":
            lines, reason = logcat.excerpt(target)
            self._work.emit(events.PhoneLog(target=self._work.info.id, planned=planned, lines=lines, reason=reason))


def _defect(error: Exception) -> str:
    return f"mobilebench has a defect ({type(error).__name__}: {error}); the run's journal has the details"
