"""Runs a plan: locks, models and store first, then one worker a target; only the coordinator writes the store."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import TYPE_CHECKING

from mobilebench import __version__
from mobilebench.core import log
from mobilebench.core.errors import BadInput, ExitCode, MobilebenchError, NothingToMeasure
from mobilebench.core.records import Block, ModelFacts, PlannedBlock, Run, RunInfo, TargetInfo
from mobilebench.models import registry
from mobilebench.models.manifest import ModelFiles
from mobilebench.results.traces import traces_folder
from mobilebench.session import events, libraries
from mobilebench.session.absence import WAIT_SECONDS
from mobilebench.session.dependencies import ModelKey, Rooms
from mobilebench.session.display_check import demand_screen
from mobilebench.session.event_log import LOG_NAME, log_event
from mobilebench.session.exit_status import counts, exit_code
from mobilebench.session.host_exclusion import Quiet
from mobilebench.session.journal import Journal
from mobilebench.session.models import Models, key_of, obtain
from mobilebench.session.worker import TargetWork, measure_target
from mobilebench.suite import Plan
from mobilebench.targets.android import states
from mobilebench.verdicts.reading import record_verdict

if TYPE_CHECKING:
    from mobilebench.results.store import Store

STOP_SECONDS = 3.0
"""How long workers may take to stop and to put their targets back after Ctrl-C."""

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
    events.RunFinished,
)
"""Events that the stored blocks do not tell by themselves."""


@dataclass(frozen=True)
class RunRequest:
    """What is asked of a run."""

    plan: Plan
    targets: tuple[TargetInfo, ...]
    """Everything that was asked for, also what cannot be used now."""
    command: tuple[str, ...] = ()
    """The command line, for the record."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    run_id: str
    counts: Mapping[str, int]
    """Blocks by verdict or outcome (`session.outcome.KINDS`)."""
    exit_code: ExitCode


