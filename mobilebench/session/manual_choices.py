"""What a person can choose on the bench page: engines that run in a browser, and models that are built here.

A choice becomes the block that is measured. Its target is the browser in which the person opened the page; all that is
known of it is what the browser reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mobilebench.core.axes import AUTO, OFFERED
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import BlockRule, Case, Conditions, Pass, PlannedBlock, TargetInfo
from mobilebench.engines.base import Backend, why_unsupported
from mobilebench.engines.page_messages import (
    AxisChoice,
    BackendChoice,
    Choices,
    EngineChoice,
    ModelChoice,
    StartRequest,
)
from mobilebench.engines.web import PageCase
from mobilebench.engines.web_engines import WebEngine
from mobilebench.models.manifest import ModelFiles
from mobilebench.recorders import registry

RULE = BlockRule(min_predictions=3, max_predictions=50, max_seconds=3)
KIND = "manual"

_UNKNOWN = "not reported by the browser"
_LONGEST = 300
_BROWSERS = (("firefox", r"Firefox/([\d.]+)"), ("chrome", r"Chrom(?:e|ium)/([\d.]+)"), ("safari", r"Version/([\d.]+)"))
_SYSTEMS: tuple[tuple[str, str], ...] = (
    ("android", r"Android[^;)]*"),
    ("ios", r"iPhone OS [\d_]+|iPad[^;)]*"),
    ("linux", r"Linux[^;)]*"),
    ("windows", r"Windows[^;)]*"),
    ("mac", r"Mac OS X[^;)]*"),
)


@dataclass(frozen=True)
class Chosen:
    """The block for a person's choice, and what is needed to measure it."""

    planned: PlannedBlock
    """The block, with what is known before the page has reported on what it ran."""
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
    """The block for a person's choice.

    Raises:
        BadInput: it cannot be chosen.
    """
    engine = _engines().get(wanted.engine)
    if engine is None:
        raise BadInput(f"There is no engine {wanted.engine[:_LONGEST]} for pages.")
    backend = next((one for one in engine.backends if one.name == wanted.backend), None)
    if backend is None or not _is_offered(wanted.axes, backend):
        chosen = " ".join([wanted.backend, *wanted.axes.values()])
        raise BadInput(f"{engine.name} has no {chosen[:_LONGEST]} to choose here.")
    if wanted.pass_ not in _passes():
        raise BadInput(f"A page that a person opened cannot be measured in the pass {wanted.pass_}.")
    planned = _planned(wanted)
    if reason := _reason_against(engine, planned, wanted.cores):
        raise BadInput(f"This cannot be measured: {reason}.")
    target = before_the_answer(wanted.cores)
    return Chosen(planned, _files(wanted), engine.page_case(target, planned.case))


def _passes() -> list[Pass]:
    """The passes that a page can go through without a program that drives its browser."""
    return [name for name, recorder in registry.IN_ENGINE.items() if recorder.page_side is None]


def _engines() -> dict[str, WebEngine]:
    from mobilebench.engines.registry import engines

    return {name: engine for name, engine in engines().items() if isinstance(engine, WebEngine)}


def _shown(engine: WebEngine) -> EngineChoice:
    return EngineChoice(
        name=engine.name,
        title=_title(engine),
        format=engine.format,
        backends=[_shown_backend(engine, backend) for backend in engine.backends if not backend.missing],
        passes=[name for name in registry.passes_of(engine) if name in _passes()],
    )


def _shown_backend(engine: WebEngine, backend: Backend) -> BackendChoice:
    axes = _axes(backend)
    return BackendChoice(
        name=backend.name,
        axes=[AxisChoice(name=name, title=OFFERED[name].title, values=values) for name, values in axes.items()],
        single_threaded=backend.single_threaded,
        single_threaded_builds=list(backend.single_threaded_builds),
        multi_threaded_builds=[one for one in axes.get("wasm_build", ()) if one in engine.refuses_one_thread],
    )


def _axes(backend: Backend) -> dict[str, list[str]]:
    """The axes of a backend with this release's values, without the GPU, which the browser chooses."""
    return {name: [AUTO] if name == "gpu" else list(backend.available(name)) for name in backend.axes}


def _is_offered(chosen: Mapping[str, str], backend: Backend) -> bool:
    axes = _axes(backend)
    return chosen.keys() == axes.keys() and all(value in axes[name] for name, value in chosen.items())


def _title(engine: WebEngine) -> str:
    """Name and release of an engine, short enough for a phone's screen."""
    return f"{engine.title} {engine.release}"


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
    case = replace(planned.case, gpu="hardware" if planned.case.gpu == AUTO else planned.case.gpu)
    return why_unsupported(engine, before_the_answer(cores), planned.model_copy(update={"case": case}))


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
    axes: dict[str, Any] = dict(wanted.axes)
    case = Case(
        target=KIND,
        engine=wanted.engine,
        backend=wanted.backend,
        threads=wanted.threads,
        browser="chrome",
        model=wanted.model,
        precision=wanted.precision,
        **axes,
    )
    conditions = Conditions(context="manual")
    return PlannedBlock(index=0, round=0, case=case, rule=RULE, conditions=conditions, pass_=wanted.pass_)


def before_the_answer(cores: int) -> TargetInfo:
    """The target for a press on “run”, before the browser has reported what it is."""
    return TargetInfo(
        id=KIND,
        kind="manual",
        machine=KIND,
        name=_UNKNOWN,
        soc=_UNKNOWN,
        os=_UNKNOWN,
        abi=_UNKNOWN,
        runner="none",
        cores=cores,
        browsers={"chrome": _UNKNOWN},
    )


def target_of(agent: str, cores: int | None, renderer: str | None, renderer_software: bool | None) -> TargetInfo:
    """The target as a page's browser describes itself and its machine.

    Args:
        agent: its user agent (`navigator.userAgent`); may be any text.
        cores: number of cores as it reports it; 1 is assumed for None.
        renderer: the GPU with which its pages draw, if known.
        renderer_software: whether the renderer is software, which runs on the processor.
    """
    agent = agent[: 2 * _LONGEST]
    browser, version = _first_match(_BROWSERS, agent, "browser")
    system, words = _first_match(_SYSTEMS, agent, "system")
    return TargetInfo(
        id=f"{KIND}:{browser}-{system}",
        kind="manual",
        machine=f"{KIND}:{browser}-{system}",
        name=f"{words} (a person's browser)",
        soc=_UNKNOWN,
        os=words,
        abi=_UNKNOWN,
        runner="none",
        cores=cores or 1,
        unknown={} if cores else {"cores": "the browser does not report the number of cores; 1 is assumed"},
        gpu=(renderer or "")[:_LONGEST] or None,
        gpu_software=renderer_software,
        browsers={browser: version},
        facts={"user agent": agent},
    )


def _first_match(known: tuple[tuple[str, str], ...], agent: str, otherwise: str) -> tuple[str, str]:
    """The first name whose pattern occurs in the user agent, with the matched text."""
    for name, pattern in known:
        if found := re.search(pattern, agent):
            return name, found[found.lastindex or 0].strip()
    return otherwise, _UNKNOWN
