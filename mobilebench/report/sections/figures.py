"""Figures of the whole run: native against web on each SoC, and the spread over devices; and those of each target."""

from __future__ import annotations

from mobilebench.analysis.device_spread import device_spreads
from mobilebench.analysis.timeline import blocks_at, quantities
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.figures.devices import device_spread, native_against_web
from mobilebench.report.figures.latency import overview
from mobilebench.report.figures.over_time import blocks_over_time

_MOST = 12
"""The most SoCs with a figure of their own."""


def section(view: views.RunView) -> doc.Section | None:
    """The figures that compare SoCs and devices; None if there is nothing to draw."""
    socs = list(dict.fromkeys(group.target.soc for group in view.groups))
    drawn = [_of_soc(view, soc) for soc in socs[:_MOST]]
    blocks: list[doc.Block] = [figure for figure in (*drawn, device_spread(device_spreads(view.run))) if figure]
    if not blocks:
        return None
    if len(socs) > _MOST:
        sentence = f"Native is drawn against web for the first {_MOST} of {len(socs)} SoCs; `gaps.csv` has all."
        blocks.append(doc.Paragraph(doc.Sentence(sentence), "small", forms=doc.HTML))
    return doc.Section("figures", "Figures of the run", tuple(blocks))


def _of_soc(view: views.RunView, soc: str) -> doc.Figure | None:
    groups = [group for group in view.groups if group.target.soc == soc]
    mark = soc if any(group.target.info.virtual for group in groups) else None
    return native_against_web(groups, soc, mark)


def of_target(view: views.TargetView) -> tuple[doc.Figure, ...]:
    """All predictions of a target by model, and its blocks by time."""
    target = view.target
    mark = target.soc if target.info.virtual else None
    named = [(views.quantity_title(each.recorder, each.name, each.unit), each) for each in quantities(target)]
    figures = (overview(target, mark), blocks_over_time(blocks_at(target), named, mark))
    return tuple(figure for figure in figures if figure)
