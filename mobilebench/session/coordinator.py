"""Runs a plan: locks, support and models first, then one worker per target. Only the coordinator writes the store."""

from __future__ import annotations

import base64
import secrets
import shlex
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from mobilebench import __version__
from mobilebench.analysis.summary import BlockSummary, RunSummary, Status, summarise
from mobilebench.core import log
from mobilebench.core.errors import BadInput, ExitCode, MobilebenchError
from mobilebench.core.records import Block, PlannedBlock, Run, RunInfo, TargetInfo
from mobilebench.session import events, preparation
from mobilebench.session.attachment import WAIT_SECONDS, met_again, reserve
from mobilebench.session.dependencies import Dependencies, model_key
from mobilebench.session.executors import Executor, HostExclusion, ThreadExecutor
from mobilebench.session.job import JobSpec, job_for
from mobilebench.session.journal import LOG_NAME, Journal, log_event
from mobilebench.session.preparation import Models, Prepared
from mobilebench.session.pursuit import Pursuit
from mobilebench.session.worker import hint_in_run
from mobilebench.suite import Plan
from mobilebench.verdicts.reading import record_verdict

if TYPE_CHECKING:
    from mobilebench.results.store import Store

KINDS = ("valid", "suspect", "invalid", "unsupported", "failed", "not measured")
"""The kinds by which the blocks of a run are counted."""

STOP_SECONDS = 3.0
"""How long workers may take after Ctrl-C to stop and to undo changes on their targets."""

_LOOK_SECONDS = 0.1
_STORED = (
    events.TargetSkipped,
    events.TargetLost,
    events.TargetNoticed,
    events.TargetAway,
    events.TargetBack,
    events.BlockRetried,
    events.Defect,
    events.RunStarted,
    events.RoundsAdded,
    events.RunFinished,
)
"""Events that are stored, because the stored blocks do not show them."""
QUARANTINE = timedelta(hours=1)
"""How long runs leave out a phone that was given up because it comes and goes."""


