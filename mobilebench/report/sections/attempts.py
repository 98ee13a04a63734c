"""Blocks that waited at their gate or were stopped because of heat, and `blocks.csv` with every block."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.labels import case_label, model_label
from mobilebench.analysis.summary import BlockSummary, CaseSummary
from mobilebench.core.records import Gate, Reason, Stopped
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.sections.targets import named
from mobilebench.verdicts.stopped import judge_stopped

MOST_ROWS = 60
"""The most attempts that the table shows; `blocks.csv` has all."""

_COLUMNS = (
    doc.Column("Target", "name"),
    doc.Column("Case", "name"),
    doc.Column("Round", "number"),
    doc.Column("Attempt", "number"),
    doc.Column("Gate"),
    doc.Column("Waited", "number", unit="s"),
    doc.Column("Last reading"),
    doc.Column("Verdict"),
)
CSV_COLUMNS = (
    *views.IDENTITY,
    "pass",
    "round",
    "block",
    "attempt",
    "status",
    "codes",
    "started_at",
    "gate",
    "gate_waited_s",
    "gate_readings",
    "stopped_by",
    "stopped_celsius",
    "stop_above_celsius",
    "gate_and_turn_s",
    "measured_s",
    *views.FURTHER_AXES,
)
"""`gate_waited_s` is the wait for the gate of that attempt; `gate_and_turn_s` that for all gates of the block and for
its turn. A stopped attempt has no measured time."""


def section(view: views.RunView) -> doc.Section | None:
    """The attempts that waited, that began although a limit did not hold, or that were stopped."""
    rows = []
    for target, case in views.every_case(view.run):
        mark = (" ", doc.VirtualMark()) if target.info.virtual else ()
        name = doc.Cell((target.info.id, *mark), markdown=named(target))
        shown = f"{model_label(case.case.model, case.case.precision, case.case.batch)}, {case_label(case.case)}"
        for block in _blocks(case):
            rows += [
                doc.Row((name, shown, block.round, *cells), virtual=target.info.virtual) for cells in _cells(block)
            ]
    if not rows:
        return None
    left = len(rows) - MOST_ROWS
    note = "An attempt that was stopped because of heat is invalid and in no statistic."
    more = f" {left} more are in `blocks.csv`." if left > 0 else ""
    table = doc.Table(
        "attempts",
        _COLUMNS,
        tuple(rows[:MOST_ROWS]),
        "Blocks that waited at their gate or were stopped",
        f"{note}{more}",
        hide_caption=True,
        forms=doc.DOCUMENTS,
    )
    return doc.Section("attempts", "Gates and stopped attempts", (table,))


def _blocks(case: CaseSummary) -> Iterator[BlockSummary]:
    yield from case.blocks
    for entry in case.watched.values():
        yield from entry.blocks


def _cells(block: BlockSummary) -> Iterator[tuple[doc.Value, ...]]:
    """The cells from `Attempt` on: each stopped attempt, and the block itself if it waited or had stopped attempts."""
    stopped = block.block.stopped
    for number, one in enumerate(stopped, 1):
        verdict = judge_stopped(one)
        word = doc.Cell(doc.StatusWord(verdict.status), tuple(_reason(reason) for reason in verdict.reasons))
        yield (number, *_gate(one.gate), word)
    gate = block.block.gate
    if len(stopped) <= Stopped.REPEATS and (stopped or (gate and (gate.waited_ms or gate.outcome != "open"))):
        yield (len(stopped) + 1, *_gate(gate), doc.Cell(doc.StatusWord(block.status)))


def _reason(reason: Reason) -> doc.Span:
    return doc.Sentence(f"{reason.sentence} `{reason.code}`")


def _gate(gate: Gate | None) -> tuple[doc.Value, ...]:
    if gate is None:
        return (None, None, None)
    read = "; ".join(one.describe() for one in gate.closed_by or gate.readings)
    return gate.outcome, doc.Cell(f"{gate.waited_ms / 1000:.0f}", value=gate.waited_ms / 1000), read


def data(view: views.RunView) -> doc.Section | None:
    """`blocks.csv`: a row for each block that was run, and for each attempt that was stopped."""
    rows = []
    for target, case in views.every_case(view.run):
        identity, further = views.identity(view.run, target, case), views.further_axes(case)
        for block in _blocks(case):
            planned = block.block.planned
            where = (*identity, planned.pass_, planned.round, planned.index)
            rows += [doc.Row((*where, *values, *further)) for values in _values(block)]
    table = doc.Table("blocks-data", views.csv_columns(CSV_COLUMNS), tuple(rows), csv="blocks.csv", forms=doc.CSV)
    return doc.Section("blocks-data", blocks=(table,), style="part")


def _values(block: BlockSummary) -> Iterator[tuple[doc.Value, ...]]:
    """The values of the columns from `attempt` to `measured_s`."""
    of = block.block
    for number, one in enumerate(of.stopped, 1):
        verdict = judge_stopped(one)
        yield (
            *(number, verdict.status, " ".join(verdict.codes), one.started_at.isoformat(timespec="milliseconds")),
            *_gate_values(one.gate),
            *(one.source, one.celsius, one.limit, None, None),
        )
    if len(of.stopped) <= Stopped.REPEATS:
        codes = " ".join(of.verdict.codes) if of.verdict else None
        spent = [None if ms is None else ms / 1000 for ms in (of.spent_ms.get("gate"), of.spent_ms.get("measure"))]
        yield (
            *(len(of.stopped) + 1, block.status, codes, of.started_at.isoformat(timespec="milliseconds")),
            *_gate_values(of.gate),
            *(None, None, None, *spent),
        )


def _gate_values(gate: Gate | None) -> tuple[doc.Value, ...]:
    if gate is None:
        return (None, None, None)
    return gate.outcome, gate.waited_ms / 1000, "; ".join(one.describe() for one in gate.readings) or None
