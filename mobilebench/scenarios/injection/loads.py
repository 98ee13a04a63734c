"""What infers in a foreign page: an engine's case with the values that were left open, and its model."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from mobilebench.core import paths
from mobilebench.core.axes import AUTO
from mobilebench.core.errors import BadInput, Unsupported, as_sentence
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.engines import web
from mobilebench.engines.base import Backend
from mobilebench.engines.registry import engines
from mobilebench.engines.web_engines import WebEngine
from mobilebench.models import registry
from mobilebench.models.manifest import ModelFiles
from mobilebench.scenarios.injection.inference import Load

_RULE = BlockRule()
"""Not used: the duty and the seconds of the plan say how long a page infers."""


def completed(case: Case, target: TargetInfo) -> Case:
    """The case with a Wasm build, GPU and type of device where the backend has some and none was chosen.

    With one thread it is a build that needs no isolated page, if there is one.

    Raises:
        BadInput: there is no such engine or backend, or it runs in no browser.
        Unsupported: the target or the engine cannot run the case.
    """
    engine = web_engine(case.engine)
    backend = next((one for one in engine.backends if one.name == case.backend), None)
    if backend is None:
        names = ", ".join(one.name for one in engine.backends)
        raise BadInput(f"{case.engine} has no backend {case.backend}.", hint=f"It has {names}.")
    chosen: dict[str, str] = {}
    if case.wasm_build is None and (builds := backend.available("wasm_build")):
        chosen["wasm_build"] = _build(backend, builds, case.threads)
    if case.gpu in (None, AUTO) and backend.uses_gpu:
        chosen["gpu"] = "software" if target.gpu_software or (target.kind == "host" and not target.gpu) else "hardware"
    if case.device_type is None and (types := backend.available("device_type")):
        chosen["device_type"] = types[0]
    whole = replace(case, **chosen)  # type: ignore[arg-type]
    if reason := engine.supports(target, whole):
        raise Unsupported(as_sentence(reason))
    return whole


def _build(backend: Backend, builds: tuple[str, ...], threads: int) -> str:
    return next((one for one in builds if threads == 1 and backend.on_one_thread(one)), builds[0])


def web_engine(name: str) -> WebEngine:
    """The engine of this name. Raises `BadInput` if there is none, or it runs in no browser."""
    engine = engines().get(name)
    if engine is None or engine.kind != "web":
        names = ", ".join(name for name, one in engines().items() if one.kind == "web")
        raise BadInput(f"There is no engine {name} for pages.", hint=f"Choose one of {names}.")
    return cast(WebEngine, engine)


def load_of(case: Case, target: TargetInfo, files: ModelFiles) -> tuple[Load, tuple[str, ...]]:
    """What infers in the page, and the flags that its browser needs.

    Raises:
        Unsupported: the model was not built in the engine's format, or the engine cannot run it.
        BlockFailed: a file of the model is missing.
        BadInput: the pages were not built.
    """
    engine = web_engine(case.engine)
    if reason := engine.why_not_model(files):
        raise Unsupported(as_sentence(reason))
    entry = web.format_file(files, engine.format)
    pages = paths.web_pages()
    if not (pages / "bench.html").is_file():
        raise BadInput(f"There are no built pages in {pages}.", hint="Build them with `make web`.")
    page_case = engine.page_case(target, case)
    load = Load(
        case=case,
        job=web.page_job(PlannedBlock(index=0, round=0, case=case, rule=_RULE), files, entry),
        files={f"model/{name}": files.folder / name for name in (entry.path, *entry.parts)},
        facts=registry.facts(files.manifest),
        pages=pages,
        cores=page_case.hardware_concurrency,
        patience=page_case.patience,
    )
    return load, page_case.flags