@dataclass(frozen=True)
class RunRequest:
    """What a run is to measure."""

    plan: Plan
    targets: tuple[TargetInfo, ...]
    """All requested targets, including those that cannot be used now."""
    command: tuple[str, ...] = ()
    """The command line, for the record."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    run: Run
    """The run as it is stored."""
    summary: RunSummary
    counts: Mapping[str, int]
    """Blocks by verdict or outcome (`KINDS`)."""
    exit_code: ExitCode

    @property
    def run_id(self) -> str:
        return self.run.info.id


def run(
    request: RunRequest,
    store: Store,
    *,
    on_event: events.Subscriber,
    cancel: threading.Event,
    dependencies: Dependencies | None = None,
    executor: Executor | None = None,
    wait_seconds: float = WAIT_SECONDS,
    keep_app: bool = False,
) -> RunResult:
    """Measure a plan. `cancel` ends it within seconds; `resume` can then measure the rest.

    If the plan's suite has a goal, further rounds are added to the plan until the goal is reached or its budget spent.

    Args:
        request: the plan and the requested targets.
        store: the store to which everything is written.
        on_event: called with every event, after it was stored.
        cancel: set when the run is to end.
        dependencies: functions of other packages that a session calls.
        executor: runs the workers; by default in threads.
        wait_seconds: how long to wait each time that a phone goes away.
        keep_app: leave mobilebench's app on phones.

    Raises:
        BadInput: every target is being measured by another run, no model can be obtained, or windows are to be shown
            on this computer, which has no screen.
        NothingToMeasure: no target can be used.
        StoreError: a block could not be stored; the run was stopped, and what was stored stays.
    """
    dependencies = dependencies or Dependencies()
    executor = executor or ThreadExecutor(dependencies)
    plan = request.plan
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with ExitStack() as held:
        usable, skipped = reserve(request.targets, run_id, executor.reserve, held, at_once=executor.reserves_at_once)
        todo = [block for block in plan.blocks if block.case.target in usable]
        ready = preparation.prepare(todo, usable, dependencies, on_event, cancel, held)
        info = RunInfo(
            id=run_id,
            created_at=datetime.now(UTC),
            mobilebench_version=__version__,
            suite=plan.suite.name,
            suite_definition=plan.suite.model_dump(mode="json"),
            seed=plan.seed,
            command=[log.without_passwords(word) for word in request.command],
            targets=list(request.targets),
            weights=_weights(ready.models),
        )
        store.create_run(info, plan.blocks, ready.facts)
        pursuit = Pursuit.of(info, plan.blocks)
        how = _How(executor, dependencies, wait_seconds, keep_app)
        session = _Session(store, run_id, on_event, cancel, how, ready, pursuit, again={})
        return session.measure(todo, skipped, done=0)


def resume(
    stored: Run,
    store: Store,
    *,
    on_event: events.Subscriber,
    cancel: threading.Event,
    dependencies: Dependencies | None = None,
    executor: Executor | None = None,
    wait_seconds: float = WAIT_SECONDS,
    retry_failed: bool = False,
    keep_app: bool = False,
) -> RunResult:
    """Measure, on the same targets, the planned blocks that a run has not stored yet; nothing is measured twice.

    A block that is stored as failed or unsupported counts as measured; with `retry_failed`, failed ones are measured
    again, and each is replaced when its new attempt is stored. A target that is missing now is skipped. Further rounds
    follow as in `run`, for the same goal. Other arguments are as for `run`.

    Raises:
        BadInput: another run measures its targets, a model has changed, or windows are to be shown on this
            computer, which has no screen.
        NothingToMeasure: blocks are left, but none of their targets is attached.
        StoreError: as for `run`.
    """
    dependencies = dependencies or Dependencies()
    executor = executor or ThreadExecutor(dependencies)
    run_id = stored.info.id
    pursuit = Pursuit.of(stored.info, stored.planned, stored.blocks)
    left = unmeasured(stored, retry_failed=retry_failed)
    finished = len(stored.planned) - len(left)
    if not left:
        with store.owning(run_id, cancel):
            added = _further(pursuit, {info.id for info in stored.info.targets}, store, run_id)
        left = [block for event in added for block in event.added]
    how = _How(executor, dependencies, wait_seconds, keep_app)
    if not left and stored.info.status == "finished":
        return _result(stored)
    if not left:  # an earlier part was ended from outside when it had stored the last block
        nothing = Prepared(usable={}, unsupported={}, models={}, facts=())
        return _Session(store, run_id, on_event, cancel, how, nothing, None, again={}).end()
    needed = {block.case.target for block in left}
    timing = [block for block in stored.planned if block.pass_ == "timing" and block.case.target in needed]
    concerned = [*left, *(timing if pursuit else ())]
    """What may be measured: a case that is done now may get further rounds."""
    browsers = {(block.case.target, block.case.browser) for block in concerned}
    before = [info for info in stored.info.targets if info.id in needed]
    present, missing = met_again(before, dependencies.discover(needed), browsers)
    with ExitStack() as held:
        usable, unusable = reserve(present, run_id, executor.reserve, held, missing, at_once=executor.reserves_at_once)
        todo = [block for block in left if block.case.target in usable]
        concerned = [block for block in concerned if block.case.target in usable]
        ready = preparation.prepare(concerned, usable, dependencies, on_event, cancel, held)
        _same_weights(stored.info, _weights(ready.models))
        store.keep_models(run_id, ready.facts)
        done = {block.planned.index: block for block in stored.blocks}
        again = {block.index: done[block.index] for block in todo if block.index in done}
        session = _Session(store, run_id, on_event, cancel, how, ready, pursuit, again=again)
        return session.measure(todo, unusable, done=finished)


def unmeasured(run: Run, *, retry_failed: bool = False) -> list[PlannedBlock]:
    """The planned blocks that are not stored, in order; with `retry_failed` also failed ones."""
    done = {block.planned.index for block in run.blocks if not (retry_failed and block.outcome == "failed")}
    return [block for block in run.planned if block.index not in done]


def _further(pursuit: Pursuit | None, usable: Collection[str], store: Store, run_id: str) -> list[events.RoundsAdded]:
    """The rounds that a run needs for its goal, recorded in the store."""
    added = pursuit.further(usable) if pursuit else []
    if blocks := sorted((block for event in added for block in event.added), key=lambda block: block.index):
        store.extend_plan(run_id, blocks)
    return added


@dataclass(frozen=True)
class _How:
    """How the blocks of a session are measured."""

    executor: Executor
    dependencies: Dependencies
    wait_seconds: float
    keep_app: bool


@dataclass(frozen=True)
class _Sent:
    """An event on its way from a worker."""

    event: events.Event
    handled: threading.Event = field(default_factory=threading.Event)
    """Set when it is stored, and the subscribers know it."""


class _Session:
    """One part of a run, until it is done or interrupted: workers, their events, and the store."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        on_event: events.Subscriber,
        cancel: threading.Event,
        how: _How,
        ready: Prepared,
        pursuit: Pursuit | None,
        *,
        again: Mapping[int, Block],
    ) -> None:
        """`pursuit` decides on further rounds; `again` are stored blocks to replace, by index in the plan."""
        self._store = store
        self._run_id = run_id
        self._on_event = on_event
        self._cancel = cancel
        self._how = how
        self._ready = ready
        self._pursuit = pursuit
        self._facts = {facts.key: facts for facts in ready.facts}
        self._again = dict(again)
        self._retry_failed = bool(again)
        self._stop = threading.Event()
        self._last_stored: Block | None = None
        """The last block, with the time that storing it took; that time is not stored yet."""

    def _jobs(self, blocks: Sequence[PlannedBlock]) -> list[JobSpec]:
        """One job for each target, with its blocks among these."""
        ready = self._ready
        by_target = {name: [one for one in blocks if one.case.target == name] for name in ready.usable}
        return [
            job_for(
                ready.usable[name],
                own,
                run_id=self._run_id,
                retry_failed=self._retry_failed,
                unsupported=ready.unsupported,
                models=ready.models,
                recorders=self._how.dependencies.recorders().names,
                wait_seconds=self._how.wait_seconds,
                keep_app=self._how.keep_app,
            )
            for name, own in by_target.items()
        ]

    def measure(
        self, blocks: Sequence[PlannedBlock], skipped: Iterable[events.TargetSkipped], *, done: int
    ) -> RunResult:
        """Measure blocks, and then the rounds that the goal needs; targets are measured at the same time.

        `done` blocks were stored by an earlier part of the run.
        """
        jobs = self._jobs(blocks)
        folder = self._store.run_folder(self._run_id)
        with (
            self._store.owning(self._run_id, self._cancel),
            Journal(folder) as journal,
            log.written_to(folder / LOG_NAME),
            log.about(run=self._run_id),
        ):
            self._store.finish(self._run_id, "running")
            targets = tuple(job.target.id for job in jobs)
            started = events.RunStarted(run_id=self._run_id, targets=targets, blocks=len(blocks), done=done)
            for event in (started, *skipped):
                self._handle(event, journal)
            try:
                while not self._cancel.is_set():
                    self._work([job for job in jobs if job.blocks], journal)
                    added = _further(self._pursuit, self._ready.usable.keys(), self._store, self._run_id)
                    if not added:
                        break
                    for event in added:
                        self._handle(event, journal)
                    jobs = self._jobs([block for event in added for block in event.added])
            except BaseException as error:
                with suppress(MobilebenchError):
                    self._finish(journal)
                if isinstance(error, MobilebenchError) and jobs:
                    error.hint = hint_in_run(error, jobs[0].resume_command)
                raise
            return self._finish(journal)

    def end(self) -> RunResult:
        """Record the end of the run, of which nothing is left to measure."""
        with self._store.owning(self._run_id, self._cancel), Journal(self._store.run_folder(self._run_id)) as journal:
            return self._finish(journal)

    def _work(self, jobs: Sequence[JobSpec], journal: events.Subscriber) -> None:
        stream: SimpleQueue[_Sent] = SimpleQueue()
        exclusion = HostExclusion()

        def emit(event: events.Event) -> None:
            """Workers go on when what they report is stored, so that a killed run loses at most the blocks in flight,
            and a worker elsewhere may forget what it reported."""
            sent = _Sent(event)
            stream.put(sent)
            if isinstance(event, (events.BlockFinished, events.FileRecorded, *_STORED)):
                while not sent.handled.wait(_LOOK_SECONDS) and not self._stop.is_set():
                    pass

        workers = {
            job.target.id: threading.Thread(
                target=self._how.executor.measure,
                args=(job, emit, self._stop, exclusion.turn),
                name=f"worker {job.target.id}",
                daemon=True,
            )
            for job in jobs
        }
        for worker in workers.values():
            worker.start()
        try:
            self._follow(set(workers), stream, journal)
        except BaseException:
            self._stop.set()
            until = time.monotonic() + STOP_SECONDS
            for worker in workers.values():
                worker.join(max(until - time.monotonic(), 0))
            raise

    def _follow(self, alive: set[str], stream: SimpleQueue[_Sent], journal: events.Subscriber) -> None:
        """Handle events until every worker has ended; after a cancel, no longer than `STOP_SECONDS`."""
        until = float("inf")
        while alive and time.monotonic() < until:
            if self._cancel.is_set() and not self._stop.is_set():
                self._stop.set()
                until = time.monotonic() + STOP_SECONDS
            try:
                sent = stream.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            self._handle(sent.event, journal)
            sent.handled.set()
            if isinstance(sent.event, events.TargetFinished):
                alive.discard(sent.event.target)

    def _handle(self, event: events.Event, journal: events.Subscriber) -> None:
        """Store an event, then notify the subscribers: when they see a finished block, it is stored."""
        if isinstance(event, events.FileRecorded):
            self._store.add_trace(self._run_id, event.name, base64.b64decode(event.content))
            return
        if isinstance(event, events.BlockFinished):
            event = replace(event, block=self._judged(event.block))
            self._store_block(event.block)
            if self._pursuit:
                self._pursuit.add(event.block)
        elif isinstance(event, _STORED):
            target = getattr(event, "target", None)
            data = {name: value for name, value in event.data().items() if name not in ("target", "run_id")}
            self._store.add_event(self._run_id, event.kind, at=event.at, target=target, data=data)
        log_event(event)
        if not isinstance(event, events.StillWaiting):
            journal(event)
        self._on_event(event)
        if isinstance(event, events.TargetLost) and event.loss == "unstable":
            self._quarantine(event, journal)

    def _quarantine(self, lost: events.TargetLost, journal: events.Subscriber) -> None:
        """Leave a phone that cannot be relied on out of runs for a time; the host of a rack's phone does so itself."""
        from mobilebench.results import quarantine
        from mobilebench.targets.android.identity import RACK_HOST

        phone = self._ready.usable[lost.target]
        if RACK_HOST in phone.facts:
            return
        until = lost.at + QUARANTINE
        quarantine.add(self._store, phone, until, lost.reason, now=lost.at)
        words = (
            f"it is left out of runs until {until:%Y-%m-%d %H:%M} UTC "
            f"(`mobilebench quarantine lift {shlex.quote(lost.target)}` ends that)"
        )
        self._handle(events.TargetNoticed(target=lost.target, words=words), journal)

    def _judged(self, block: Block) -> Block:
        case = block.planned.case
        return record_verdict(block, self._ready.usable[case.target], self._facts.get(model_key(case)))

    def _store_block(self, block: Block) -> None:
        """Store a block in one transaction, together with the time that storing the block before it took."""
        begun = time.perf_counter()
        index = block.planned.index
        self._store.append(self._run_id, block, instead_of=self._again.get(index), completed=self._last_stored)
        self._again.pop(index, None)
        spent = {**block.spent_ms, "store": (time.perf_counter() - begun) * 1000}
        self._last_stored = block.model_copy(update={"spent_ms": spent})

    def _finish(self, journal: events.Subscriber) -> RunResult:
        """Record how the run ended, and load it. This is the only place that loads it."""
        stored = self._store.load(self._run_id)
        left = len(stored.blocks) < len(stored.planned) or bool(self._again)
        status: events.RunStatus = "interrupted" if left else "finished"
        ended = datetime.now(UTC)
        self._store.finish(self._run_id, status, at=ended, completed=self._last_stored)
        result = _result(
            _as_stored(stored, status, ended, self._last_stored), interrupted=left and self._cancel.is_set()
        )
        self._handle(events.RunFinished(run_id=self._run_id, status=status, counts=dict(result.counts)), journal)
        return result


