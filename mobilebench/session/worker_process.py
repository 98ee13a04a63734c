"""A worker in a process of its own: `python -m mobilebench.session.worker_process`.

It reads a `JobSpec` from the first line of standard input, measures it, and writes each event to standard output as a
line of JSON. Other lines in both directions are messages of `session.events`. The process ends when the job is done and
standard input is closed; if standard input is closed earlier, the job is cancelled.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from mobilebench.core.errors import BlockFailed, MobilebenchError, TargetLost, TargetTaken
from mobilebench.core.records import TargetInfo
from mobilebench.core.worker_process import reserve_output
from mobilebench.session import events
from mobilebench.session.attachment import Absence
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.job import JobSpec
from mobilebench.session.worker import Emit, measure_job

if TYPE_CHECKING:
    from mobilebench.targets.android.lease import Lease

_LOOK_SECONDS = 0.1


def main() -> int:
    """Measure the job from standard input. Returns the exit code; 2 when there is no job."""
    coordinator = _Coordinator(sys.stdin.buffer, reserve_output())
    try:
        job = JobSpec.model_validate_json(sys.stdin.buffer.readline())
    except ValueError as error:
        sys.stderr.write(f"Standard input does not begin with a job: {error}\n")
        return 2
    cancel = threading.Event()
    listener = threading.Thread(target=coordinator.listen, args=(job, cancel), name="coordinator", daemon=True)
    listener.start()
    dependencies = Dependencies()
    with ExitStack() as held:
        try:
            lease = _locked(job, coordinator.emit, cancel, dependencies, held)
        except MobilebenchError as error:
            name = job.target.id
            if not cancel.is_set():
                coordinator.emit(events.TargetLost(target=name, reason=error.message, hint=error.hint))
            coordinator.emit(events.TargetFinished(target=name))
        else:
            measure_job(job, coordinator.emit, cancel, coordinator.take_turn, dependencies, lease)
    listener.join()
    return 0


def _locked(
    job: JobSpec, emit: Emit, cancel: threading.Event, dependencies: Dependencies, held: ExitStack
) -> Lease | None:
    """Lock the job's device. A phone that is away is waited for, as one that goes away later.

    Raises:
        MobilebenchError: another run has it, or it did not come in time, or `cancel` was set.
    """
    absence: Absence | None = None
    while True:
        try:
            return held.enter_context(dependencies.device_lock(job.target, job.run_id))
        except TargetLost as error:
            if isinstance(error, TargetTaken) or job.wait_seconds <= 0 or (absence and absence.over):
                raise
            absence = absence or Absence(job.target, error, job.wait_seconds)
            if not absence.wait(dependencies, emit, cancel, repeated=False):
                raise


class _Coordinator:
    """The connection to the coordinator through standard input and output."""

    def __init__(self, said: IO[bytes], answers: IO[str]) -> None:
        self._said = said
        self._answers = answers
        self._writing = threading.Lock()
        self._granted = threading.Event()

    def emit(self, event: events.Event) -> None:
        self._write(events.to_json(event))

    @contextmanager
    def take_turn(self, target: TargetInfo, cancel: threading.Event) -> Iterator[None]:  # noqa: ARG002
        """Ask for the turn and wait for it. Raises `BlockFailed` when `cancel` is set while waiting."""
        self._granted.clear()
        self._write(events.TurnWanted().model_dump_json())
        while not self._granted.wait(_LOOK_SECONDS):
            if cancel.is_set():
                raise BlockFailed("Waiting for the other targets' blocks was cancelled.")
        try:
            yield
        finally:
            self._write(events.TurnOver().model_dump_json())

    def listen(self, job: JobSpec, cancel: threading.Event) -> None:
        """Handle the coordinator's messages until its stream ends, which cancels the job."""
        for line in self._said:
            message = events.to_worker(line)
            if isinstance(message, events.TurnGranted):
                self._granted.set()
            elif message.token == job.cancel_token:
                cancel.set()
        cancel.set()

    def _write(self, line: str) -> None:
        with self._writing:
            try:
                self._answers.write(f"{line}\n")
            except BrokenPipeError:  # the coordinator was killed, and the end of its stream cancels the job
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._answers.fileno())
                os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
