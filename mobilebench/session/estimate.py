"""Estimates how long a plan takes, from earlier blocks of the same cases, else from block rules and rules of thumb."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mobilebench.core.records import Block, Case, Pass, PlannedBlock, TargetInfo
from mobilebench.recorders import registry
from mobilebench.results.places import Where
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.preparation import CaseAndPass, case_and_pass, decide_support
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
    return of_blocks(plan.blocks, plan.targets, earlier, dependencies)


def of_blocks(
    blocks: Sequence[PlannedBlock],
    targets: Sequence[TargetInfo],
    earlier: Earlier,
    dependencies: Dependencies | None = None,
) -> list[CaseEstimate]:
    """Estimates for the cases of these blocks and their passes, in the order in which they first occur."""
    dependencies = dependencies or Dependencies()
    unsupported = decide_support(blocks, {info.id: info for info in targets}, dependencies)
    counted = Counter((block.case.key, block.pass_) for block in blocks)
    first = {(block.case.key, block.pass_): block for block in reversed(blocks)}
    return [
        _of_case(first[key], counted[key], earlier.get(key, ()), unsupported.get(key), dependencies) for key in counted
    ]


def wall_seconds(cases: Sequence[CaseEstimate], targets: Sequence[TargetInfo]) -> float:
    """Seconds of the whole plan. Targets of one machine take turns, machines run at the same time, and this computer's
    own blocks run alone."""
    by_target: dict[str, float] = defaultdict(float)
    for one in cases:
        by_target[one.case.target] += one.seconds
    return wall_of(by_target, targets)


def wall_of(seconds: Mapping[str, float], targets: Sequence[TargetInfo]) -> float:
    """Seconds until all targets are done, of which each is measured for a time (seconds by target)."""
    machines = {info.id: info.machine for info in targets}
    here = {info.machine for info in targets if info.kind == "host"}
    by_machine: dict[str, float] = defaultdict(float)
    for target, own in seconds.items():
        by_machine[machines[target]] += own
    alone = sum(seconds for machine, seconds in by_machine.items() if machine in here)
    return alone + max((seconds for machine, seconds in by_machine.items() if machine not in here), default=0.0)


def look_up(blocks: Sequence[PlannedBlock], where: Where) -> Earlier:
    """The times of earlier blocks of the same cases in the store there, if there is one."""
    from mobilebench.results.store import Store

    store = Store.existing(where)
    if store is None:
        return {}
    with store:
        return store.block_seconds(block.case.key for block in blocks)


class TimeLeft:
    """A subscriber that expects how long a run goes on, and corrects itself by the blocks that it measures."""

    def __init__(
        self,
        left: Iterable[PlannedBlock],
        targets: Sequence[TargetInfo],
        estimates: Callable[[], Iterable[CaseEstimate]] = tuple,
        measured: Iterable[Block] = (),
    ) -> None:
        """`left`: the blocks to measure; `estimates`: estimates them, and is called when the run starts; `measured`:
        blocks of the run that were measured before."""
        self._targets = targets
        self._left = {block.index: block for block in left}
        self._estimates = estimates
        self._expected: dict[CaseAndPass, float] = {}
        self._measured: dict[CaseAndPass, list[float]] = defaultdict(list)
        for block in measured:
            self._measured[case_and_pass(block.planned)].append(seconds_of(block))

    def __call__(self, event: events.Event) -> None:
        """Take an event into account."""
        if isinstance(event, events.RunStarted):
            self._expected = {(one.case.key, one.pass_): one.seconds / one.blocks for one in self._estimates()}
        elif isinstance(event, events.RoundsAdded):
            self._left |= {block.index: block for block in event.added}
        elif isinstance(event, events.BlockFinished):
            self._left.pop(event.block.planned.index, None)
            self._measured[case_and_pass(event.block.planned)].append(seconds_of(event.block))
        elif isinstance(event, events.TargetSkipped | events.TargetLost):
            self._left = {index: one for index, one in self._left.items() if one.case.target != event.target}

    @property
    def seconds(self) -> float:
        """Expected seconds until the last known block is measured.

        A case counts with the mean of its measured blocks; one that was not measured yet counts with its estimate,
        multiplied by how much longer than estimated the others took.
        """
        by_target: dict[str, float] = defaultdict(float)
        correction = self._correction()
        for block in self._left.values():
            key = case_and_pass(block)
            found = self._measured.get(key)
            own = sum(found) / len(found) if found else self._expected.get(key, 0.0) * correction
            by_target[block.case.target] += own
        return wall_of(by_target, self._targets)

    def _correction(self) -> float:
        """How much longer the measured blocks took than estimated; 1 if nothing can be compared."""
        pairs = [(sum(found), self._expected.get(key, 0.0) * len(found)) for key, found in self._measured.items()]
        known = [(took, expected) for took, expected in pairs if expected > 0]
        return sum(took for took, _ in known) / sum(expected for _, expected in known) if known else 1.0


def seconds_of(block: Block) -> float:
    """How long a block took, without waiting for its turn."""
    seconds = (block.ended_at - block.started_at).total_seconds() - block.spent_ms.get("gate", 0.0) / 1000
    return max(seconds, 0.0)


def _of_case(
    block: PlannedBlock, blocks: int, earlier: Sequence[float], unsupported: str | None, dependencies: Dependencies
) -> CaseEstimate:
    case = block.case
    engine = dependencies.engine_of(case)
    if unsupported:
        return CaseEstimate(case, block.pass_, blocks, 0.0, unsupported, measured_before=False)
    if earlier:
        seconds = median(earlier[:_RECENT])
        return CaseEstimate(case, block.pass_, blocks, blocks * seconds, None, measured_before=True)
    seconds = _AROUND_SECONDS[engine.kind] + engine.start_seconds + block.rule.max_seconds
    if case.gpu == "software":
        seconds += _SOFTWARE_GPU_SECONDS
    seconds += registry.of_pass(block.pass_).extra_seconds
    if window := block.conditions.energy:
        seconds += 2 * window.idle_seconds
    if limit := block.rule.time_limit_seconds:
        seconds = min(seconds, _AROUND_SECONDS[engine.kind] + limit)
    return CaseEstimate(case, block.pass_, blocks, blocks * seconds, None, measured_before=False)
