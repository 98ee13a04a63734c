"""The bench page for a person: what can be chosen, the job of each press on “run”, and what becomes of the answer.

A press opens a visit of its own, so that nothing is cached, and the page that measures is the very one that driven
browsers open. The answer comes from somebody's browser: it is checked field by field, judged like any other, and stored
as a run of its own, under a target that says that a person drove it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, ValidationError

from mobilebench import __version__
from mobilebench.engines import web
from mobilebench.engines.base import Engine, why_unsupported
from mobilebench.errors import BadInput, BlockFailed, Fault, MobilebenchError, Unsupported
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import (
    Block,
    BlockRule,
    Case,
    Conditions,
    DownloadPath,
    Measurement,
    Outcome,
    Pass,
    PlannedBlock,
    Record,
    RunInfo,
    TargetInfo,
    Verdict,
)
from mobilebench.session.verdict import judge
from mobilebench.targets.base import BrowserHandle

if TYPE_CHECKING:
    from mobilebench.browsers.server import PageServer, Visit
    from mobilebench.results.store import Store

SUITE = "manual"
AUTO = "auto"
"""Setting of a GPU: it is the browser that decides, and the renderer tells which it was."""
RULE = BlockRule(min_predictions=3, max_predictions=50, max_seconds=3)
MOST_OPEN = 8
"""Presses of which the answer is awaited; the oldest is given up for a further one."""

_LONGEST = 300
_UNKNOWN = "not told by the browser"
_BROWSERS = (("firefox", r"Firefox/([\d.]+)"), ("chrome", r"Chrom(?:e|ium)/([\d.]+)"), ("safari", r"Version/([\d.]+)"))
_SYSTEMS: tuple[tuple[str, str], ...] = (
    ("android", r"Android[^;)]*"),
    ("ios", r"iPhone OS [\d_]+|iPad[^;)]*"),
    ("linux", r"Linux[^;)]*"),
    ("windows", r"Windows[^;)]*"),
    ("mac", r"Mac OS X[^;)]*"),
)

_SOMEBODY = TargetInfo(
    id=SUITE,
    kind="manual",
    machine=SUITE,
    name=_UNKNOWN,
    soc=_UNKNOWN,
    os=_UNKNOWN,
    abi=_UNKNOWN,
    runner="none",
    cores=1,
    browsers={"chrome": _UNKNOWN},
)
"""Whoever presses “run”, before anything is known of the browser."""

R = TypeVar("R", bound=Record)


class Wanted(Record):
    """What a person chose."""

    engine: str
    backend: str
    setting: str
    threads: int = Field(ge=1, le=64)
    model: str
    variant: str
    pass_: Pass = Field(default="timing", alias="pass")


class Answer(Record):
    """What the page brings back."""

    visit: str
    """Token of the visit that it measured on."""
    answer: str
    """The measurement, in JSON."""
    agent: str = Field(default="", max_length=2000)
    """What the browser calls itself."""
    cores: int = Field(default=1, ge=1, le=4096)
    """As the browser tells them."""


@dataclass(frozen=True)
class _Begun:
    """A press on “run” of which the answer may come."""

    planned: PlannedBlock
    files: ModelFiles
    model_format: Format
    visit: Visit
    opened: AbstractContextManager[Visit]
    at: datetime


class Manual:
    """One sitting. Its methods are receivers of the page server (`browsers.server.Receiver`), in any thread."""

    def __init__(self, server: PageServer, store: Store, path: DownloadPath) -> None:
        self._server = server
        self._store = store
        self._path = path
        self._lock = Lock()
        self._begun: dict[str, _Begun] = {}

    def choices(self, _body: bytes) -> dict[str, Any]:
        """Every engine that runs in a browser, and every model that is built here."""
        engines = _engines().values()
        readable = {engine.format for engine in engines}
        models = []
        for name, variant, files in _models():
            sizes = {one: entry.bytes for one, entry in files.manifest.formats.items() if one in readable}
            if sizes:
                models.append({"name": name, "variant": variant, "bytes": sizes})
        return {"engines": [_shown(engine) for engine in engines], "models": models}

    def start(self, body: bytes) -> dict[str, Any]:
        """A fresh path for one measurement, and its job.

        Raises:
            BadInput: what is wanted cannot be chosen.
        """
        wanted = _read(Wanted, body)
        engine = _engines().get(wanted.engine)
        if engine is None or engine.format is None:
            raise BadInput(f"There is no engine {wanted.engine[:_LONGEST]} for pages.")
        planned = _planned(wanted)
        _check_way(engine, wanted, planned)
        files = _files(wanted)
        entry = web.format_file(files, engine.format)
        opened = self._server.visit({f"model/{name}": files.folder / name for name in (entry.path, *entry.parts)})
        visit = opened.__enter__()
        with self._lock:
            while len(self._begun) >= MOST_OPEN:
                self._begun.pop(next(iter(self._begun))).opened.__exit__(None, None, None)
            self._begun[visit.token] = _Begun(planned, files, engine.format, visit, opened, datetime.now(UTC))
        return {"visit": visit.token, "page": f"{visit.path}bench.html", "job": web.page_job(planned, files, entry)}

    def check(self, body: bytes) -> dict[str, Any]:
        """What is to be thought of an answer; nothing is stored.

        Raises:
            BadInput: it is no measurement, or of no visit that waits for one.
        """
        _, block = self._judged(_read(Answer, body))
        return _told(block)

    def keep(self, body: bytes) -> dict[str, Any]:
        """Store the answer as a run of its own, and close its visit.

        Raises:
            BadInput: it is no measurement, or of no visit that waits for one.
        """
        answer = _read(Answer, body)
        target, block = self._judged(answer)
        with self._lock:
            begun = self._begun.pop(answer.visit, None)
        if begun is None:
            raise BadInput("This result has been kept already.")
        begun.opened.__exit__(None, None, None)
        info = RunInfo(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            created_at=begun.at,
            mobilebench_version=__version__,
            suite=SUITE,
            suite_definition={"title": "By hand"},
            seed=0,
            targets=[target],
            weights={block.planned.case.model: begun.files.manifest.weights},
        )
        self._store.create_run(info, [block.planned])
        self._store.append(info.id, block)
        self._store.finish(info.id, "finished")
        return {"run": info.id, **_told(block)}

    def close(self) -> None:
        """Wait for no answer any more."""
        with self._lock:
            begun, self._begun = list(self._begun.values()), {}
        for one in begun:
            one.opened.__exit__(None, None, None)

    def _judged(self, answer: Answer) -> tuple[TargetInfo, Block]:
        with self._lock:
            begun = self._begun.get(answer.visit)
        if begun is None:
            raise BadInput("This result is of no page that was opened here a short while ago.", hint="Run it again.")
        try:
            told = Measurement.model_validate_json(answer.answer)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise BadInput(f"This is no measurement: {where[:_LONGEST]}: {first['msg'][:_LONGEST]}.") from error
        target = _target(answer, told)
        case = _case(begun.planned.case, target, told)
        planned = begun.planned.model_copy(update={"case": case})
        outcome: Outcome = "failed"
        reason: str | None = None
        fault: Fault | None = None
        measurement: Measurement | None = None
        verdict: Verdict | None = None
        try:
            measurement = self._completed(begun, case, target, answer.answer)
            verdict = _marked(judge(planned, measurement, target, begun.files.manifest), measurement)
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
            verdict=verdict,
            started_at=begun.at,
            ended_at=datetime.now(UTC),
            spent_ms={"measure": measurement.measured_ms} if measurement else {},
        )
        return target, block

    def _completed(self, begun: _Begun, case: Case, target: TargetInfo, answer: str) -> Measurement:
        measurement = web.parse_answer(answer, case)
        log = begun.visit.served()
        measurement = web.with_downloads(measurement, self._path, case, log, begun.visit.turns)
        browser, version = next(iter(target.browsers.items()))
        handle = BrowserHandle(name=browser, version=version, address="", flags=())
        return web.complete(measurement, handle, log, web.PageCase(begun.model_format))


def _marked(verdict: Verdict, measurement: Measurement) -> Verdict:
    """With what a driven page, which is always isolated, never needs to be told."""
    if measurement.proof.cross_origin_isolated is not False:
        return verdict
    mark = "the page was not isolated: it came without TLS, and its browser gave it no threads and a coarse clock"
    return verdict.model_copy(update={"reasons": [*verdict.reasons, mark]})


def _engines() -> dict[str, Engine]:
    from mobilebench.engines.registry import engines

    return {name: engine for name, engine in engines().items() if engine.kind == "web"}


def _shown(engine: Engine) -> dict[str, Any]:
    backends = [
        {
            "name": backend.name,
            "settings": settings,
            "single_threaded": [AUTO] if backend.uses_gpu else list(backend.single_threaded),
        }
        for backend in engine.backends
        if (settings := [AUTO] if backend.uses_gpu else [one for one in backend.settings if one not in backend.lacks])
        and not (backend.uses_gpu and set(backend.settings) <= set(backend.lacks))
    ]
    passes = [one for one in ("timing", "kernels", "memory") if one in engine.passes]
    return {
        "name": engine.name,
        "title": _title(engine),
        "format": engine.format,
        "backends": backends,
        "passes": passes,
    }


def _title(engine: Engine) -> str:
    """As much of its description as a phone's screen has room for: name and release."""
    found = re.match(r"\D+[\d.]*\d", engine.description)
    return found[0] if found else engine.name


