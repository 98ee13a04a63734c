"""Names cases in sections, explains why one cannot be shown, and identifies it in CSV files."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from mobilebench.analysis.labels import case_details, case_label, engine_label
from mobilebench.analysis.summary import CaseSummary, PassSummary, RunSummary, TargetSummary
from mobilebench.core.axes import AXES
from mobilebench.core.records import Pass
from mobilebench.report.document import TERMINAL, Cell, Column, Remark, Remarks, Subject, Value
from mobilebench.report.views import ModelView

THREADS = Column("Threads", "number", short="thr", forms=TERMINAL)
"""The terminal has threads in a column; elsewhere they are among the details of a case."""


def case_column(terminal: str, title: str = "Case") -> Column:
    """The column that names the case; the terminal shows the name of the table as its title."""
    return Column(title, "name", short=terminal)


def case_cell(view: ModelView, case: CaseSummary) -> Cell:
    """Engine, backend and its options, with the other details that identify the case.

    The terminal omits the browser if the target has only one.
    """
    browsers = {one.case.browser for one in view.target.cases if one.case.browser}
    short = [engine_label(case.case), *case_details(case.case, browser=len(browsers) > 1, threads=False)]
    return Cell(
        engine_label(case.case),
        tuple(case_details(case.case)),
        markdown=case_label(case.case),
        terminal=", ".join(short),
    )


def subject(case: CaseSummary) -> Subject:
    """A case as the subject of a remark."""
    return Subject(case_label(case.case), engine_label(case.case), case.case.engine, case.case.model)


def missing_pass(cases: Sequence[CaseSummary], watched: Pass, shown: Container[str]) -> Remarks:
    """Why a planned pass cannot be shown, for each case whose key is not in `shown`.

    Reasons that are already given with the results are omitted.
    """
    remarks = tuple(
        Remark(subject(case), case.watched[watched].status, (_why_missing(case.watched[watched], watched),))
        for case in cases
        if watched in case.watched and case.case.key not in shown and not _in_results(case, case.watched[watched])
    )
    return Remarks(f"missing-{watched}", remarks, watched)


def _in_results(case: CaseSummary, entry: PassSummary) -> bool:
    """Whether the results give the reason already: the case was not timed, or is unsupported for the same reason."""
    same = set(entry.reasons) <= set(case.reasons)
    return same and (not case.timed or case.status == entry.status == "unsupported")


def _why_missing(entry: PassSummary, watched: Pass) -> str:
    if entry.reasons:
        return " ".join(entry.reasons)
    if not entry.blocks:
        return "The run ended before it."
    return "The profiler reported no kernel." if watched == "kernels" else "Nothing could be read."


def every_case(summary: RunSummary) -> Iterator[tuple[TargetSummary, CaseSummary]]:
    """Every case with its target, in the order of the report."""
    return ((target, case) for target in summary.targets for case in target.cases)


_MAIN_AXES = tuple(name for name, axis in AXES.items() if name != "target" and (axis.always or axis.default is None))
"""Axes that every case mentions, including the options of its engine."""
IDENTITY = ("run", "target", "virtual", "soc", *_MAIN_AXES)
"""CSV columns that identify the case of a row."""
FURTHER_AXES = tuple(name for name in AXES if name not in ("target", *_MAIN_AXES))
"""CSV columns of the other axes, which have their default in most cases."""
OUTCOME = ("outcome", "verdict", "reasons")


def identity(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> tuple[Value, ...]:
    """Values of the columns `IDENTITY`."""
    where = (summary.info.id, target.info.id, target.info.virtual, target.soc)
    return *where, *(getattr(case.case, name) for name in _MAIN_AXES)


def further_axes(case: CaseSummary) -> tuple[Value, ...]:
    """Values of the columns `FURTHER_AXES`."""
    return tuple(getattr(case.case, name) for name in FURTHER_AXES)


def outcome(of: CaseSummary | PassSummary) -> tuple[Value, ...]:
    """Values of the columns `OUTCOME`; only measured cases have a verdict."""
    verdict = of.status if of.status in ("valid", "suspect", "invalid") else None
    return "measured" if verdict else of.status, verdict, " ".join(of.reasons)


def csv_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """Columns that appear only in CSV."""
    return tuple(Column(name) for name in names)
