"""Runs the workers of a run: in threads of this process, or each in a process of its own; and lets them take turns."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import IO, TYPE_CHECKING, Protocol

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.job import JobSpec
from mobilebench.session.worker import Emit, TakeTurn, measure_job

if TYPE_CHECKING:
    from mobilebench.targets.android.lease import Lease

_WORKER = "mobilebench.session.worker_process"
_END_SECONDS = 5.0
_LOOK_SECONDS = 0.1


class Executor(Protocol):
    """Runs workers."""

    reserves_at_once: int
    """How many targets may be reserved at the same time."""

    def reserve(self, target: TargetInfo, run_id: str) -> AbstractContextManager[None]:
        """Keep other runs from the target until the context ends, if this process is the one that measures it.

        Raises:
            BadInput: another run measures the target.
        """
        ...

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:
        """Measure a job; returns when its worker has ended and has emitted `TargetFinished`."""
        ...


class ThreadExecutor:
    """Workers in threads of this process, which owns the locks of their devices."""

    reserves_at_once = 1

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._leases: dict[str, Lease | None] = {}

    @contextmanager
    def reserve(self, target: TargetInfo, run_id: str) -> Iterator[None]:
        with self._dependencies.device_lock(target, run_id) as lease:
            self._leases[target.id] = lease
            yield

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:
        measure_job(job, emit, cancel, take_turn, self._dependencies, self._leases[job.target.id])


class ProcessExecutor:
    """Each worker in a fresh process, which owns the lock of its device.

    Each process has its own page server, which does not know the downloads of the others. Blocks of pages therefore
    run one at a time, so that no download shares this computer's network with another one.
    """

    reserves_at_once = 1

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: variables of the worker processes; by default those of this process."""
        self._environment = dict(os.environ if environment is None else environment)
        self._pages = threading.Lock()
        """Held during a block of a page."""

    def reserve(self, target: TargetInfo, run_id: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        _Conversation(job, emit, cancel, take_turn, self._pages, process.stdin).hold(process.stdout)
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            process.stdout.close()


class _Conversation:
    """The exchange of messages with a worker process."""

    def __init__(
        self,
        job: JobSpec,
        emit: Emit,
        cancel: threading.Event,
        take_turn: TakeTurn,
        pages: threading.Lock,
        to_worker: IO[bytes],
    ) -> None:
        self._job = job
        self._emit = emit
        self._cancel = cancel
        self._take_turn = take_turn
        self._pages = pages
        self._to_worker = to_worker
        self._is_page = False
        """Whether the worker's current block runs in a page."""
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._turn = ExitStack()

    def hold(self, from_worker: IO[bytes]) -> None:
        """Send the job, then handle what the worker sends until it has finished."""
        self._send(self._job.model_dump_json(by_alias=True))
        watcher = threading.Thread(target=self._watch_cancel, name="cancel of a worker process", daemon=True)
        watcher.start()
        finished = False
        try:
            with suppress(ValueError):  # a line that is not an event ends the conversation
                while not finished and (line := from_worker.readline()):
                    finished = self._handle(line)
        finally:
            self._turn.close()
            self._over.set()
            watcher.join()
        if not finished:
            name = self._job.target.id
            self._emit(events.TargetLost(target=name, reason=f"The worker process of {name} did not finish its job."))
            self._emit(events.TargetFinished(target=name))

    def _handle(self, line: bytes) -> bool:
        """Handle a line from the worker. Returns whether it was the last event."""
        message = events.from_worker(line)
        if isinstance(message, events.TurnWanted):
            try:
                self._turn.enter_context(self._take_turn(self._job.target, self._cancel))
                if self._is_page:
                    self._turn.enter_context(_held(self._pages, self._cancel))
            except BlockFailed:
                self._turn.close()
                return False  # cancelled: the worker is notified by another message
            self._send(events.TurnGranted().model_dump_json())
        elif isinstance(message, events.TurnOver):
            self._turn.close()
        else:
            if isinstance(message, events.BlockStarted):
                self._is_page = message.planned.case.browser is not None
            self._emit(message)
            return isinstance(message, events.TargetFinished)
        return False

    def _watch_cancel(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            if self._cancel.is_set():
                self._send(events.CancelJob(token=self._job.cancel_token).model_dump_json())
                return

    def _send(self, line: str) -> None:
        with self._writing, suppress(OSError):
            self._to_worker.write(line.encode() + b"\n")
            self._to_worker.flush()


@contextmanager
def _held(lock: threading.Lock, cancel: threading.Event) -> Iterator[None]:
    """Wait for a lock and hold it. Raises `BlockFailed` when `cancel` is set while waiting."""
    while not lock.acquire(timeout=_LOOK_SECONDS):
        if cancel.is_set():
            raise BlockFailed("Waiting for the other targets' blocks was cancelled.")
    try:
        yield
    finally:
        lock.release()


class HostExclusion:
    """Lets many phones run at once, or the host alone. Neither side waits for more than one block of the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._phones = 0
        self._phones_waiting = 0
        self._phones_first = 0
        """Phones that waited while the host measured; they run before its next block."""
        self._host = False
        self._host_waiting = False

    def turn(self, target: TargetInfo, cancel: threading.Event) -> AbstractContextManager[None]:
        """A block's turn on this computer. Raises `BlockFailed` when `cancel` is set while waiting."""
        return self.alone(cancel) if target.kind == "host" else self.beside_phones(cancel)

    @contextmanager
    def beside_phones(self, cancel: threading.Event) -> Iterator[None]:
        """Wait for the turn of a phone's block. Raises `BlockFailed` when `cancel` is set while waiting."""
        with self._changed:
            self._phones_waiting += 1
            try:
                self._wait(lambda: not self._host and (not self._host_waiting or self._phones_first > 0), cancel)
            finally:
                self._phones_waiting -= 1
                self._phones_first = min(max(self._phones_first - 1, 0), self._phones_waiting)
            self._phones += 1
        try:
            yield
        finally:
            with self._changed:
                self._phones -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, cancel: threading.Event) -> Iterator[None]:
        """Wait for the turn of the host's block. Raises `BlockFailed` when `cancel` is set while waiting."""
        with self._changed:
            self._host_waiting = True
            try:
                self._wait(lambda: self._phones == 0 and self._phones_first == 0, cancel)
                self._host = True
            finally:
                self._host_waiting = False
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._host = False
                self._phones_first = self._phones_waiting
                self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool], cancel: threading.Event) -> None:
        while not ready():
            if cancel.is_set():
                raise BlockFailed("Waiting for the other targets' blocks was cancelled.")
            self._changed.wait(_LOOK_SECONDS)
