"""What a run does before any worker starts: it decides which blocks are supported, and obtains models and libraries.

No block waits for a network or a build, therefore, and no device is touched yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from mobilebench.browsers.launching import SCREEN_HINT
from mobilebench.core.axes import NO_MODEL
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import ModelFacts, Pass, PlannedBlock, TargetInfo
from mobilebench.engines.base import why_unsupported
from mobilebench.models import registry
from mobilebench.models.manifest import ModelFiles
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies, ModelKey, model_key

T = TypeVar("T")

CaseAndPass = tuple[str, Pass]
"""A case's key and the pass of its blocks."""

Unsupported = dict[CaseAndPass, str]
"""Cases and passes that cannot be measured, each with the reason. Nothing is known against all others."""

Models = dict[ModelKey, ModelFiles]

LibraryKey = tuple[str, str, str]
"""Engine, backend, and build of the runner."""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Prepared:
    """Targets that can be measured now, and what is known of the blocks."""

    usable: Mapping[str, TargetInfo]
    unsupported: Unsupported
    models: Models
    facts: Sequence[ModelFacts]
    """What the rules of verdicts need to know of `models`."""


def prepare(
    blocks: Sequence[PlannedBlock],
    usable: Mapping[str, TargetInfo],
    dependencies: Dependencies,
    on_event: events.Subscriber,
    cancel: threading.Event,
    held: ExitStack,
) -> Prepared:
    """Decide which blocks are supported, and obtain their models and libraries.

    Args:
        blocks: the blocks to measure, and those of cases that may get further rounds.
        usable: their targets, by serial.
        dependencies: functions of other packages that a session calls.
        on_event: called with each step of obtaining a model or a library.
        cancel: set when the run is to end.
        held: keeps the models from being pruned until it is left.

    Raises:
        BadInput: no model can be obtained, or there is no screen for windows.
    """
    require_screen(blocks, usable, dependencies)
    unsupported = decide_support(blocks, usable, dependencies)
    models = obtain_models(
        blocks,
        unsupported,
        dependencies,
        lambda model, step: on_event(events.ModelsObtained(model=model, step=step)),
        cancel,
        held,
    )
    obtain_libraries(
        blocks,
        usable,
        unsupported,
        dependencies,
        lambda engine, step: on_event(events.LibrariesObtained(engine=engine, step=step)),
        cancel,
    )
    facts = [registry.facts(files.manifest) for files in models.values()]
    return Prepared(usable, unsupported, models, facts)


def require_screen(
    blocks: Iterable[PlannedBlock], targets: Mapping[str, TargetInfo], dependencies: Dependencies
) -> None:
    """Require a screen if a block shows a browser's window on this computer; a phone always has one.

    Raises:
        BadInput: there is none.
    """
    needs_screen = any(
        block.conditions.headed and block.case.browser and targets[block.case.target].kind == "host" for block in blocks
    )
    if needs_screen and (reason := dependencies.why_no_screen()):
        raise BadInput(f"--headed is not possible on this computer: {reason}.", hint=SCREEN_HINT)


def decide_support(
    blocks: Iterable[PlannedBlock], targets: Mapping[str, TargetInfo], dependencies: Dependencies
) -> Unsupported:
    """Ask engines and the model registry once about each case and pass. No device is touched."""
    unsupported: Unsupported = {}
    for key, block in {case_and_pass(block): block for block in blocks}.items():
        case = block.case
        reason = why_unsupported(dependencies.engine_of(case), targets[case.target], block)
        if reason is None and case.model != NO_MODEL:
            reason = dependencies.why_no_model(model_key(case))
        if reason:
            unsupported[key] = reason
    return unsupported


def case_and_pass(block: PlannedBlock) -> CaseAndPass:
    """The case and pass of a block, for which support is decided."""
    return block.case.key, block.pass_


def obtain_models(
    blocks: Iterable[PlannedBlock],
    unsupported: Unsupported,
    dependencies: Dependencies,
    progress: Callable[[str, str], None],
    cancel: threading.Event,
    held: ExitStack,
) -> Models:
    """Find or build the model of every supported block. Blocks whose model cannot be obtained become unsupported.

    Building takes minutes, and converters do not check `cancel`: when it is set, their thread is abandoned.

    Args:
        blocks: the blocks to measure.
        unsupported: what is known to be unsupported; reasons are added to it.
        dependencies: functions of other packages that a session calls.
        progress: called with a model and a step of building it.
        cancel: set when the run is to end.
        held: keeps the models from being pruned until it is left.

    Raises:
        BadInput: no model can be obtained, and the user can fix that for one of them.
    """
    by_model: dict[ModelKey, list[PlannedBlock]] = {}
    for block in blocks:
        if case_and_pass(block) not in unsupported and block.case.model != NO_MODEL:
            by_model.setdefault(model_key(block.case), []).append(block)
    models: Models = {}
    failures: list[MobilebenchError] = []
    for key, needing in by_model.items():
        work = partial(dependencies.model, key, partial(progress, key[0]))
        try:
            files = _in_background(work, f"model {key[0]}", cancel)
        except MobilebenchError as error:
            failures.append(error)
            unsupported.update({case_and_pass(block): error.text_with_hint for block in needing})
        else:
            if files is not None:
                held.enter_context(dependencies.in_use(files))
                models[key] = files
        if cancel.is_set():
            return models
    if failures and not models:
        raise BadInput(failures[0].message, hint=failures[0].hint) from failures[0]
    return models


def obtain_libraries(
    blocks: Iterable[PlannedBlock],
    targets: Mapping[str, TargetInfo],
    unsupported: Unsupported,
    dependencies: Dependencies,
    progress: Callable[[str, str], None],
    cancel: threading.Event,
) -> None:
    """Fetch the library of every block that is supported; `progress` is called with an engine and a step of fetching.

    Blocks whose library cannot be fetched become unsupported: the reason is added to `unsupported`. It stops early when
    `cancel` is set.
    """
    by_library: dict[LibraryKey, list[PlannedBlock]] = {}
    for block in blocks:
        if case_and_pass(block) not in unsupported:
            key = (block.case.engine, block.case.backend, targets[block.case.target].runner)
            by_library.setdefault(key, []).append(block)
    for key, needing in by_library.items():
        if cancel.is_set():
            return
        work = partial(dependencies.library, *key, partial(progress, key[0]))
        if reason := _in_background(work, f"library of {key[0]}", cancel):
            unsupported.update({case_and_pass(block): reason for block in needing})


def _in_background(work: Callable[[], T], name: str, cancel: threading.Event) -> T | None:
    """The result of `work`, which runs in a thread of this name; None when `cancel` was set first.

    The thread is then abandoned. An error that `work` raises is raised here.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    while not outcome.done() and not cancel.is_set():
        wait([outcome], _LOOK_SECONDS)
    return outcome.result() if outcome.done() else None