def run(
    request: RunRequest,
    store: Store,
    *,
    on_event: events.Subscriber,
    cancel: threading.Event,
    rooms: Rooms | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> RunResult:
    """Measure a plan. `cancel` ends it within seconds; what is stored then can be gone on with by `resume`.

    A phone that goes away is waited for, `wait_seconds` each time.

    Raises:
        BadInput: every target is being measured by another process, no model can be had, or windows are to be shown
            on this computer, which has no screen.
        NothingToMeasure: no target can be used.
        StoreError: a block could not be stored; the run was stopped, and what was stored stays.
    """
    rooms = rooms or Rooms()
    plan = request.plan
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with ExitStack() as held:
        usable, skipped = _usable(request.targets, run_id, rooms, held)
        todo = [block for block in plan.blocks if block.case.target in usable]
        demand_screen(todo, usable, rooms)
        models = obtain(todo, usable, rooms, _model_teller(on_event), cancel, held)
        libraries.obtain(todo, usable, rooms, _library_teller(on_event), cancel)
        info = RunInfo(
            id=run_id,
            created_at=datetime.now(UTC),
            mobilebench_version=__version__,
            suite=plan.suite.name,
            suite_definition=plan.suite.model_dump(mode="json"),
            seed=plan.seed,
            command=list(request.command),
            targets=list(request.targets),
            weights=_weights(models),
        )
        store.create_run(info, plan.blocks, _facts(models))
        return _Session(store, run_id, on_event, cancel, rooms, wait_seconds).measure(
            usable, todo, models, skipped, done=0
        )


def resume(
    run_id: str,
    store: Store,
    *,
    on_event: events.Subscriber,
    cancel: threading.Event,
    rooms: Rooms | None = None,
    wait_seconds: float = WAIT_SECONDS,
    retry_failed: bool = False,
) -> RunResult:
    """Measure what a run has planned and not stored yet, on the same targets; nothing is measured twice.

    A block that is stored as failed or unsupported counts as measured; with `retry_failed`, failed ones are measured
    again, and each gives way when its new attempt is stored. A target that is missing now is skipped.

    Raises:
        BadInput: there is no such run, another process measures its targets, a model is not the one it was, or windows
            are to be shown on this computer, which has no screen.
        NothingToMeasure: blocks are left, but none of their targets is here.
    """
    rooms = rooms or Rooms()
    stored = store.load(run_id)
    left = unmeasured(stored, retry_failed=retry_failed)
    done = {block.planned.index: block for block in stored.blocks}
    session = _Session(store, stored.info.id, on_event, cancel, rooms, wait_seconds)
    if not left:
        return session.nothing_left()
    needed = {block.case.target for block in left}
    browsers = {(block.case.target, block.case.browser) for block in left}
    before = [info for info in stored.info.targets if info.id in needed]
    present, missing = _met_again(before, rooms.discover(needed), browsers)
    with ExitStack() as held:
        usable, unusable = _usable(present, stored.info.id, rooms, held, [*missing])
        todo = [block for block in left if block.case.target in usable]
        demand_screen(todo, usable, rooms)
        models = obtain(todo, usable, rooms, _model_teller(on_event), cancel, held)
        libraries.obtain(todo, usable, rooms, _library_teller(on_event), cancel)
        _same_weights(stored.info, _weights(models))
        store.keep_models(stored.info.id, _facts(models))
        again = {block.index: done[block.index] for block in todo if block.index in done}
        return session.measure(usable, todo, models, unusable, done=len(stored.planned) - len(left), again=again)


def unmeasured(run: Run, *, retry_failed: bool = False) -> list[PlannedBlock]:
    """The planned blocks that have no stored block, in order; with `retry_failed` also those that failed."""
    done = {block.planned.index for block in run.blocks if not (retry_failed and block.outcome == "failed")}
    return [block for block in run.planned if block.index not in done]


class _Session:
    """One sitting of a run: workers, their events, the store."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        on_event: events.Subscriber,
        cancel: threading.Event,
        rooms: Rooms,
        wait_seconds: float,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._on_event = on_event
        self._cancel = cancel
        self._rooms = rooms
        self._wait_seconds = wait_seconds
        self._stop = threading.Event()
        self._targets: Mapping[str, TargetInfo] = {}
        self._facts: dict[ModelKey, ModelFacts] = {}
        self._again: dict[int, Block] = {}
        """Stored blocks that are to be replaced, by their index in the plan."""
        self._go_on = f"--resume {run_id}"

    def measure(
        self,
        usable: Mapping[str, TargetInfo],
        todo: Sequence[PlannedBlock],
        models: Models,
        skipped: Iterable[events.TargetSkipped],
        *,
        done: int,
        again: Mapping[int, Block] = MappingProxyType({}),
    ) -> RunResult:
        """Measure blocks; those of `again` replace what is stored for them."""
        self._again = dict(again)
        self._targets = usable
        self._facts = {facts.key: facts for facts in _facts(models)}
        self._go_on = f"--resume {self._run_id}{' --retry failed' if again else ''}"
        folder = self._store.run_folder(self._run_id)
        with Journal(folder) as journal, log.written_to(folder / LOG_NAME), log.about(run=self._run_id):
            self._store.finish(self._run_id, "running")
            started = events.RunStarted(run_id=self._run_id, targets=tuple(usable), blocks=len(todo), done=done)
            for event in (started, *skipped):
                self._handle(event, journal)
            by_target = {name: tuple(block for block in todo if block.case.target == name) for name in usable}
            traces = traces_folder(self._store.run_folder(self._run_id))
            works = [
                TargetWork(usable[name], blocks, models, traces, self._wait_seconds)
                for name, blocks in by_target.items()
                if blocks
            ]
            try:
                if not self._cancel.is_set():
                    self._work(works, journal)
            except BaseException as error:
                with suppress(MobilebenchError):
                    self._finish(journal)
                if isinstance(error, MobilebenchError):
                    error.hint = self._naming_the_run(error.hint)
                raise
            return self._finish(journal)

    def nothing_left(self) -> RunResult:
        counted = counts(self._store.load(self._run_id))
        return RunResult(self._run_id, counted, exit_code(counted))

    def _work(self, works: Sequence[TargetWork], journal: events.Subscriber) -> None:
        stream: SimpleQueue[events.Event] = SimpleQueue()
        quiet = Quiet()
        workers = {
            work.target.id: threading.Thread(
                target=measure_target,
                args=(work, stream.put, self._stop, self._rooms, quiet),
                name=f"worker {work.target.id}",
                daemon=True,
            )
            for work in works
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

    def _follow(self, alive: set[str], stream: SimpleQueue[events.Event], journal: events.Subscriber) -> None:
        """Handle events until every worker has ended; after a cancel, no longer than `STOP_SECONDS`."""
        until = float("inf")
        while alive and time.monotonic() < until:
            if self._cancel.is_set() and not self._stop.is_set():
                self._stop.set()
                until = time.monotonic() + STOP_SECONDS
            try:
                event = stream.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            self._handle(event, journal)
            if isinstance(event, events.TargetFinished):
                alive.discard(event.target)

    def _handle(self, event: events.Event, journal: events.Subscriber) -> None:
        """Store first, then tell: a subscriber that sees a block finished can rely on it."""
        if isinstance(event, events.TargetLost):
            event = replace(event, hint=self._naming_the_run(event.hint))
        if isinstance(event, events.BlockFinished):
            begun = time.perf_counter()
            event = replace(event, block=self._judged(event.block))
            index = event.block.planned.index
            self._store.append(self._run_id, event.block, instead_of=self._again.get(index))
            self._again.pop(index, None)
            spent = (time.perf_counter() - begun) * 1000
            self._store.note_store_time(self._run_id, index, spent)
        elif isinstance(event, _STORED):
            target = getattr(event, "target", None)
            data = {name: value for name, value in event.data().items() if name not in ("target", "run_id")}
            self._store.add_event(self._run_id, event.kind, at=event.at, target=target, data=data)
        log_event(event)
        if not isinstance(event, events.StillWaiting):
            journal(event)
        self._on_event(event)

    def _judged(self, block: Block) -> Block:
        case = block.planned.case
        return record_verdict(block, self._targets[case.target], self._facts.get(key_of(case)))

    def _naming_the_run(self, hint: str | None) -> str | None:
        """A hint of a part that does not know the run: by the time that it is read, another run may be the last."""
        return hint and hint.replace("--resume last", self._go_on)

    def _finish(self, journal: events.Subscriber) -> RunResult:
        counted = counts(self._store.load(self._run_id))
        left = bool(counted["not measured"] or self._again)
        status: events.RunStatus = "interrupted" if left else "finished"
        self._store.finish(self._run_id, status)
        self._handle(events.RunFinished(run_id=self._run_id, status=status, counts=counted), journal)
        return RunResult(self._run_id, counted, exit_code(counted, interrupted=left and self._cancel.is_set()))


def _usable(
    targets: Iterable[TargetInfo],
    run_id: str,
    rooms: Rooms,
    held: ExitStack,
    skipped: Iterable[events.TargetSkipped] = (),
) -> tuple[dict[str, TargetInfo], list[events.TargetSkipped]]:
    """The targets that can be measured, each locked for this run, and those that cannot, with the reason."""
    usable: dict[str, TargetInfo] = {}
    missed = list(skipped)
    refusals: list[MobilebenchError] = []
    for info in targets:
        if info.state != "device":
            hint = states.remedy(info.id, info.state)
            reason = states.said(info.id, info.state)
            missed.append(events.TargetSkipped(target=info.id, reason=reason, hint=hint))
            continue
        try:
            held.enter_context(rooms.device_lock(info, run_id))
        except MobilebenchError as error:
            refusals.append(error)
            missed.append(events.TargetSkipped(target=info.id, reason=error.message, hint=error.hint))
        else:
            usable[info.id] = info
    if not usable:
        if refusals:
            raise refusals[0]
        reasons = "; ".join(one.reason for one in missed)
        raise NothingToMeasure(
            f"No target can be measured now{f': {reasons}' if reasons else ''}.",
            hint=next((one.hint for one in missed if one.hint), "`mobilebench devices` shows what is attached."),
        )
    return usable, missed


def _met_again(
    before: Iterable[TargetInfo], now: Sequence[TargetInfo], browsers: Collection[tuple[str, str | None]]
) -> tuple[list[TargetInfo], list[events.TargetSkipped]]:
    """The run's targets as they are now, and those that are gone, are another device under the same id, or have lost
    one of the `browsers` (target and name) that are still to be measured."""
    here = {info.id: info for info in now}
    present: list[TargetInfo] = []
    missing: list[events.TargetSkipped] = []
    for old in before:
        new = here.get(old.id)
        if new is None:
            other = next((info for info in now if _identity(info) == _identity(old) and _is_phone(info)), None)
            known = f"The same phone is attached as {other.id}: " if other else ""
            hint = f"{known}{'attach' if other else 'Attach'} it (or start it) as {old.id} and resume again."
            missing.append(events.TargetSkipped(target=old.id, reason=f"{old.id} ({old.name}) is not here", hint=hint))
        elif new.state == "device" and _identity(new) != _identity(old):
            reason = f"{old.id} was {old.name} ({old.soc}) when the run began, and is {new.name} ({new.soc}) now"
            missing.append(events.TargetSkipped(target=old.id, reason=reason, hint="Start a new run on it."))
        elif gone := [name for name in old.browsers if name not in new.browsers and (old.id, name) in browsers]:
            reasons = [new.unusable_browsers.get(name) or new.unknown.get("browsers") for name in gone]
            why = next((f" ({one})" for one in reasons if one), "")
            reason = f"{' and '.join(gone)} was on {old.id} when the run began, and is not now{why}"
            hint = "Install it, or say where it is (--browser-path NAME=PATH), and resume again."
            missing.append(events.TargetSkipped(target=old.id, reason=reason, hint=hint))
        else:
            present.append(new)
    return present, missing


def _is_phone(info: TargetInfo) -> bool:
    """Whether it is a phone of its own: virtual ones share this computer."""
    return info.kind == "android" and info.state == "device" and not info.virtual


def _identity(info: TargetInfo) -> tuple[object, ...]:
    return info.kind, info.virtual, info.machine, info.soc, info.name, info.abi


def _weights(models: Models) -> dict[str, str]:
    return {key[0]: files.manifest.weights for key, files in models.items() if isinstance(files, ModelFiles)}


def _facts(models: Models) -> list[ModelFacts]:
    return [registry.facts(files.manifest) for files in models.values() if isinstance(files, ModelFiles)]


def _same_weights(info: RunInfo, now: Mapping[str, str]) -> None:
    for name, weights in now.items():
        if info.weights.get(name, weights) != weights:
            raise BadInput(
                f"Run {info.id} measured {name} with weights {info.weights[name]}; the model here has {weights}.",
                hint="Start a new run: results of different weights do not belong together.",
            )


def _library_teller(on_event: events.Subscriber) -> Callable[[str, str], None]:
    return lambda engine, step: on_event(events.LibrariesObtained(engine=engine, step=step))


def _model_teller(on_event: events.Subscriber) -> Callable[[str, str], None]:
    return lambda model, step: on_event(events.ModelsObtained(model=model, step=step))