def _models() -> Iterator[tuple[str, str, ModelFiles]]:
    from mobilebench.models import cache, registry

    for name in registry.names():
        for variant in registry.VARIANTS:
            try:
                files = cache.find(name, variant)
            except MobilebenchError:
                continue
            if files is not None:
                yield name, variant, files


def _check_way(engine: Engine, wanted: Wanted, planned: PlannedBlock) -> None:
    ways = {backend["name"]: backend["settings"] for backend in _shown(engine)["backends"]}
    if wanted.setting not in ways.get(wanted.backend, []):
        raise BadInput(f"{engine.name} has no {wanted.backend[:_LONGEST]} {wanted.setting[:_LONGEST]} to choose here.")
    setting = "hardware" if wanted.setting == AUTO else wanted.setting
    case = planned.case.model_copy(update={"setting": setting})
    if reason := why_unsupported(engine, _SOMEBODY, planned.model_copy(update={"case": case})):
        raise BadInput(f"This cannot be measured: {reason}.")


def _files(wanted: Wanted) -> ModelFiles:
    from mobilebench.models import cache, registry

    if not registry.knows(wanted.model) or wanted.variant not in registry.VARIANTS:
        raise BadInput(f"There is no model {wanted.model[:_LONGEST]} {wanted.variant[:_LONGEST]}.")
    files = cache.find(wanted.model, wanted.variant)
    if files is None:
        raise BadInput(
            f"{wanted.model} {wanted.variant} is not built.", hint=f"mobilebench models build {wanted.model}"
        )
    return files


