"""The data from which sections are built: a run, or one model on one target, with anchors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mobilebench.analysis.gaps import GapGroup, gaps
from mobilebench.analysis.labels import model_label
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.report.document import Section

FOLDED_FROM = 80
"""Number of cases in a run from which the models in the report are folded."""
DETAILED_UP_TO = 800
"""The most passes beside timing for which the report has tables by type, node, stage and kernel."""


@dataclass(frozen=True)
class ModelView:
    """One model on one target."""

    run: RunSummary
    target: TargetSummary
    cases: tuple[CaseSummary, ...]
    group: GapGroup
    """Its native-to-web gaps."""
    anchor: str
    unfolded: bool
    """Whether it is unfolded when the page opens."""
    detailed: bool
    """Whether the report has tables by type, node, stage and kernel."""
    panels: dict[str, str]
    """Key of a case that ran to the id of its proof."""

    @property
    def title(self) -> str:
        return model_label(self.group.model, self.group.precision, self.group.batch)

    @property
    def mark(self) -> str | None:
        """The SoC under which a virtual target's results are filed; None for a real target."""
        return self.target.soc if self.target.info.virtual else None

    @property
    def ran(self) -> tuple[CaseSummary, ...]:
        """Cases that have a measurement, or blocks that failed."""
        return tuple(filter(ran, self.cases))

    def caption(self, what: str) -> str:
        """Such as `Kernels of mobilenet_v2 fp32, batch 1 on example-pc`."""
        return f"{what} of {self.title} on {self.target.info.name}"


@dataclass(frozen=True)
class TargetView:
    """One target with its models."""

    target: TargetSummary
    anchor: str
    models: tuple[ModelView, ...]


ModelSection = Callable[[ModelView], Section | None]
"""Makes one section of one model on one target; returns None if there is nothing to show."""


@dataclass(frozen=True)
class RunView:
    """A whole run."""

    run: RunSummary
    groups: tuple[GapGroup, ...]
    targets: tuple[TargetView, ...]
    model_sections: tuple[ModelSection, ...]
    """The sections of each model on each target, in order."""

    def anchor_of(self, group: GapGroup) -> str:
        """The anchor of a model on a target."""
        return next(model.anchor for target in self.targets for model in target.models if model.group is group)


RunSection = Callable[[RunView], Section | None]
"""Makes one section of the whole run; returns None if there is nothing to show."""


def view(summary: RunSummary, model_sections: Sequence[ModelSection]) -> RunView:
    """Make the view of a run, with its gaps and anchors."""
    groups = gaps(summary)
    cases = [case for target in summary.targets for case in target.cases]
    panels = {case.case.key: f"proof-{number}" for number, case in enumerate(filter(ran, cases), 1)}
    unfolded = len(cases) < FOLDED_FROM
    detailed = sum(len(case.watched) for case in cases) <= DETAILED_UP_TO
    targets = []
    for number, target in enumerate(summary.targets, 1):
        anchor, models = f"target-{number}", target.by_model()
        own = [group for group in groups if group.target is target]
        views = (
            ModelView(
                run=summary,
                target=target,
                cases=models[group.model, group.precision, group.batch],
                group=group,
                anchor=f"{anchor}-{n}",
                unfolded=unfolded,
                detailed=detailed,
                panels=panels,
            )
            for n, group in enumerate(own, 1)
        )
        targets.append(TargetView(target, anchor, tuple(views)))
    return RunView(summary, groups, tuple(targets), tuple(model_sections))


def ran(case: CaseSummary) -> bool:
    """Whether a case has a measurement, or blocks that failed."""
    return case.measurement is not None or case.status not in ("unsupported", "not measured")
