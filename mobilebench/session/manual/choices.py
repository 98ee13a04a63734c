"""What a person can choose: engines that run in a browser, and models that are built on this computer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import BlockRule, Case, Conditions, PlannedBlock
from mobilebench.engines.base import Backend, why_unsupported
from mobilebench.engines.page_messages import (
    BackendChoice,
    Choices,
    EngineChoice,
    ModelChoice,
    PageOwnPass,
    StartRequest,
)
from mobilebench.engines.web import PageCase
from mobilebench.engines.webengine import WebEngine
from mobilebench.models.manifest import ModelFiles
from mobilebench.session.manual import manual_target

AUTO = "auto"
"""Setting of a GPU: it is the browser that decides, and the renderer tells which it was."""
RULE = BlockRule(min_predictions=3, max_predictions=50, max_seconds=3)
PASSES: tuple[PageOwnPass, ...] = get_args(PageOwnPass)

_LONGEST = 300


@dataclass(frozen=True)
class Chosen:
    """What can be measured of it."""

    planned: PlannedBlock
    """As far as it is known before the page has said what it ran on."""
    files: ModelFiles
    page_case: PageCase


def choices() -> Choices:
    """Every engine that runs in a browser, and every model that is built here."""
    engines = _engines().values()
    readable = {engine.format for engine in engines}
    models = []
    for name, precision, files in _models():
        sizes = {one: entry.bytes for one, entry in files.manifest.formats.items() if one in readable}
        if sizes:
            models.append(ModelChoice(name=name, precision=precision, bytes=sizes))
    return Choices(engines=[_shown(engine) for engine in engines], models=models)


def chosen(wanted: StartRequest) -> Chosen:
    """The block that a person wants.

    Raises:
        BadInput: it cannot be chosen.
    """
    engine = _engines().get(wanted.engine)
    if engine is None:
        raise BadInput(f"There is no engine {wanted.engine[:_LONGEST]} for pages.")
    backend = next((one for one in engine.backends if one.name == wanted.backend), None)
    if backend is None or wanted.setting not in _settings(backend):
        raise BadInput(f"{engine.name} has no {wanted.backend[:_LONGEST]} {wanted.setting[:_LONGEST]} to choose here.")
    if wanted.pass_ not in PASSES:
        raise BadInput(f"There is no {wanted.pass_} pass of a page that nobody drives.")
    planned = _planned(wanted)
    if reason := _reason_against(engine, planned, wanted.cores):
        raise BadInput(f"This cannot be measured: {reason}.")
    target = manual_target.before_the_answer(wanted.cores)
    return Chosen(planned, _files(wanted), engine.page_case(target, planned.case))


def _engines() -> dict[str, WebEngine]:
    from mobilebench.engines.registry import engines

    return {name: engine for name, engine in engines().items() if isinstance(engine, WebEngine)}


def _shown(engine: WebEngine) -> EngineChoice:
    return EngineChoice(
        name=engine.name,
        title=_title(engine),
        format=engine.format,
        backends=[_shown_backend(engine, backend) for backend in engine.backends if _settings(backend)],
        passes=[one for one in PASSES if one in engine.passes],
    )


def _shown_backend(engine: WebEngine, backend: Backend) -> BackendChoice:
    settings = _settings(backend)
    return BackendChoice(
        name=backend.name,
        settings=settings,
        single_threaded=[AUTO] if backend.uses_gpu else list(backend.single_threaded),
        multi_threaded=[one for one in settings if one in engine.refuses_one_thread],
    )


def _settings(backend: Backend) -> list[str]:
    """Those that this release has; of a GPU a person chooses none."""
    has = [one for one in backend.settings if one not in backend.lacks]
    return [AUTO] if has and backend.uses_gpu else has


def _title(engine: WebEngine) -> str:
    """As much of its description as a phone's screen has room for: name and release."""
    found = re.match(r"\D+[\d.]*\d", engine.description)
    return found[0] if found else engine.name


def _models() -> Iterator[tuple[str, str, ModelFiles]]:
    from mobilebench.models import obtain, registry

    for name in registry.names():
        for precision in registry.PRECISIONS:
            try:
                files = obtain.find(name, precision)
            except MobilebenchError:
                continue
            if files is not None:
                yield name, precision, files


def _reason_against(engine: WebEngine, planned: PlannedBlock, cores: int) -> str | None:
    setting = "hardware" if planned.case.setting == AUTO else planned.case.setting
    case = planned.case.model_copy(update={"setting": setting})
    return why_unsupported(engine, manual_target.before_the_answer(cores), planned.model_copy(update={"case": case}))


def _files(wanted: StartRequest) -> ModelFiles:
    from mobilebench.models import obtain, registry

    if not registry.knows(wanted.model) or wanted.precision not in registry.PRECISIONS:
        raise BadInput(f"There is no model {wanted.model[:_LONGEST]} {wanted.precision[:_LONGEST]}.")
    files = obtain.find(wanted.model, wanted.precision)
    if files is None:
        raise BadInput(
            f"{wanted.model} {wanted.precision} is not built.", hint=f"mobilebench models build {wanted.model}"
        )
    return files


def _planned(wanted: StartRequest) -> PlannedBlock:
    case = Case(
        target=manual_target.KIND,
        engine=wanted.engine,
        backend=wanted.backend,
        setting=wanted.setting,
        threads=wanted.threads,
        browser="chrome",
        model=wanted.model,
        precision=wanted.precision,
    )
    conditions = Conditions(context="manual")
    return PlannedBlock(index=0, round=0, case=case, rule=RULE, conditions=conditions, pass_=wanted.pass_)