def _planned(wanted: Wanted) -> PlannedBlock:
    """The case as far as it is known before the page has said what it ran on."""
    case = Case(
        target=SUITE,
        engine=wanted.engine,
        backend=wanted.backend,
        setting=wanted.setting,
        threads=wanted.threads,
        browser="chrome",
        model=wanted.model,
        variant=wanted.variant,
    )
    conditions = Conditions(context="manual")
    return PlannedBlock(index=0, round=0, case=case, rule=RULE, conditions=conditions, pass_=wanted.pass_)


def _case(case: Case, target: TargetInfo, told: Measurement) -> Case:
    """The case as it turned out: in this browser, and on the GPU or software that the renderer names."""
    changes: dict[str, Any] = {"target": target.id, "browser": next(iter(target.browsers))}
    if case.setting == AUTO:
        changes["setting"] = "software" if told.proof.renderer_software else "hardware"
    return case.model_copy(update=changes)


def _target(answer: Answer, told: Measurement) -> TargetInfo:
    """What the page's browser says of itself and of its machine."""
    agent = answer.agent[: 2 * _LONGEST]
    browser, version = _first(_BROWSERS, agent, "browser")
    system, words = _first(_SYSTEMS, agent, "system")
    return TargetInfo(
        id=f"{SUITE}:{browser}-{system}",
        kind="manual",
        machine=f"{SUITE}:{browser}-{system}",
        name=f"{words} (a person's browser)",
        soc=_UNKNOWN,
        os=words,
        abi=_UNKNOWN,
        runner="none",
        cores=answer.cores,
        gpu=(told.proof.renderer or "")[:_LONGEST] or None,
        gpu_software=told.proof.renderer_software,
        browsers={browser: version},
        facts={"user agent": agent},
    )


def _first(known: tuple[tuple[str, str], ...], agent: str, otherwise: str) -> tuple[str, str]:
    """The first name of which the user agent holds the pattern, with what it says there."""
    for name, pattern in known:
        if found := re.search(pattern, agent):
            return name, found[found.lastindex or 0].strip()
    return otherwise, _UNKNOWN


def _told(block: Block) -> dict[str, Any]:
    return {
        "outcome": block.outcome,
        "reason": block.reason,
        "verdict": block.verdict.status if block.verdict else None,
        "reasons": block.verdict.reasons if block.verdict else [],
        "case": block.planned.case.key,
    }


def _read(kind: type[R], body: bytes) -> R:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInput(f"What the page sent cannot be read: {where[:_LONGEST]}: {first['msg'][:_LONGEST]}.") from error
