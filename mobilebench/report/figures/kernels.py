"""Figures of a kernels pass: shares by operator type, the kernels of one case nested in their types, and rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobilebench.analysis.achieved import ON_CPU, Achieved, Peak
from mobilebench.analysis.kernels import KernelNode, KernelSummary
from mobilebench.analysis.labels import case_label, duration, percent
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.operators import TYPES, OperatorType
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, stacks, theme
from mobilebench.report.views import pass_title

Watched = tuple[CaseSummary, KernelSummary]

_PERCENT = axes.Axis(0.0, 100.0, False, (0.0, 25.0, 50.0, 75.0, 100.0))
_NAMED = 40
"""The most kernels that are drawn by themselves in one nested picture; the others of a type are one part."""


TYPE_COLOURS: dict[OperatorType, str] = {
    "convolution": "compute-1",
    "depthwise convolution": "compute-2",
    "transposed convolution": "compute-3",
    "matmul": "compute-4",
    "attention": "compute-5",
    "recurrent": "compute-6",
    "gather": "memory-4",
    "elementwise": "memory-1",
    "pooling": "memory-3",
    "reduction": "memory-2",
    "data movement": "memory-5",
    "resize": "memory-6",
    "number format": "memory-7",
    "delegated part": "as-shipped",
    "other": "start",
}
"""Compute-intensive types are blue, memory-intensive ones brown to yellow, and types without a class are grey."""


def kernel_shares(watched: Sequence[Watched], mark: str | None) -> doc.Figure | None:
    """The share of each operator type in the time of all kernels, compute-intensive types first.

    None if no kernels pass can be shown.
    """
    if not watched:
        return None
    shown = watched[: theme.MOST_ROWS]
    labels = theme.row_labels([case for case, _ in shown])
    rows = [_stack(label, kernels) for label, (_, kernels) in zip(labels, shown, strict=True)]
    data = tuple((case_label(case.case), _shares(kernels)) for case, kernels in watched)
    left_out = "" if len(shown) == len(watched) else f" The first {len(shown)} of {len(watched)} cases."
    return doc.Figure(
        pass_title("kernels"),
        "Percent of the kernels' time by operator type: compute-intensive types are blue, memory-intensive ones "
        f"brown to yellow.{left_out}",
        theme.chart(
            stacks.layers(rows, {str(kind): name for kind, name in TYPE_COLOURS.items()}, _PERCENT),
            height=theme.ROW * len(rows),
            description=f"Share of the kernels' time: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _stack(label: str, kernels: KernelSummary) -> stacks.Stack:
    segments, start = [], 0.0
    by_type = {row.type: row for row in kernels.rows}
    for kind in TYPES:
        if kind in by_type and by_type[kind].share > 0:
            row = by_type[kind]
            end = min(100.0, start + 100 * row.share)
            segments.append(stacks.Segment(kind, start, end, f"{percent(row.share)}, {duration(row.median_ms)} ms"))
            start = end
    return stacks.Stack(label, f"{duration(kernels.sum_ms)} ms", tuple(segments))


def _shares(kernels: KernelSummary) -> str:
    return ", ".join(f"{row.type} {percent(row.share)}" for row in kernels.rows if row.kernels)


def nested_kernels(case: CaseSummary, found: KernelSummary, mark: str | None) -> doc.Figure | None:
    """The kernels of one case below their operator types, as wide as their share of the time. None without times."""
    if not found.sum_ms:
        return None
    parts = _nested(found)
    place = {
        "x": {**_PERCENT.encoding("start"), "axis": {**_PERCENT.encoding("start")["axis"], "grid": False}},
        "x2": {"field": "end"},
        "y": {"field": "level", "type": "ordinal", "axis": None, "scale": {"padding": 0}},
    }
    present = {part["type"] for part in parts}
    colours = {str(kind): name for kind, name in TYPE_COLOURS.items() if kind in present}
    boxes = {
        "data": theme.values(parts),
        "mark": {"type": "bar", "height": {"band": 0.94}, "stroke": theme.COLOURS["sheet"], "strokeWidth": 0.7},
        "encoding": {
            **place,
            "color": theme.coloured("type", colours),
            "tooltip": theme.tooltip(name="Kernel", type="Type", detail="Time"),
        },
    }
    data = tuple((part["name"], part["detail"]) for part in parts if part["level"] == 0)
    return doc.Figure(
        "Kernels within their types",
        "Percent of the kernels' time. Above are the operator types, below them single kernels, the longest first.",
        theme.chart(
            [boxes],
            height=90,
            description=f"Kernels of {case_label(case.case)} by type: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _nested(found: KernelSummary) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    start = 0.0
    named = {id(node) for node in found.nodes[:_NAMED]}
    for kind in TYPES:
        nodes = [node for node in found.nodes if node.type == kind]
        share = sum(node.share for node in nodes)
        if not share:
            continue
        ms = sum(node.median_ms for node in nodes)
        parts.append(_part(0, kind, kind, start, share, f"{percent(share)}, {duration(ms)} ms"))
        inner = start
        for node in (node for node in nodes if id(node) in named):
            parts.append(_part(1, node.name, kind, inner, node.share, _of_node(node)))
            inner += 100 * node.share
        others = [node for node in nodes if id(node) not in named]
        if others:
            rest = sum(node.share for node in others)
            detail = f"{percent(rest)}, {duration(sum(node.median_ms for node in others))} ms"
            parts.append(_part(1, f"{len(others)} others", kind, inner, rest, detail))
        start += 100 * share
    return parts


def _part(level: int, name: str, kind: OperatorType, start: float, share: float, detail: str) -> dict[str, Any]:
    end = min(100.0, start + 100 * share)
    return {"level": level, "name": name, "type": kind, "start": start, "end": end, "detail": detail}


def _of_node(node: KernelNode) -> str:
    where = "" if node.node is None else f", node {node.node}"
    return f"{percent(node.share)}, {duration(node.median_ms)} ms{where}"


def achieved_rates(found: Sequence[Achieved], peak: Peak, mark: str | None) -> doc.Figure | None:
    """GFLOP/s that each case reached, as a whole and by operator type, against the processor's peak.

    None if the FLOPs of no case are known.
    """
    if not found:
        return None
    shown = found[: theme.MOST_ROWS]
    labels = theme.row_labels([one.case for one in shown])
    rates = [rate for one in shown for rate in (one.rate, *one.by_type.values())]
    axis = axes.fitting([*rates, *([peak.gflops] if peak.gflops else [])])
    whole: list[dict[str, Any]] = [
        {"n": n, "label": label, "side": theme.side(one.case), "rate": one.rate, "detail": f"{one.rate:.3g} GFLOP/s"}
        for n, (label, one) in enumerate(zip(labels, shown, strict=True))
    ]
    by_type = [
        {"n": n, "label": label, "type": kind, "rate": rate, "detail": f"{rate:.3g} GFLOP/s"}
        for n, (label, one) in enumerate(zip(labels, shown, strict=True))
        for kind, rate in one.by_type.items()
    ]
    texts = [(label, _rate_text(one, peak)) for label, one in zip(labels, shown, strict=True)]
    data = tuple((case_label(one.case.case), _rate_text(one, peak)) for one in found)
    layers = theme.row_texts(texts)
    if by_type:
        layers.append(
            {
                "data": theme.values(by_type),
                "mark": {"type": "tick", "thickness": 2, "size": 12, "yOffset": 8, "color": theme.COLOURS["soft"]},
                "encoding": {
                    "y": theme.row_position(),
                    "x": axis.encoding("rate"),
                    "tooltip": theme.tooltip(label="Case", type="Operator type", detail="Rate"),
                },
            }
        )
    layers.append(
        {
            "data": theme.values(whole),
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "yOffset": 8},
            "encoding": {
                "y": theme.row_position(),
                "x": axis.encoding("rate"),
                **theme.by_side(row["side"] for row in whole),
                "tooltip": theme.tooltip(label="Case", detail="Whole prediction"),
            },
        }
    )
    if peak.gflops:
        rule = {"type": "rule", "strokeWidth": 2, "strokeDash": [4, 3], "color": theme.COLOURS["ink"]}
        row = {"rate": peak.gflops}
        layers.append({"data": theme.values([row]), "mark": rule, "encoding": {"x": axis.encoding("rate")}})
    drawn = "The broken line is the peak" if peak.gflops else "Peak –"
    return doc.Figure(
        "Achieved GFLOP/s",
        "FLOPs of the model's file over the time of a prediction; ticks are operator types over the time of their "
        f"kernels{', logarithmic axis' if axis.logarithmic else ''}. {drawn}: {peak.reason}.",
        theme.chart(
            layers,
            height=theme.ROW * len(shown),
            description=f"GFLOP/s of each case: {theme.in_words(data)}. {drawn}: {peak.reason}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _rate_text(one: Achieved, peak: Peak) -> str:
    on_cpu = one.case.case.backend in ON_CPU
    share = f", {percent(one.rate / peak.gflops)} of the peak" if peak.gflops and on_cpu else ""
    return f"{one.rate:.3g} GFLOP/s{share}"
