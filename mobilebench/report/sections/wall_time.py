"""How the wall time of the run was spent, by target and purpose."""

from __future__ import annotations

from mobilebench.report import document as doc
from mobilebench.report.sections.targets import named
from mobilebench.report.views import RunView


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
    return doc.Section("time", "How the wall time was spent", (first, table))
