"""How the wall time of the run was spent, by target and purpose."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.report.sections.targets import named
from mobilebench.report.views import RunView, every_case


def section(view: RunView) -> doc.Section | None:
    """The share of the time spent on measuring, and seconds by purpose."""
    time = view.run.time
    share = time.measured_share
    if share is None:
        first = doc.Paragraph("No block was run.", "empty", forms=doc.DOCUMENTS)
    else:
        over = "" if time.machines == 1 else f", over {time.machines} machines at a time"
        sentence = f"{share * 100:.0f} % of {time.wall / 1000:.0f} s was spent inside measured stages{over}."
        first = doc.Paragraph(sentence, "lead", forms=doc.DOCUMENTS)
    columns = (doc.Column("Target", "name"), *(doc.Column(what, "number", unit="s") for what in time.spent))
    rows = []
    for target in view.run.targets:
        mark = (" ", doc.VirtualMark()) if target.info.virtual else ()
        name = doc.Cell((target.info.id, *mark), markdown=named(target))
        seconds = (doc.Cell(f"{value / 1000:.1f}", value=value / 1000) for value in target.spent.values())
        rows.append(doc.Row((name, *seconds), virtual=target.info.virtual))
    table = doc.Table(
        "plain", columns, tuple(rows), "Seconds by target and purpose", hide_caption=True, forms=doc.DOCUMENTS
    )
    return doc.Section("time", "How the wall time was spent", (first, *_heat(view), table))


def _heat(view: RunView) -> Iterator[doc.Paragraph]:
    """How many attempts were stopped, and how many blocks began although their gate was not open."""
    blocks = [block.block for _, case in every_case(view.run) for block in case.blocks]
    stopped = sum(len(block.stopped) for block in blocks)
    marked = sum(block.gate is not None and block.gate.outcome == "marked" for block in blocks)
    skipped = sum(block.gate is not None and block.gate.outcome == "skipped" for block in blocks)
    counts = (
        (stopped, f"{plural(stopped, 'attempt')} stopped because of heat"),
        (marked, f"{plural(marked, 'block')} measured although the target was not ready in time"),
        (skipped, f"{plural(skipped, 'block')} skipped because the target was not ready in time"),
    )
    if found := [text for count, text in counts if count]:
        yield doc.Paragraph(f"{', '.join(found)}.", "small", forms=doc.DOCUMENTS)
