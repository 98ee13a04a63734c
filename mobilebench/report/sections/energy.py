"""Energy of an inference, by method, from windows of an energy pass."""

from __future__ import annotations

from mobilebench.analysis.energy import CaseEnergy, energy
from mobilebench.analysis.labels import case_label
from mobilebench.analysis.summary import CaseSummary
from mobilebench.recorders.energy.quantities import PASS, SCOPES
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.phrases import UNKNOWN
from mobilebench.statistics.estimates import LEAST_BLOCKS, Estimate

Measured = tuple[CaseSummary, CaseEnergy]


def section(view: views.ModelView) -> doc.Section | None:
    """The table of energies, and why one is missing."""
    found = [(case, one) for case in view.cases for one in energy(case)]
    known = {case.case.key for case, _ in found}
    missing = views.missing_pass(view.cases, PASS, known)
    blocks: list[doc.Block] = []
    if found:
        blocks += [_table(view, found), *_limits(found), *_why_missing(found)]
    if missing.remarks:
        blocks.append(missing)
    return doc.Section("energy", blocks=tuple(blocks), style="part") if blocks else None


def _table(view: views.ModelView, found: list[Measured]) -> doc.Table:
    columns = (
        views.case_column("energy"),
        views.THREADS,
        doc.Column("Method", "name"),
        doc.Column("Windows", "number"),
        doc.Column("mJ per inference, gross", "number", short="gross mJ", style="big"),
        doc.Column("mJ per inference, net", "number", short="net mJ", style="big"),
        doc.Column("Power, mW", "number", short="mW"),
        doc.Column("Idle, mW", "number", short="idle mW"),
        doc.Column("New values", "number", forms=doc.DOCUMENTS),
    )
    return doc.Table(
        "energy",
        columns,
        tuple(doc.Row(_cells(view, *one), of=views.facets(one[0])) for one in found),
        view.caption("Energy"),
        "Gross is all energy while an inference ran, net is gross less the power of the idle target. In brackets is "
        f"the 95 % interval of the mean over windows, which needs {LEAST_BLOCKS} windows.",
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )


def _cells(view: views.ModelView, case: CaseSummary, found: CaseEnergy) -> tuple[doc.Value, ...]:
    return (
        views.case_cell(view, case),
        case.case.threads,
        found.method,
        found.windows,
        _with_interval(found.gross_mj),
        _with_interval(found.net_mj),
        _number(found.power_mw),
        _number(found.idle_mw),
        found.updates,
    )


def _with_interval(of: Estimate | None) -> str:
    if of is None:
        return UNKNOWN
    interval = f" ({_number(of.interval.low)} to {_number(of.interval.high)})" if of.interval else ""
    return f"{_number(of.value)}{interval}"


def _number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _limits(found: list[Measured]) -> list[doc.Block]:
    methods = dict.fromkeys(one.method for _, one in found)
    return [doc.Paragraph(doc.Sentence(f"`{method}`: {SCOPES[method]}."), "small") for method in methods]


def _why_missing(found: list[Measured]) -> list[doc.Block]:
    return [
        doc.Paragraph(f"{case_label(case.case)}, {one.method}: {reason}.", "small")
        for case, one in found
        for reason in one.reasons
    ]
