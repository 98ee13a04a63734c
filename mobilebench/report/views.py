"""The data from which sections are built: a run, one model on one target, or one case, with its names and anchors."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.analysis.gaps import GapGroup, gaps
from mobilebench.analysis.labels import case_details, case_label, engine_label, model_label
from mobilebench.analysis.page_advice import KEEP
from mobilebench.analysis.summary import CaseSummary, PassSummary, RunSummary, TargetSummary
from mobilebench.core.axes import AXES, ON_SCENARIOS
from mobilebench.core.records import Case, Pass, Series
from mobilebench.recorders.registry import IN_ENGINE, declarations
from mobilebench.reference.published import Reference
from mobilebench.report import document as doc

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

    def case(self, case: Case) -> CaseSummary:
        """The summary of one of its cases."""
        return next(one for one in self.cases if one.case == case)

    def caption(self, what: str) -> str:
        """Such as `Kernels of mobilenet_v2 fp32, batch 1 on example-pc`."""
        return f"{what} of {self.title} on {self.target.info.name}"


@dataclass(frozen=True)
class TargetView:
    """One target with its models."""

    target: TargetSummary
    anchor: str
    models: tuple[ModelView, ...]


ModelSection = Callable[[ModelView], doc.Section | None]
"""Makes one section of one model on one target; returns None if there is nothing to show."""


@dataclass(frozen=True)
class RunView:
    """A whole run."""

    run: RunSummary
    groups: tuple[GapGroup, ...]
    targets: tuple[TargetView, ...]
    model_sections: tuple[ModelSection, ...]
    """The sections of each model on each target, in order."""
    panels: dict[str, str]
    """Key of a case that ran to the id of its proof."""
    reference: Reference | None = None
    """Published numbers to set beside those of the run, if they were asked for."""
    group_by: str | None = None
    """The fact by which targets are grouped (`analysis.grouping`); None: none was asked for."""
    keep: float = KEEP
    """The share of a page's frames and runs per minute that has to be left beside inference."""

    def anchor_of(self, group: GapGroup) -> str:
        """The anchor of a model on a target."""
        return next(model.anchor for target in self.targets for model in target.models if model.group is group)


RunSection = Callable[[RunView], doc.Section | None]
"""Makes one section of the whole run; returns None if there is nothing to show."""


def view(
    summary: RunSummary,
    model_sections: Sequence[ModelSection],
    reference: Reference | None = None,
    group_by: str | None = None,
    *,
    proofs: bool = True,
    keep: float = KEEP,
) -> RunView:
    """Make the view of a run, with its gaps and anchors. Without `proofs`, no case has one."""
    groups = gaps(summary)
    cases = [case for target in summary.targets for case in target.cases]
    shown = filter(ran, cases) if proofs else ()
    panels = {case.case.key: f"proof-{number}" for number, case in enumerate(shown, 1)}
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
    return RunView(summary, groups, tuple(targets), tuple(model_sections), panels, reference, group_by, keep)


def target_names(run: RunSummary) -> dict[str, str]:
    """Id of each target to its name, with the id if several targets have that name."""
    names = [target.info.name for target in run.targets]
    return {
        target.info.id: f"{target.info.name} ({target.info.id})"
        if names.count(target.info.name) > 1
        else target.info.name
        for target in run.targets
    }


def ran(case: CaseSummary) -> bool:
    """Whether a case has a measurement, or blocks that failed."""
    return case.measurement is not None or case.status not in ("unsupported", "not measured")


THREADS = doc.Column(AXES["threads"].title.capitalize(), "number", short="thr", forms=doc.TERMINAL)
"""The terminal has threads in a column; elsewhere they are among the details of a case."""


def pass_title(of: Pass) -> str:
    """The heading of a pass, which its recorder declares."""
    return IN_ENGINE[of].declaration.title if of in IN_ENGINE else of.capitalize()


def series_title(series: Series) -> str:
    """The name of a series, which its recorder declares, such as `CPU temperature`."""
    return quantity_title(series.recorder, series.name, series.unit)


def quantity_title(recorder: str, name: str, unit: str) -> str:
    """The name of a recorder's quantity, which the recorder declares."""
    declared = declarations().get(recorder)
    if declared is None:
        return f"{recorder} {name}"
    titles = {quantity.key: quantity.title for quantity in declared.quantities}
    return titles.get((name, unit), f"{declared.title}, {name}")


