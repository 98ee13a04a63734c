"""Figure of a kernels pass: time by operator type."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mobilebench.analysis.kernels import KernelSummary
from mobilebench.analysis.labels import case_label, duration, percent
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.operators import TYPES
from mobilebench.report.document import HTML, Figure, Legend
from mobilebench.report.figures.drawing import (
    ROW,
    Axis,
    drawing,
    first_row,
    in_words,
    label_line,
    row_labels,
    segment,
)

_PERCENT = Axis(0.0, 100.0, False, (0.0, 25.0, 50.0, 75.0, 100.0))


def kernel_shares(watched: Sequence[tuple[CaseSummary, KernelSummary]], mark: str | None) -> Figure | None:
    """The share of each operator type in the time of all kernels, compute-intensive types first.

    None if no kernels pass can be shown.
    """
    if not watched:
        return None
    labels = row_labels([case for case, _ in watched])
    rows = [
        _kernel_row(label, case, kernels, first_row(mark) + number * ROW)
        for number, (label, (case, kernels)) in enumerate(zip(labels, watched, strict=True))
    ]
    data = tuple((case_label(case.case), _shares(kernels)) for case, kernels in watched)
    present = {row.type for _, kernels in watched for row in kernels.rows if row.kernels}
    return Figure(
        "Kernels",
        "Percent of the kernels' time by operator type: compute-intensive types are blue, memory-intensive ones "
        "brown to yellow.",
        drawing(f"Share of the kernels' time: {in_words(data)}.", mark, len(watched), _PERCENT, rows),
        data,
        tuple(Legend(f"fill-{_fill(kind)}", kind) for kind in TYPES if kind in present),
        forms=HTML,
    )


def _kernel_row(label: str, case: CaseSummary, kernels: KernelSummary, y: int) -> Markup:
    status = case.watched["kernels"].status
    parts = [label_line(label, status, f"{duration(kernels.sum_ms)} ms", y)]
    start = 0.0
    by_type = {row.type: row for row in kernels.rows}
    for kind in TYPES:
        if kind in by_type and by_type[kind].share > 0:
            end = start + 100 * by_type[kind].share
            title = f"{kind}: {percent(by_type[kind].share)}, {duration(by_type[kind].median_ms)} ms"
            parts.append(segment(_fill(kind), title, _PERCENT.at(start), _PERCENT.at(end), y))
            start = end
    return Markup("").join(parts)


def _shares(kernels: KernelSummary) -> str:
    return ", ".join(f"{row.type} {percent(row.share)}" for row in kernels.rows if row.kernels)


def _fill(kind: str) -> str:
    return f"kernel-{kind.replace(' ', '-')}"
