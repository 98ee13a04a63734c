"""What an engine is: it says whether it can run a case, and measures one block of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal, Protocol

from mobilebench.core.records import Case, Conditions, Measurement, Pass, PlannedBlock, SpentOn, TargetInfo
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.recorders import registry
from mobilebench.targets.base import Target

NATIVE_PASSES: frozenset[Pass] = frozenset({"timing", "kernels", "memory"})
PAGE_PASSES: frozenset[Pass] = frozenset({"timing", "kernels", "memory", "trace"})
WITHOUT_KERNELS: frozenset[Pass] = PAGE_PASSES - {"kernels"}
"""Of an engine in pages that does not tell which operators it runs."""


@dataclass(frozen=True)
class Backend:
    """Where an engine computes, and the settings that it has there."""

    name: str
    settings: tuple[str, ...]
    """First one is the default."""
    description: str
    single_threaded: tuple[str, ...] = ()
    """Settings that always run on one thread."""
    uses_gpu: bool = False
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Those of `settings` that can be asked for, but are not in this engine or this version of it, and why."""


@dataclass(frozen=True)
class BlockResult:
    """What an engine brings back from one block."""

    measurement: Measurement
    spent_ms: dict[SpentOn, float] = field(default_factory=dict)
    """Wall time spent on `push` and `launch` (everything around the measured stages); `measure` is derived."""


class Engine(Protocol):
    """An inference runtime. One module each, registered by name in `engines.registry`."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["native", "web"]: ...

    @property
    def description(self) -> str: ...

    @property
    def backends(self) -> tuple[Backend, ...]: ...

    @property
    def format(self) -> Format | None:
        """Which of a model's files it reads; None where it reads none."""
        ...

    @property
    def passes(self) -> frozenset[Pass]:
        """What its blocks can be for."""
        ...

    @property
    def claims_machine(self) -> bool:
        """False only for an engine that computes nothing (it need not wait for its turn)."""
        ...

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can. Must not touch the device."""
        ...

    def prepare(self, target: Target, case: Case, files: ModelFiles) -> dict[SpentOn, float]:
        """Bring what the case needs to the target (runner, library, model). Within the turn: a push costs time too."""
        ...

    def measure(
        self,
        target: Target,
        block: PlannedBlock,
        files: ModelFiles,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,
    ) -> BlockResult:
        """Measure one block in a fresh process or page; its answer shows at most `samples` elements of each output.

        A trace pass leaves its file in the folder `traces` of this computer.

        Raises:
            Unsupported: the target turned out not to be able to run the case.
            BlockFailed: no (or no usable) answer came.
            TargetLost: the target went away.
        """
        ...


def reason_against(engine: str, backends: tuple[Backend, ...], most_threads: int, case: Case) -> str | None:
    """Why a native engine with these backends cannot run a case, whatever the target; None when it can."""
    backend = next((one for one in backends if one.name == case.backend), None)
    if backend is None:
        return f"engine `{engine}` has no backend `{case.backend}`"
    if case.setting not in backend.settings:
        return f"backend `{case.backend}` of `{engine}` has no setting `{case.setting}`"
    if case.threads > most_threads:
        return f"engine `{engine}` takes at most {most_threads} threads"
    return f"engine `{engine}` runs without a browser" if case.browser is not None else None


def why_unsupported(engine: Engine, target: TargetInfo, block: PlannedBlock) -> str | None:
    """Why an engine cannot measure this block as it is asked for, in plain words; None when it can."""
    if reason := engine.supports(target, block.case):
        return reason
    if block.pass_ == "recording":
        if reason := registry.why_not_recorded(target, block, engine):
            return reason
    elif block.pass_ not in engine.passes:
        return f"engine {engine.name} has no {block.pass_} pass{_WITHOUT.get((engine.kind, block.pass_), '')}"
    if engine.kind == "web":
        return _more_than_a_page_can(engine.name, block)
    return _more_than_a_runner_downloads(engine.name, block.case)


_WITHOUT: dict[tuple[str, Pass], str] = {
    ("web", "kernels"): ": its library does not tell which operators it runs",
    ("native", "trace"): ": a trace is what a browser records of a page, and it runs without one",
}


def _more_than_a_runner_downloads(engine: str, case: Case) -> str | None:
    usual = Case.model_fields
    for name in ("link", "loader", "encoding"):
        asked = getattr(case, name)
        if asked != usual[name].default:
            return f"{engine} downloads nothing, so there is no {name} {asked}"
    return None


def _more_than_a_page_can(engine: str, block: PlannedBlock) -> str | None:
    """A browser decides for itself where its threads run, and a page has no file to map."""
    firefox = (block.case.browser or "").startswith("firefox")
    if block.case.link != "none" and firefox:
        return f"Firefox cannot imitate the network {block.case.link}: WebDriver BiDi has no command for it"
    if block.pass_ == "trace" and firefox:
        return "Firefox cannot be traced: WebDriver BiDi has no command for it"
    if block.pass_ == "trace" and block.context == "manual":
        return "a page cannot trace the browser of a person who opens it"
    usual = Conditions()
    if block.case.affinity != "none":
        return f"the cores of {engine} cannot be chosen: it runs in a browser"
    if block.conditions.priority != usual.priority:
        return f"the priority of {engine} cannot be set: it runs in a browser"
    if block.conditions.model_access != usual.model_access:
        return f"the model of {engine} cannot be {block.conditions.model_access}: it runs in a browser"
    return None