def case_column(terminal: str, title: str = "Case") -> doc.Column:
    """The column that names the case; the terminal shows the name of the table as its title."""
    return doc.Column(title, "name", short=terminal)


def case_cell(view: ModelView, case: CaseSummary) -> doc.Cell:
    """Engine, backend and its options, with the other details that identify the case.

    The terminal omits the browser if the target has only one.
    """
    browsers = {one.case.browser for one in view.target.cases if one.case.browser}
    short = [engine_label(case.case), *case_details(case.case, browser=len(browsers) > 1, threads=False)]
    return doc.Cell(
        engine_label(case.case),
        tuple(case_details(case.case)),
        markdown=case_label(case.case),
        terminal=", ".join(short),
    )


def subject(case: CaseSummary) -> doc.Subject:
    """A case as the subject of a remark."""
    return doc.Subject(case_label(case.case), engine_label(case.case), case.case.engine, case.case.model)


def facets(case: CaseSummary) -> doc.Facets:
    """What the rows of a case are filtered by."""
    return doc.Facets(case.case.engine, case.status)


def opens(panels: Mapping[str, str], case: CaseSummary, text: str) -> doc.Span:
    """A number of a case, which opens the case's proof; `panels` maps keys of cases to ids of proofs."""
    panel = panels.get(case.case.key)
    return doc.Opens(text, panel) if panel else text


def missing_pass(cases: Sequence[CaseSummary], watched: Pass, shown: Container[str]) -> doc.Remarks:
    """Why a planned pass cannot be shown, for each case whose key is not in `shown`.

    Reasons that are already given with the results are omitted.
    """
    remarks = tuple(
        doc.Remark(subject(case), case.watched[watched].status, (_why_missing(case.watched[watched], watched),))
        for case in cases
        if watched in case.watched and case.case.key not in shown and not _in_results(case, case.watched[watched])
    )
    return doc.Remarks(f"missing-{watched}", remarks, watched)


def _in_results(case: CaseSummary, entry: PassSummary) -> bool:
    """Whether the results give the reason already: the case was not timed, or is unsupported for the same reason."""
    same = set(entry.reasons) <= set(case.reasons)
    return same and (not case.timed or case.status == entry.status == "unsupported")


def _why_missing(entry: PassSummary, watched: Pass) -> str:
    if entry.reasons:
        return " ".join(entry.reasons)
    if not entry.blocks:
        return "The run ended before it was recorded."
    return "The profiler reported no kernel." if watched == "kernels" else "Nothing could be read."


def every_case(summary: RunSummary) -> Iterator[tuple[TargetSummary, CaseSummary]]:
    """Every case with its target, in the order of the report."""
    return ((target, case) for target in summary.targets for case in target.cases)


_MAIN_AXES = tuple(
    name
    for name, axis in AXES.items()
    if name != "target" and name not in ON_SCENARIOS and (axis.always or axis.default is None)
)
"""Axes that every case mentions, including the options of its engine."""
IDENTITY = ("run", "target", "virtual", "soc", *_MAIN_AXES)
"""CSV columns that identify the case of a row."""
FURTHER_AXES = tuple(name for name in AXES if name not in ("target", *_MAIN_AXES))
"""CSV columns of the other axes, which have their default in most cases."""
OUTCOME = ("outcome", "verdict", "reasons")


def identity(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> tuple[doc.Value, ...]:
    """Values of the columns `IDENTITY`."""
    where = (summary.info.id, target.info.id, target.info.virtual, target.soc)
    return *where, *(getattr(case.case, name) for name in _MAIN_AXES)


def further_axes(case: CaseSummary) -> tuple[doc.Value, ...]:
    """Values of the columns `FURTHER_AXES`."""
    return tuple(getattr(case.case, name) for name in FURTHER_AXES)


def outcome(of: CaseSummary | PassSummary) -> tuple[doc.Value, ...]:
    """Values of the columns `OUTCOME`; only measured cases have a verdict."""
    verdict = of.status if of.status in ("valid", "suspect", "invalid") else None
    return "measured" if verdict else of.status, verdict, " ".join(of.reasons)


def csv_columns(names: Sequence[str]) -> tuple[doc.Column, ...]:
    """Columns that appear only in CSV."""
    return tuple(doc.Column(name) for name in names)
