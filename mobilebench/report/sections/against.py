"""Our numbers beside published ones: ours, the published one and their ratio for each cell, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mobilebench.analysis.labels import case_label, percent, ratio
from mobilebench.analysis.published import Beside, Comparison, SharesBeside, compare
from mobilebench.analysis.summary import STAGES, RunSummary, TargetSummary
from mobilebench.core.errors import as_sentence
from mobilebench.core.records import Stage
from mobilebench.reference.published import KernelShare, Latency, Reference
from mobilebench.report import document as doc
from mobilebench.report.phrases import milliseconds, plural, range_text, share, times
from mobilebench.report.sections.study import Notes, ratio_ends
from mobilebench.report.views import FURTHER_AXES, IDENTITY, RunView, csv_columns, further_axes, identity

CSV_COLUMNS = (
    *IDENTITY, "stage", "kernel", "own", "own_low", "own_high", "unit", "status", "published", "table", "ratio",
    "ratio_low", "ratio_high", "doubt", *FURTHER_AXES,
)  # fmt: skip
"""One row for each cell. `published` is empty if the study found a model not supported; `ratio` is ours over published;
its interval is from ours alone.
"""


def section(view: RunView) -> doc.Section | None:
    """What differs, the cells of each target, and what has no counterpart; None if no reference was asked for."""
    return _section(view.run, compare(view.run, view.reference)) if view.reference else None


def data(view: RunView) -> doc.Section | None:
    """`against_NAME.csv`; None if no reference was asked for."""
    if view.reference is None:
        return None
    found = compare(view.run, view.reference)
    rows = (*_latency_data(view.run, found), *_share_data(view.run, found))
    name = f"against_{view.reference.name}.csv"
    table = doc.Table("against-data", csv_columns(CSV_COLUMNS), rows, csv=name, forms=doc.CSV)
    return doc.Section("against-data", blocks=(table,), style="part") if rows else None


def _section(run: RunSummary, found: Comparison) -> doc.Section:
    declared = found.reference.declared
    lead = (
        f"Numbers of this run beside those of {declared.citation}. They were measured on other hardware, with other "
        "versions and by other methods, so that a ratio says how far two numbers are apart and nothing about which is "
        "better or right."
    )
    nothing = doc.Paragraph("No case of this run has a published counterpart.", "empty", forms=doc.PAPER)
    blocks = [
        *([_conditions(found)] if found.rows else [nothing]),
        *(doc.Paragraph(note, "small", forms=doc.PAPER) for note in declared.notes),
    ]
    targets = tuple(_target(target, found) for target in run.targets if _has(target, found))
    return doc.Section(
        "against", f"Against published numbers: {found.reference.name}", tuple(blocks),
        (*targets, _without(found)), lead=lead,
    )  # fmt: skip


def _has(target: TargetSummary, found: Comparison) -> bool:
    return any(row.target is target for row in found.rows)


def _conditions(found: Comparison) -> doc.Table:
    columns = (doc.Column("Condition", "name"), doc.Column("This run"), doc.Column("Published"))
    rows = tuple(doc.Row((one.what, one.own, one.published)) for one in found.conditions)
    return doc.Table("conditions", columns, rows, "What differs", forms=doc.PAPER)


def _target(target: TargetSummary, found: Comparison) -> doc.Section:
    shares = [one for one in found.shares if one.table.target is target]
    blocks = [_latency(target, found), *([_shares(target, found.reference, shares)] if shares else [])]
    mark = target.soc if target.info.virtual else None
    return doc.Section(
        f"against-{target.info.id}", target.info.name, tuple(blocks), lead=target.info.id, style="part", mark=mark
    )


def _latency(target: TargetSummary, found: Comparison) -> doc.Table:
    notes = Notes(
        "Milliseconds; ours is the geometric mean of the block medians with its 95 % interval, and the interval of the "
        "ratio is from ours alone. Doubtful published cells have a note."
    )
    columns = [doc.Column("Case", "name")]
    for stage in STAGES:
        columns += [doc.Column(name, "number", group=stage.capitalize()) for name in ("Ours", "Published", "Ratio")]
    rows = []
    for row in found.rows:
        if row.target is target:
            cells = [cell for stage in STAGES for cell in _cells(row, stage, found.reference, notes)]
            tables = ", ".join(dict.fromkeys(cell.table for cell in row.cells.values()))
            name = doc.Cell(row.case.case.model, (case_label(row.case.case), f"table {tables}"))
            rows.append(doc.Row((name, *cells)))
    return doc.Table(
        "against", tuple(columns), tuple(rows), f"Times beside the published ones on {target.info.name}", notes.text(),
        style="dense", forms=doc.PAPER,
    )  # fmt: skip


def _cells(row: Beside, stage: Stage, reference: Reference, notes: Notes) -> Iterable[doc.Value]:
    own = row.case.stages.get(stage)
    if own:
        ends = (range_text(own.interval.low, own.interval.high),) if own.interval else ()
        doubt = ("suspect",) if row.case.status == "suspect" else ()
        yield doc.Cell(milliseconds(own.value), (*ends, *doubt), own.value)
    elif row.case.status == "not measured":
        yield None
    else:
        yield doc.Cell(row.case.status, (notes.mention(" ".join(map(as_sentence, row.case.reasons))),))
    cell = row.cells.get(stage)
    yield _published(cell, milliseconds(cell.latency_ms), reference, notes) if cell else None
    found = row.ratio(stage)
    yield doc.Cell(ratio(found), ratio_ends(row.interval(stage)), found) if found is not None else None


def _published(cell: Latency | KernelShare, shown: str, reference: Reference, notes: Notes) -> doc.Cell:
    doubts = tuple(f"doubtful: {notes.mention(reason)}" for reason in reference.doubts(cell))
    missing = isinstance(cell, Latency) and cell.latency_ms is None
    return doc.Cell("not supported" if missing else shown, doubts)


def _shares(target: TargetSummary, reference: Reference, shares: Iterable[SharesBeside]) -> doc.Table:
    notes = Notes(
        "Share of a kernel in the time of all kernels, as mean over models. The study does not say over which models "
        "its shares are; ours name theirs. Einsum is matmul + reshape + transpose here."
    )
    columns = (
        doc.Column("Case", "name"),
        doc.Column("Kernel"),
        doc.Column("Models"),
        doc.Column("Ours", "number"),
        doc.Column("Published", "number"),
        doc.Column("Ratio", "number"),
    )
    rows = []
    for one in shares:
        way = doc.Cell(case_label(one.way), (one.table.stage, f"table {one.cell.table}"))
        models = ", ".join(name for name, *_ in one.table.common)
        percents = one.cell.share_percent
        published = _published(one.cell, share(None if percents is None else percents / 100), reference, notes)
        own = doc.Cell(percent(one.own), ("suspect",) if one.way in one.table.suspect else ())
        rows.append(doc.Row((way, one.cell.kernel, models, own, published, times(one.ratio))))
    caption = f"Shares of kernels beside the published ones on {target.info.name}"
    return doc.Table("against-kernels", columns, tuple(rows), caption, notes.text(), style="dense", forms=doc.PAPER)


def _without(found: Comparison) -> doc.Section:
    """What has no counterpart on the other side."""
    own: dict[str, list[str]] = {}
    for target, case, reason in found.alone:
        own.setdefault(reason, []).append(f"{case.case.model} on {case_label(case.case)} ({target.info.id})")
    ours = tuple(f"{reason}: {plural(len(cases), 'case')} ({'; '.join(cases)})" for reason, cases in own.items())
    theirs = tuple(f"{what}: {plural(count, 'cell')}" for what, count in found.unmatched)
    folds = (
        *_listed("Cases of this run without a published counterpart", ours),
        *_listed("Published columns that this run did not measure", theirs),
    )
    return doc.Section("against-without", "Without a counterpart", folds, style="part")


def _listed(title: str, items: tuple[str, ...]) -> Iterator[doc.Block]:
    if items:
        heading = doc.Heading(title, forms=doc.PAPER - doc.HTML)
        shown = doc.Items(items, forms=doc.PAPER)
        yield doc.Fold(f"{title} ({len(items)})", (heading, shown), forms=doc.PAPER)


def _latency_data(run: RunSummary, found: Comparison) -> Iterator[doc.Row]:
    for row in found.rows:
        for stage, cell in row.cells.items():
            own, ends = row.case.stages.get(stage), row.interval(stage)
            interval = own.interval if own else None
            values: tuple[doc.Value, ...] = (
                *identity(run, row.target, row.case), stage, None,
                own.value if own else None, interval.low if interval else None, interval.high if interval else None,
                "ms", row.case.status, cell.latency_ms, cell.table, row.ratio(stage),
                ends.low if ends else None, ends.high if ends else None, " ".join(found.reference.doubts(cell)),
                *further_axes(row.case),
            )  # fmt: skip
            yield doc.Row(values)


def _share_data(run: RunSummary, found: Comparison) -> Iterator[doc.Row]:
    for one in found.shares:
        info = one.table.target.info
        where: tuple[doc.Value, ...] = (run.info.id, info.id, info.virtual, one.table.target.soc)
        over_models = {"model": None, "precision": None, "batch": None}
        axes = (over_models.get(name, getattr(one.way, name)) for name in IDENTITY[4:])
        percents = one.cell.share_percent
        status = "suspect" if one.way in one.table.suspect else "valid"
        values: tuple[doc.Value, ...] = (
            *where, *axes, one.table.stage, one.cell.kernel, 100 * one.own, None, None, "%", status, percents,
            one.cell.table, one.ratio, None, None, " ".join(found.reference.doubts(one.cell)),
            *(getattr(one.way, name) for name in FURTHER_AXES),
        )  # fmt: skip
        yield doc.Row(values)
