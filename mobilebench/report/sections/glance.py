"""At a glance: the fastest native and the fastest web case of each model and target, and the gap between them."""

from __future__ import annotations

from mobilebench.analysis.findings import Fastest, fastest
from mobilebench.analysis.gaps import Gap
from mobilebench.analysis.labels import case_label, duration, ratio
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report.phrases import ratio_range, rounds
from mobilebench.report.views import RunView, opens

_COLUMNS = (
    doc.Column("Target and model", "name"),
    doc.Column("Native", style="native"),
    doc.Column("Web", style="web"),
    doc.Column("Gap", "number", style="big"),
)


def section(view: RunView) -> doc.Section | None:
    """The fastest cases side by side; None if nothing was timed."""
    found = [one for one in map(fastest, view.groups) if one.cases]
    if not found:
        return None
    table = doc.Table(
        "glance",
        _COLUMNS,
        tuple(_row(view, one) for one in found),
        caption="Fastest native and fastest web case of each model and target",
        hide_caption=True,
        forms=doc.HTML,
    )
    return doc.Section(
        "glance",
        "At a glance",
        (table,),
        lead="The fastest native and the fastest web case of each model, by their typical prediction, in milliseconds. "
        "A number opens its proof.",
    )


def _row(view: RunView, one: Fastest) -> doc.Row:
    group, info = one.group, one.group.target.info
    anchor = next(target.anchor for target in view.targets if target.target is group.target)
    name: doc.Text = (
        doc.Link(group.model, f"#{view.anchor_of(group)}"),
        *((" ", doc.VirtualMark()) if info.virtual else ()),
    )
    where: doc.Text = (doc.Link(info.name, f"#{anchor}"), f" ({info.id})")
    head = doc.Cell(name, (f"{group.precision}, batch {group.batch}", where))
    return doc.Row((head, _side(view, one.native), _side(view, one.web), _gap(one.gap)), virtual=info.virtual)


def _side(view: RunView, case: CaseSummary | None) -> doc.Cell | None:
    if case is None:
        return None
    doubt = f", {case.status}" if case.status != "valid" else ""
    value = case.stages["prediction"].value
    return doc.Cell(
        opens(view.panels, case, duration(value)), (f"{case_label(case.case, browser=False)}{doubt}",), value
    )


def _gap(gap: Gap | None) -> doc.Cell | None:
    found = gap.ratios.get("prediction") if gap else None
    if gap is None or found is None:
        return None
    details = tuple(filter(None, (ratio_range(found), rounds(gap))))
    return doc.Cell(ratio(found.value), details, found.value)
