"""Estimates how long a plan takes, from earlier blocks of the same cases, else from block rules and rules of thumb."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mobilebench.core.records import Case, Pass, PlannedBlock, TargetInfo
from mobilebench.recorders import registry
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.preparation import decide_support
from mobilebench.suite import Plan

_AROUND_SECONDS = {"native": 0.5, "web": 1.5}
"""Seconds of a block besides its predictions: process or browser, downloads, setup, warmup."""

_SOFTWARE_GPU_SECONDS = 6.0
"""Time that a software GPU adds: its warmup compiles shaders, and its predictions are slow."""

_RECENT = 10
"""How many of the latest earlier blocks of a case are used."""

Earlier = Mapping[tuple[str, Pass], Sequence[float]]
"""Case key and pass to seconds of earlier blocks, newest first (`Store.block_seconds`)."""


@dataclass(frozen=True)
class CaseEstimate:
    """One case of a plan in one pass, and its expected time."""

    case: Case
    pass_: Pass
    blocks: int
    seconds: float
    """Expected time of all its blocks together, without waiting for turns."""
    unsupported: str | None
    """Why it will not be measured; None when nothing is known against it."""
    measured_before: bool
    """Whether the time comes from earlier blocks of this case in this pass."""


def estimate(plan: Plan, earlier: Earlier, dependencies: Dependencies | None = None) -> list[CaseEstimate]:
    """Estimates for the cases of a plan and their passes, in the order in which they first occur."""
    dependencies = dependencies or Dependencies()
    unsupported = decide_support(plan.blocks, {info.id: info for info in plan.targets}, dependencies)
    counted = Counter((block.case.key, block.pass_) for block in plan.blocks)
    first = {(block.case.key, block.pass_): block for block in reversed(plan.blocks)}
    return [
        _of_case(first[key], counted[key], earlier.get(key, ()), unsupported.get(key), dependencies) for key in counted
    ]


def wall_seconds(cases: Sequence[CaseEstimate], targets: Sequence[TargetInfo]) -> float:
    """Seconds of the whole plan. Targets of one machine take turns, machines run at the same time, and this computer's
    own blocks run alone."""
    machines = {info.id: info.machine for info in targets}
    here = {info.machine for info in targets if info.kind == "host"}
    by_machine: dict[str, float] = defaultdict(float)
    for one in cases:
        by_machine[machines[one.case.target]] += one.seconds
    alone = sum(seconds for machine, seconds in by_machine.items() if machine in here)
    return alone + max((seconds for machine, seconds in by_machine.items() if machine not in here), default=0.0)


def look_up(plan: Plan, folder: Path) -> Earlier:
    """The times of earlier blocks of a plan's cases in the store of `folder`, if there is one."""
    from mobilebench.results.store import FILE_NAME, Store

    if not (folder / FILE_NAME).is_file():
        return {}
    with Store.open(folder, create=False) as store:
        return store.block_seconds(block.case.key for block in plan.blocks)


def _of_case(
    block: PlannedBlock, blocks: int, earlier: Sequence[float], unsupported: str | None, dependencies: Dependencies
) -> CaseEstimate:
    case = block.case
    engine = dependencies.engine(case.engine)
    if unsupported:
        return CaseEstimate(case, block.pass_, blocks, 0.0, unsupported, measured_before=False)
    if earlier:
        seconds = median(earlier[:_RECENT])
        return CaseEstimate(case, block.pass_, blocks, blocks * seconds, None, measured_before=True)
    seconds = _AROUND_SECONDS[engine.kind] + engine.start_seconds + block.rule.max_seconds
    if case.gpu == "software":
        seconds += _SOFTWARE_GPU_SECONDS
    seconds += registry.of_pass(block.pass_).extra_seconds
    if limit := block.rule.time_limit_seconds:
        seconds = min(seconds, _AROUND_SECONDS[engine.kind] + limit)
    return CaseEstimate(case, block.pass_, blocks, blocks * seconds, None, measured_before=False)