def _result(run: Run, *, interrupted: bool = False) -> RunResult:
    summary = summarise(run)
    counts = block_counts(summary)
    return RunResult(run, summary, counts, exit_code(counts, interrupted=interrupted))


def block_counts(summary: RunSummary) -> dict[str, int]:
    """How many planned blocks are valid, suspect, invalid, unsupported, failed, or not measured.

    If the blocks of a case do not agree with each other, they count as the status that their case gets from that.
    """
    found: Counter[str] = Counter()
    for case in (case for target in summary.targets for case in target.cases):
        timed = [(case.status, case.blocks)] if case.timed else []
        for status, blocks in [*timed, *((one.status, one.blocks) for one in case.watched.values())]:
            found.update(_each(status, blocks))
    found["not measured"] = summary.planned_blocks - summary.run_blocks
    return {kind: found[kind] for kind in KINDS}


def _each(status: Status, blocks: Sequence[BlockSummary]) -> list[Status]:
    """The status of each block, in a case or pass of this status, which may be worse than all of its blocks."""
    own = [block.status for block in blocks]
    if not own or status in own:
        return own
    return [status if block.counted else block.status for block in blocks]


def exit_code(counted: dict[str, int], *, interrupted: bool = False) -> ExitCode:
    """The exit code of a run. An interruption takes precedence, then failures, then suspect blocks."""
    if interrupted:
        return ExitCode.INTERRUPTED
    if counted["invalid"] or counted["failed"] or counted["not measured"]:
        return ExitCode.CASES_FAILED
    if counted["suspect"]:
        return ExitCode.SUSPECT
    return ExitCode.OK if counted["valid"] else ExitCode.NOTHING_TO_MEASURE


def _as_stored(run: Run, status: events.RunStatus, ended: datetime, completed: Block | None) -> Run:
    """The run as it is stored after its end was recorded."""
    info = run.info.model_copy(update={"status": status, "finished_at": ended})
    blocks = [
        block.model_copy(update={"spent_ms": completed.spent_ms})
        if completed and block.planned.index == completed.planned.index
        else block
        for block in run.blocks
    ]
    return run.model_copy(update={"info": info, "blocks": blocks})


def _weights(models: Models) -> dict[str, str]:
    return {key[0]: files.manifest.weights for key, files in models.items()}


def _same_weights(info: RunInfo, now: Mapping[str, str]) -> None:
    for name, weights in now.items():
        if info.weights.get(name, weights) != weights:
            raise BadInput(
                f"Run {info.id} measured {name} with weights {info.weights[name]}; the model here has {weights}.",
                hint="Start a new run: results of different weights must not be mixed.",
            )
