"""A session by hand on the bench page: each press on “run” gets a visit of its own, and the page's answer is checked,
judged and stored.

Nothing is cached between presses, and the page that measures is the same that driven browsers open. The answer comes
from an unknown browser: it is checked field by field, judged like any other, and stored as a run of its own. Its
target says that a person drove the browser.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from mobilebench import __version__
from mobilebench.core.axes import AUTO
from mobilebench.core.errors import BadInput, BlockFailed, Fault, Unsupported, first_problem, with_fault
from mobilebench.core.records import (
    Block,
    Case,
    DownloadPath,
    Measurement,
    Outcome,
    Record,
    RunInfo,
    TargetInfo,
)
from mobilebench.engines import page_answer, web
from mobilebench.engines.page_messages import Judgement, PageAnswer, Started, StartRequest, StopRequest
from mobilebench.models import registry
from mobilebench.session import manual_choices
from mobilebench.session.dependencies import in_use
from mobilebench.session.manual_choices import Chosen, target_of
from mobilebench.targets.base import BrowserHandle
from mobilebench.verdicts.reading import record_verdict

if TYPE_CHECKING:
    from mobilebench.browsers.page_session import Receiver, Visit
    from mobilebench.browsers.server import PageServer
    from mobilebench.results.store import Store

SUITE = "manual"
MOST_OPEN = 8
"""Largest number of presses without an answer; with one more press, the oldest is given up."""

TURN_LAPSES_S = 10.0
"""Time after which a download turn ends by itself: a tab that is closed or killed while it downloads cannot end it."""

_LONGEST = 300

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class _Begun:
    """A press on “run” whose answer is awaited."""

    chosen: Chosen
    visit: Visit
    held: ExitStack
    """Holds the visit, and keeps the model from being pruned meanwhile."""
    at: datetime


class Manual:
    """Handles the page's requests, in any thread."""

    def __init__(self, server: PageServer, store: Store, path: DownloadPath) -> None:
        self._server = server
        self._store = store
        self._path = path
        self._lock = Lock()
        self._begun: dict[str, _Begun] = {}
        self._closed = Event()

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """The receivers of requests, by the name that the page uses."""
        every = (self.choices, self.start, self.stop, self.check, self.keep)
        return {receiver.__name__: receiver for receiver in every}

    def choices(self, _body: bytes) -> dict[str, Any]:
        """Every engine that runs in a browser, and every model that is built here."""
        return manual_choices.choices().model_dump()

    def start(self, body: bytes) -> dict[str, Any]:
        """Start a visit: a fresh path for one measurement, its job, and the number of cores that the page has to report
        (None: the real number).

        Raises:
            BadInput: the requested block cannot be chosen.
        """
        chosen = manual_choices.chosen(_read(StartRequest, body))
        files = chosen.files
        entry = web.format_file(files, chosen.page_case.model_format)
        with ExitStack() as held:
            held.enter_context(in_use(files))
            served = {f"model/{name}": files.folder / name for name in (entry.path, *entry.parts)}
            visit = held.enter_context(self._server.visit(served, turn_lapses_s=TURN_LAPSES_S))
            begun = _Begun(chosen, visit, held.pop_all(), datetime.now(UTC))
        with self._lock:
            while len(self._begun) >= MOST_OPEN:
                self._begun.pop(next(iter(self._begun))).held.close()
            self._begun[visit.token] = begun
        return Started(
            visit=visit.token,
            page=f"{visit.path}bench.html",
            job=web.page_job(chosen.planned, files, entry),
            cores=chosen.page_case.hardware_concurrency,
        ).model_dump()

    def stop(self, body: bytes) -> dict[str, Any]:
        """Stop waiting for the answer of a visit that a person stopped. Does nothing if the visit is not open.

        Raises:
            BadInput: the body does not name a visit.
        """
        with self._lock:
            begun = self._begun.pop(_read(StopRequest, body).visit, None)
        if begun is not None:
            begun.held.close()
        return {}

    def check(self, body: bytes) -> dict[str, Any]:
        """Judge an answer without storing anything.

        Raises:
            BadInput: it is no measurement, or of no visit that waits for one.
        """
        _, block = self._judged(_read(PageAnswer, body))
        return _judgement(block).model_dump()

    def keep(self, body: bytes) -> dict[str, Any]:
        """Store the answer as a run of its own, and close its visit.

        Raises:
            BadInput: it is no measurement, or of no visit that waits for one.
        """
        answer = _read(PageAnswer, body)
        target, block = self._judged(answer)
        with self._lock:
            begun = self._begun.pop(answer.visit, None)
        if begun is None:
            raise BadInput("This result has been kept already.")
        begun.held.close()
        info = RunInfo(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            created_at=begun.at,
            mobilebench_version=__version__,
            suite=SUITE,
            suite_definition={"title": "By hand"},
            seed=0,
            targets=[target],
            weights={block.planned.case.model: begun.chosen.files.manifest.weights},
        )
        with self._store.owning(info.id, self._closed):
            self._store.create_run(info, [block.planned], [registry.facts(begun.chosen.files.manifest)])
            self._store.append(info.id, block)
            self._store.finish(info.id, "finished")
        return _judgement(block, run=info.id).model_dump()

    def close(self) -> None:
        """Stop waiting for answers, and for a store that is away."""
        self._closed.set()
        with self._lock:
            begun, self._begun = list(self._begun.values()), {}
        for one in begun:
            one.held.close()

    def _judged(self, answer: PageAnswer) -> tuple[TargetInfo, Block]:
        with self._lock:
            begun = self._begun.get(answer.visit)
        if begun is None:
            raise BadInput(
                "This result belongs to no page that was opened here a short while ago.", hint="Run it again."
            )
        told = _measurement(answer.answer)
        target = target_of(answer.agent, answer.cores, told.proof.renderer, told.proof.renderer_software)
        case = _case(begun.chosen.planned.case, target, told)
        planned = begun.chosen.planned.model_copy(update={"case": case})
        outcome: Outcome = "failed"
        reason: str | None = None
        fault: Fault | None = None
        measurement: Measurement | None = None
        try:
            measurement = self._completed(begun, case, target, answer.answer)
            outcome = "measured"
        except Unsupported as error:
            outcome, reason = "unsupported", error.message
        except BlockFailed as error:
            reason, fault = error.message, error.fault
        block = Block(
            planned=planned,
            outcome=outcome,
            reason=reason,
            fault=fault,
            measurement=measurement,
            started_at=begun.at,
            ended_at=datetime.now(UTC),
            spent_ms={"measure": measurement.measured_ms} if measurement else {},
        )
        return target, record_verdict(block, target, registry.facts(begun.chosen.files.manifest))

    def _completed(self, begun: _Begun, case: Case, target: TargetInfo, answer: str) -> Measurement:
        measurement = page_answer.parse_answer(answer, case)
        log = begun.visit.served()
        measurement = page_answer.with_downloads(measurement, self._path, case, log, begun.visit.turns)
        browser, version = next(iter(target.browsers.items()))
        handle = BrowserHandle(name=browser, version=version, address="", flags=())
        return page_answer.complete(
            measurement, handle, log, cores_overridden=begun.chosen.page_case.hardware_concurrency is not None
        )


