"""The functions of other packages that a session calls, in one place, so that tests can replace them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import Case, Measurement, TargetInfo

if TYPE_CHECKING:
    from mobilebench.engines.base import Engine
    from mobilebench.models.manifest import Format, ModelFiles
    from mobilebench.recorders.registry import TargetRecorders
    from mobilebench.targets.android.lease import Lease
    from mobilebench.targets.base import Target
    from mobilebench.targets.care.gates import Gatekeeper

ModelKey = tuple[str, str, int]
"""Model, precision and batch."""


def model_key(case: Case) -> ModelKey:
    """The model that a case measures."""
    return case.model, case.precision, case.batch


def engine(name: str) -> Engine:
    """The engine of this name. Raises `BadInput` when this version has none."""
    from mobilebench.engines.registry import engines

    known = engines()
    if name not in known:
        raise BadInput(
            f"This version of mobilebench has no engine {name}; it has {', '.join(known)}.",
            hint="Continue the run with the version of mobilebench that began it.",
        )
    return known[name]


def discover(names: Collection[str]) -> list[TargetInfo]:
    """The targets that are attached now, usable or not. A phone that is attached in several ways is listed once, if
    possible under one of these names.

    If only `host` is named, adb is not used.
    """
    from mobilebench import targets

    if set(names) <= {targets.HOST}:
        return targets.select(targets.HOST)
    return targets.discover(names)


def meet(info: TargetInfo) -> TargetInfo | None:
    """The target that is now attached under this target's name, usable or not; None when there is none."""
    from mobilebench import targets

    return targets.describe_again(info)


def reach_again(info: TargetInfo, state: str) -> bool:
    """Ask adb to connect a phone that is in this state anew; whether there was something to ask."""
    from mobilebench import targets

    return targets.reach_again(info, state)


def other_serial(info: TargetInfo) -> str | None:
    """Another serial under which the same phone can be reached now; None if there is none."""
    from mobilebench import targets

    return targets.other_serial(info)


def open_target(info: TargetInfo, lease: Lease | None, cancel: Event) -> AbstractContextManager[Target]:
    """Open a target whose lock the caller holds; leaving the context undoes all changes. `cancel` stops what the target
    does within a second.
    """
    from mobilebench import targets

    return targets.open_target(info, lease=lease, cancel=cancel)


def device_lock(info: TargetInfo, run: str) -> AbstractContextManager[Lease | None]:
    """Lock a device for one run; yields the lock file on a phone. Raises `BadInput` when another run measures it."""
    from mobilebench.targets import locks

    return locks.device_lock(info, run)


def machine_turn(machine: str, cancel: Event) -> AbstractContextManager[None]:
    """Wait for a machine, so that only one block at a time runs on targets that share it."""
    from mobilebench.targets import locks

    return locks.machine_turn(machine, cancel)


def model(key: ModelKey, progress: Callable[[str], None]) -> ModelFiles:
    """The built model; it is built when it is missing. Raises `MobilebenchError` when it cannot be obtained."""
    from mobilebench.models import obtain

    return obtain.ensure(*key, progress=progress)


def built_model(key: ModelKey) -> ModelFiles | None:
    """The model if it is built here, else None. Raises `BadInput` when it is damaged."""
    from mobilebench.models import obtain

    return obtain.find(*key)


def library(engine: str, backend: str, build: str, tell: Callable[[str], None]) -> str | None:
    """Fetch what a native engine loads on a runner build, if it is missing. Returns why no source has it, or None;
    other failures are reported by the block that needs it.
    """
    from mobilebench.engines import libraries

    if engine not in libraries.ENGINES:
        return None
    try:
        libraries.libraries_for(engine, backend, build, tell)
    except MobilebenchError:
        return libraries.missing_reason(engine, build, backend)
    return None


def in_use(files: ModelFiles) -> AbstractContextManager[None]:
    """Keep the model from being pruned until the context ends."""
    from mobilebench.core import file_locks
    from mobilebench.models.build import cache

    return file_locks.shared(cache.lock_of(files.folder)) if files.manifest.source == "zoo" else nullcontext()


def why_no_model(key: ModelKey) -> str | None:
    """Why this version can never build the model, or None."""
    from mobilebench.models import registry

    return registry.why_not(*key)


def why_no_screen() -> str | None:
    """Why this computer cannot show a browser's window, as a clause; None when it can."""
    from mobilebench.browsers import launching

    return launching.why_no_screen()


def with_graph(measurement: Measurement, files: ModelFiles, model_format: Format) -> Measurement:
    """Add the operators of the model's file to a measurement. Raises `BadInput` when the file is damaged."""
    from mobilebench.models.inspection import graph_operators

    return graph_operators.with_graph(measurement, files, model_format)


def recorders() -> TargetRecorders:
    """New recorders for one target."""
    from mobilebench.recorders import registry

    return registry.TargetRecorders()


def gatekeeper() -> Gatekeeper:
    """A new gate for one target."""
    from mobilebench.targets.care import gates

    return gates.Gatekeeper()


@dataclass(frozen=True)
class Dependencies:
    """The functions of other packages that a session calls."""

    engine: Callable[[str], Engine] = engine
    discover: Callable[[Collection[str]], list[TargetInfo]] = discover
    meet: Callable[[TargetInfo], TargetInfo | None] = meet
    reach_again: Callable[[TargetInfo, str], bool] = reach_again
    other_serial: Callable[[TargetInfo], str | None] = other_serial
    open_target: Callable[[TargetInfo, Lease | None, Event], AbstractContextManager[Target]] = open_target
    device_lock: Callable[[TargetInfo, str], AbstractContextManager[Lease | None]] = device_lock
    machine_turn: Callable[[str, Event], AbstractContextManager[None]] = machine_turn
    model: Callable[[ModelKey, Callable[[str], None]], ModelFiles] = model
    built_model: Callable[[ModelKey], ModelFiles | None] = built_model
    library: Callable[[str, str, str, Callable[[str], None]], str | None] = library
    in_use: Callable[[ModelFiles], AbstractContextManager[None]] = in_use
    why_no_model: Callable[[ModelKey], str | None] = why_no_model
    why_no_screen: Callable[[], str | None] = why_no_screen
    with_graph: Callable[[Measurement, ModelFiles, Format], Measurement] = with_graph
    recorders: Callable[[], TargetRecorders] = recorders
    gatekeeper: Callable[[], Gatekeeper] = gatekeeper

    def engine_of(self, case: Case) -> Engine:
        """The engine that measures a case; where a page is used meanwhile, within the case's scenario."""
        found = self.engine(case.engine)
        if not case.has_scenario:
            return found
        from mobilebench.scenarios.block import ScenarioEngine

        return ScenarioEngine(found)
