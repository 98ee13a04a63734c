"""At a glance: the fastest native and the fastest web case of each model and target, and the gap between them."""

from __future__ import annotations

from dataclasses import dataclass

from mobilebench.analysis.gaps import Gap, GapGroup
from mobilebench.analysis.labels import case_label, duration, ratio
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report.phrases import ratio_range, rounds
from mobilebench.report.views import RunView

_COLUMNS = (
    doc.Column("Target and model", "name"),
    doc.Column("Native", style="native"),
    doc.Column("Web", style="web"),
    doc.Column("Gap", "number", style="big"),
)


@dataclass(frozen=True)
class Glance:
    """The main results for one model on one target."""

    group: GapGroup
    native: CaseSummary | None
    web: CaseSummary | None
    gap: Gap | None
    """The gap of `web` against `native`."""


def section(view: RunView) -> doc.Section | None:
    """The fastest cases side by side; None if nothing was timed."""
    found = [glance for group in view.groups if (glance := _glance(group)).native or glance.web]
    if not found:
        return None
    table = doc.Table(
        "glance",
        _COLUMNS,
        tuple(_row(view, glance) for glance in found),
        caption="Fastest native and fastest web case of each model and target",
        hide_caption=True,
        forms=doc.HTML,
    )
    return doc.Section(
        "glance",
        "At a glance",
        (table,),
        lead="The fastest native and the fastest web case of each model, by their median prediction, in milliseconds.",
    )


def _glance(group: GapGroup) -> Glance:
    cases = group.target.by_model()[group.model, group.precision, group.batch]
    native = next((case for case in cases if case.case == group.fastest_native), None)
    web = min(
        (case for case in cases if case.in_page and "prediction" in case.stages),
        key=lambda case: case.stages["prediction"].value,
        default=None,
    )
    gap = next((gap for gap in group.main if web and gap.web == web.case and "prediction" in gap.ratios), None)
    return Glance(group, native, web, gap)


def _row(view: RunView, glance: Glance) -> doc.Row:
    group, info = glance.group, glance.group.target.info
    anchor = next(target.anchor for target in view.targets if target.target is group.target)
    name: doc.Text = (
        doc.Link(group.model, f"#{view.anchor_of(group)}"),
        *((" ", doc.VirtualMark()) if info.virtual else ()),
    )
    where: doc.Text = (doc.Link(info.name, f"#{anchor}"), f" ({info.id})")
    head = doc.Cell(name, (f"{group.precision}, batch {group.batch}", where))
    return doc.Row((head, _side(glance.native), _side(glance.web), _gap(glance.gap)), virtual=info.virtual)


def _side(case: CaseSummary | None) -> doc.Cell | None:
    if case is None:
        return None
    doubt = f", {case.status}" if case.status != "valid" else ""
    value = case.stages["prediction"].value
    return doc.Cell(duration(value), (f"{case_label(case.case, browser=False)}{doubt}",), value)


def _gap(gap: Gap | None) -> doc.Cell | None:
    if gap is None:
        return None
    found = gap.ratios["prediction"]
    details = tuple(filter(None, (ratio_range(found), rounds(gap))))
    return doc.Cell(ratio(found.value), details, found.value)
