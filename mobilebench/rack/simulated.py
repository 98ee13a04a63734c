"""Simulated phones: their blocks sleep. They are for tests and benchmarks of racks, and every record of one says
`simulated` and virtual.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from mobilebench.core.records import Block, Measurement, PlannedBlock, TargetInfo
from mobilebench.session import events
from mobilebench.session.job import JobSpec
from mobilebench.session.work import Emit, TakeTurn

NAME = "simulated"
USUAL_SECONDS = 0.05
_PREDICTIONS = 5


def phones(host: str, count: int) -> list[TargetInfo]:
    """So many simulated phones of a host; each has its own serial on every host."""
    return [
        TargetInfo(
            id=f"simulated-{host}-{number:04}",
            kind="android",
            machine=f"simulated-{host}-{number:04}",
            virtual=True,
            name=NAME,
            manufacturer=NAME,
            soc="virtual: simulated",
            os="Android 14",
            abi="arm64-v8a",
            runner="android-arm64-v8a",
            cores=1,
        )
        for number in range(count)
    ]


class SleepingExecutor:
    """Runs jobs of simulated phones; fits where a session's `Executor` does.

    Args:
        seconds: how long each block sleeps.
    """

    reserves_at_once = 1

    def __init__(self, seconds: float = USUAL_SECONDS) -> None:
        self._seconds = seconds

    def reserve(self, target: TargetInfo, run_id: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:  # noqa: ARG002
        name = job.target.id
        emit(events.TargetStarted(target=name, blocks=len(job.blocks)))
        for planned in job.blocks:
            if cancel.is_set():
                break
            emit(events.BlockStarted(target=name, planned=planned))
            started = datetime.now(UTC)
            slept = self._sleep(cancel)
            if cancel.is_set():
                break
            emit(events.BlockFinished(target=name, block=_block(planned, started, slept)))
        emit(events.TargetFinished(target=name))

    def _sleep(self, cancel: threading.Event) -> list[float]:
        slept = []
        for _ in range(_PREDICTIONS):
            begun = time.perf_counter()
            cancel.wait(self._seconds / _PREDICTIONS)
            slept.append((time.perf_counter() - begun) * 1000)
        return slept


def _block(planned: PlannedBlock, started: datetime, slept_ms: list[float]) -> Block:
    """A block whose predictions are the times that were slept."""
    return Block(
        planned=planned,
        outcome="measured",
        measurement=Measurement(
            schema_="mobilebench/measurement/1",
            status="ok",
            engine=planned.case.engine,
            version=NAME,
            warmup_ms=slept_ms[:1],
            prediction_ms=slept_ms[1:],
            pass_=planned.pass_,
        ),
        started_at=started,
        ended_at=datetime.now(UTC),
        spent_ms={"measure": sum(slept_ms)},
    )