def _measurement(answer: str) -> Measurement:
    try:
        return Measurement.model_validate_json(answer)
    except ValidationError as error:
        raise BadInput(f"This is no measurement: {_first(error)}.") from error


def _case(case: Case, target: TargetInfo, told: Measurement) -> Case:
    """The case as it was measured: in this browser, and on the GPU or software that the renderer names."""
    changes: dict[str, Any] = {"target": target.id, "browser": next(iter(target.browsers))}
    if case.gpu == AUTO:
        changes["gpu"] = "software" if told.proof.renderer_software else "hardware"
    return replace(case, **changes)


def _judgement(block: Block, run: str | None = None) -> Judgement:
    return Judgement(
        outcome=block.outcome,
        reason=with_fault(block.fault, block.reason) if block.reason else None,
        verdict=block.verdict.status if block.verdict else None,
        codes=block.verdict.codes if block.verdict else [],
        reasons=block.verdict.sentences if block.verdict else [],
        case=block.planned.case.key,
        run=run,
    )


def _read(kind: type[R], body: bytes) -> R:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(f"What the page sent cannot be read: {_first(error)}.") from error


def _first(error: ValidationError) -> str:
    """The first problem and its place, shortened because a page may send anything."""
    first = first_problem(error)
    return f"{first.place()[:_LONGEST]}: {first.text[:_LONGEST]}"
