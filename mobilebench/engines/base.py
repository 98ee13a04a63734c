"""The interface of an engine: whether it can run a case, how it prepares a block, and how it measures the block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from mobilebench.core.axes import AXES, NODE, OFFERED
from mobilebench.core.page_quality import ScenarioResult
from mobilebench.core.records import Case, Conditions, Measurement, PlannedBlock, Series, SpentOn, TargetInfo
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.recorders import registry
from mobilebench.recorders.base import MeasuredProcesses
from mobilebench.targets.base import Target


@dataclass(frozen=True)
class Backend:
    """A place where an engine computes, such as a CPU or GPU, and the axes that can be chosen there."""

    name: str
    description: str
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The axes that it offers, by name (`core.axes.OFFERED`), with their values; the first value is the default."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Values of `axes` that can be asked for but are missing in this engine or release: value to the reason."""
    missing: str | None = None
    """Why this release lacks the whole backend, although it can be asked for; None when it has it."""
    single_threaded: bool = False
    """It always runs on one thread."""
    single_threaded_builds: tuple[str, ...] = ()
    """The Wasm builds that run on one thread."""

    @property
    def uses_gpu(self) -> bool:
        """Whether pages compute on a GPU that can be chosen."""
        return "gpu" in self.axes

    def on_one_thread(self, wasm_build: str | None) -> bool:
        """Whether it always runs on one thread with this Wasm build."""
        return self.single_threaded or wasm_build in self.single_threaded_builds

    def available(self, axis: str) -> tuple[str, ...]:
        """The values of an axis that this release has."""
        return () if self.missing else tuple(value for value in self.axes.get(axis, ()) if value not in self.lacks)

    def reason_against(self, case: Case) -> str | None:
        """Why the backend lacks a value that a case chooses, in plain words; None when it has all of them."""
        for name, axis in OFFERED.items():
            value, offered = getattr(case, name), self.axes.get(name)
            if offered is None and value is not None:
                return axis.why_not.format(engine=case.engine, backend=self.name, value=value)
            if offered is not None and value not in offered:
                return f"{case.engine} {self.name} has no {axis.title} {value} (it has {', '.join(offered)})"
            if value in self.lacks:
                return self.lacks[value]
        return self.missing


@dataclass(frozen=True)
class BlockResult:
    """What an engine measured in one block."""

    measurement: Measurement
    spent_ms: dict[SpentOn, float] = field(default_factory=dict)
    """Wall time spent on `launch` (everything around the measured stages); `measure` is derived."""
    series: list[Series] = field(default_factory=list)
    """What the page's side of a recorder recorded over time."""
    scenario: ScenarioResult | None = None
    """What was recorded while the page of a scenario was used."""


@dataclass(frozen=True)
class PreparedCase:
    """A block whose files are on its target. Engines extend it with what they put there."""

    target: Target
    block: PlannedBlock
    files: ModelFiles
    """The model on this computer."""
    spent_ms: Mapping[SpentOn, float]
    """Wall time that preparing took."""
    processes: MeasuredProcesses = field(default_factory=MeasuredProcesses, kw_only=True)
    """Gets the processes that measure the block, where they have no fixed name, if `registry.reads_processes`."""


P = TypeVar("P", bound=PreparedCase)


class EngineOf(Protocol[P]):
    """An inference runtime. There is one module for each, registered by name in `engines.registry`."""

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
        """The format of the model files that it reads; None when it reads none."""
        ...

    @property
    def why_no_kernels(self) -> str | None:
        """Why it does not report which operators it runs, as a clause; None when it does."""
        ...

    @property
    def claims_machine(self) -> bool:
        """False only for an engine that computes nothing; it need not wait for its turn."""
        ...

    @property
    def start_seconds(self) -> float:
        """Time that starting it in a fresh process or page adds to a block, for estimates."""
        ...

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can. Must not touch the device."""
        ...

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> P:
        """Put what the block needs on the target (runner, library, model). It runs within the block's turn on the
        machine, because copying files to a phone costs time too.

        Raises:
            Unsupported: the target turned out not to be able to run the case.
            BlockFailed: a file is missing or cannot be put there.
            TargetLost: the target went away.
        """
        ...

    def measure(
        self,
        prepared: P,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,
    ) -> BlockResult:
        """Measure a prepared block in a fresh process or page; at most `samples` elements of each output are kept.

        A trace pass leaves its file in the folder `traces` of this computer.

        Raises:
            Unsupported: the target turned out not to be able to run the case.
            BlockFailed: there is no usable measurement.
            TargetLost: the target went away.
        """
        ...


Engine: TypeAlias = EngineOf[Any]
"""Any engine. The engine that prepared a block also measures it."""


def reason_against(engine: str, backends: tuple[Backend, ...], most_threads: int, case: Case) -> str | None:
    """Why a native engine with these backends cannot run a case on any target; None when it can."""
    backend = next((one for one in backends if one.name == case.backend), None)
    if backend is None:
        return f"engine `{engine}` has no backend `{case.backend}`"
    if reason := backend.reason_against(case):
        return reason
    if case.threads > most_threads:
        return f"engine `{engine}` runs at most {most_threads} thread{'s' if most_threads > 1 else ''}"
    return AXES["browser"].why_not.format(engine=engine) if case.browser is not None else None


def why_unsupported(engine: Engine, target: TargetInfo, block: PlannedBlock) -> str | None:
    """Why an engine cannot measure this block as requested, in plain words; None when it can."""
    if reason := engine.supports(target, block.case):
        return reason
    if reason := registry.why_no_pass(target, block, engine):
        return reason
    if reason := _beyond(engine, block.case):
        return reason
    return _more_than_a_page_can(engine.name, block) if engine.kind == "web" else None


def _beyond(engine: Engine, case: Case) -> str | None:
    """Why an axis that has a value in this case does not apply to engines of this kind; None when all apply.

    Axes whose other cases are left out of plans are skipped here: `Engine.supports` checks them.
    """
    for name, axis in AXES.items():
        value = getattr(case, name)
        if (
            axis.elsewhere != "left out"
            and axis.scope != "some backends"
            and value != axis.default
            and not axis.applies(engine.kind, {})
        ):
            return axis.why_not.format(engine=engine.name, backend=case.backend, value=value)
    return None


def _more_than_a_page_can(engine: str, block: PlannedBlock) -> str | None:
    """Why a page cannot meet the block's conditions; None when it can. A page also has no model file to map."""
    if block.case.browser == NODE and block.pass_ not in ("timing", "recording", "energy"):
        return f"Node has no {block.pass_} pass: {engine} is only timed there"
    if block.case.has_scenario and block.pass_ not in ("timing", "recording"):
        return f"a page that is used has no {block.pass_} pass: a scenario is only timed"
    firefox = (block.case.browser or "").startswith("firefox")
    if block.case.link != "none" and firefox:
        return f"Firefox cannot emulate the network {block.case.link}: WebDriver BiDi has no command for it"
    usual = Conditions()
    if block.conditions.priority != usual.priority:
        return f"the priority of {engine} cannot be set: it runs in a browser"
    if block.conditions.model_access != usual.model_access:
        return f"the model of {engine} cannot be {block.conditions.model_access}: it runs in a browser"
    return None
