"""Pools the targets of a group, such as all phones with one SoC: the mean over targets and the spread between them.

Pooled are only cases that are equal but for the target, ran under the same conditions in the same context, and with the
same version of the engine. Virtual and real targets are never in one group (`grouping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mobilebench.analysis.grouping import DEFAULT, TargetGroup, group_targets
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import Case, Conditions, Context, PlannedBlock
from mobilebench.statistics.estimates import Interval, geometric_mean

Regime = tuple[Context, Conditions]
"""What started the blocks of a case, and their conditions without the gates, which only say when they may begin."""


@dataclass(frozen=True)
class Pooled:
    """The predictions of one case on all targets of a group that ran it alike."""

    case: Case
    """The case on the first of them."""
    version: str | None
    """The engine's version."""
    regime: Regime
    members: tuple[tuple[TargetSummary, CaseSummary], ...]
    """Each target with its case."""

    @property
    def values(self) -> tuple[float, ...]:
        """The typical prediction of each target in milliseconds."""
        return tuple(case.stages["prediction"].value for _, case in self.members)

    @property
    def mean(self) -> float:
        """Geometric mean over the targets, in milliseconds."""
        return geometric_mean(self.values)

    @property
    def spread(self) -> Interval:
        """The fastest and the slowest target."""
        return Interval(min(self.values), max(self.values))

    @property
    def browsers(self) -> tuple[str, ...]:
        """The versions of the browser that ran it; more than one if the targets have different ones."""
        answers = [case.measurement for _, case in self.members]
        found = [answer.proof.browser_version for answer in answers if answer and answer.proof.browser_version]
        return tuple(dict.fromkeys(found))

    @property
    def suspect(self) -> bool:
        """Whether a case of one of the targets is suspect."""
        return any(case.status == "suspect" for _, case in self.members)

    @property
    def model(self) -> tuple[str, str, int]:
        """Model, precision and batch."""
        return self.case.model, self.case.precision, self.case.batch

    @property
    def engine(self) -> tuple[str, str]:
        """Engine and backend."""
        return self.case.engine, self.case.backend

    @property
    def way(self) -> tuple[object, ...]:
        """What must be equal for a comparison with another group: everything but the target."""
        return replace(self.case, target=""), self.version, self.regime[0], self.regime[1].model_dump_json()


@dataclass(frozen=True)
class GroupSummary:
    """One group of targets with its pooled cases."""

    group: TargetGroup
    pooled: tuple[Pooled, ...]

    def fastest(self, model: tuple[str, str, int], engine: tuple[str, str] | None = None) -> Pooled | None:
        """The fastest way to run a model, on one engine and backend or on any."""
        found = (one for one in self.pooled if one.model == model and engine in (None, one.engine))
        return min(found, key=lambda one: one.mean, default=None)

    def fastest_by_task(self) -> dict[str, Pooled]:
        """Each task to its fastest model, with the way that runs it fastest; without models whose task is not known."""
        tasks: dict[str, Pooled] = {}
        for model in dict.fromkeys(one.model for one in self.pooled):
            found, task = self.fastest(model), task_of(model[0])
            if found and task and (task not in tasks or found.mean < tasks[task].mean):
                tasks[task] = found
        return tasks


def by_group(summary: RunSummary, by: str = DEFAULT) -> tuple[GroupSummary, ...]:
    """The groups of a run with their pooled cases; a group without a time that counts has none.

    Raises:
        BadInput: there is no such grouping.
    """
    return tuple(GroupSummary(group, tuple(_pool(group.targets))) for group in group_targets(summary.targets, by))


def engines(groups: Sequence[GroupSummary]) -> list[tuple[str, str]]:
    """Every engine with its backend, in the order of the report."""
    return list(dict.fromkeys(one.engine for group in groups for one in group.pooled))


def task_of(model: str) -> str | None:
    """What a model is for, such as `image classification`, as the registry declares; None for a model that it lacks."""
    from mobilebench.core.errors import BadInput
    from mobilebench.models import registry

    try:
        return registry.get(model).task
    except BadInput:
        return None


def _pool(targets: Iterable[TargetSummary]) -> Iterable[Pooled]:
    found: dict[tuple[object, ...], Pooled] = {}
    for target in targets:
        for case in target.plain:
            if (one := _alone(target, case)) is None:
                continue
            same = found.get(one.way)
            found[one.way] = replace(same, members=(*same.members, *one.members)) if same else one
    return found.values()


def _alone(target: TargetSummary, case: CaseSummary) -> Pooled | None:
    """A case by itself; None if it has no prediction that counts, or if its blocks ran under different conditions."""
    answer = case.measurement
    regimes = [_regime(b.block.planned) for b in case.counted]
    if "prediction" not in case.stages or answer is None or any(one != regimes[0] for one in regimes):
        return None
    return Pooled(case.case, answer.version, regimes[0], ((target, case),))


def _regime(planned: PlannedBlock) -> Regime:
    return planned.context, planned.conditions.model_copy(update={"gates": None})
