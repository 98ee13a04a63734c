"""Pictures of what was watched: time by kernel type, and memory by stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from mobilebench.analysis.kernels import KernelSummary
from mobilebench.analysis.labels import MEMORY_STAGES, case_label, duration, percent, size
from mobilebench.analysis.memory import MemorySummary
from mobilebench.analysis.page_memory import NAMES, PageMemorySummary
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.operators import TYPES
from mobilebench.report.drawing import (
    ROW,
    Axis,
    Figure,
    drawing,
    first_row,
    in_words,
    label_line,
    linear_axis,
    row_labels,
    segment,
    tick,
)
from mobilebench.report.watched import growth_label

WatchedKernels = tuple[CaseSummary, KernelSummary]
WatchedMemory = tuple[CaseSummary, MemorySummary]
WatchedPageMemory = tuple[CaseSummary, PageMemorySummary]

CURVES = {
    "total_bytes": ("curve-tensors", "totalBytesSnapshot of the profiler"),
    "wasm_heap_bytes": ("curve-heap", NAMES["wasm_heap_bytes"]),
    "performance_memory_bytes": ("curve-performance", NAMES["performance_memory_bytes"]),
}
"""What was read after every kernel, to its colour and its name."""
_CURVE_ROWS = 3

_PERCENT = Axis(0.0, 100.0, False, (0.0, 25.0, 50.0, 75.0, 100.0))
_STAGE_FILLS = {
    "process_start": "start",
    "framework_download": "runtime",
    "library_load": "runtime",
    "framework_init": "runtime-start",
    "model_download": "model",
    "model_read": "model",
    "model_init": "model-start",
    "session_creation": "model-start",
    "delegate_preparation": "delegate",
    "as_shipped": "as-shipped",
    "inputs": "inputs",
    "warmup": "warmup",
    "prediction": "prediction",
}
"""Parts of setup have the colour that they have in the picture of stages."""


def kernel_shares(watched: Sequence[WatchedKernels], mark: str | None) -> Figure | None:
    """What each operator type takes of all kernels, compute-intensive types first. None when nothing was watched."""
    if not watched:
        return None
    rows = [
        _kernel_row(label, case, kernels, first_row(mark) + number * ROW)
        for number, (label, (case, kernels)) in enumerate(zip(_labels(watched), watched, strict=True))
    ]
    told = in_words([f"{case_label(case.case)} {_told(kernels)}" for case, kernels in watched])
    return Figure(drawing(f"Share of the kernels' time: {told}.", mark, len(watched), _PERCENT, rows))


def kernel_keys(watched: Sequence[WatchedKernels]) -> list[tuple[str, str]]:
    """Class and name of every type that the picture shows, for its legend."""
    present = {row.type for _, kernels in watched for row in kernels.rows if row.kernels}
    return [(_kernel_fill(kind), kind) for kind in TYPES if kind in present]


def memory_growth(watched: Sequence[WatchedMemory], mark: str | None) -> Figure | None:
    """RSS from stage to stage, and the peak as a line. MiB. None when nothing was watched."""
    if not watched:
        return None
    axis = linear_axis(max(max(m.peak_rss_kb or 0, m.highest_sampled.rss_kb) for _, m in watched) / 1024)
    rows = [
        _memory_row(label, case, memory, axis, first_row(mark) + number * ROW)
        for number, (label, (case, memory)) in enumerate(zip(_labels(watched), watched, strict=True))
    ]
    told = in_words([f"{case_label(case.case)} {_peak(memory)}" for case, memory in watched])
    return Figure(drawing(f"Resident memory after each stage, MiB: {told}.", mark, len(watched), axis, rows))


def memory_keys(watched: Sequence[WatchedMemory]) -> list[tuple[str, str]]:
    """Class and name of every stage that the picture shows, for its legend."""
    present = {"process_start"} | {growth.stage for _, memory in watched for growth in memory.growth}
    return [(_STAGE_FILLS[stage], name) for stage, name in MEMORY_STAGES.items() if stage in present]


def kernel_curve(case: CaseSummary, found: PageMemorySummary, mark: str | None) -> Figure | None:
    """What was held after each kernel of the first inference, over the number of the kernel. None without kernels."""
    if len(found.kernels) < 2:
        return None
    top, height = first_row(mark) + 20, _CURVE_ROWS * ROW - 24
    series = {name: [getattr(kernel, name) for kernel in found.kernels] for name in CURVES}
    highest = max(value for values in series.values() for value in values if value is not None)
    lines = Markup("").join(
        Markup('<polyline class="{}" points="{}"/>').format(CURVES[name][0], _steps(values, highest))
        for name, values in series.items()
        if None not in values
    )
    axis = linear_axis(len(found.kernels))
    curves = Markup(
        '<svg x="0.6%" width="98.8%" y="{}" height="{}" viewBox="0 0 {:g} 100" preserveAspectRatio="none">{}</svg>'
    ).format(top, height, axis.high, lines)
    value = f"up to {size(highest / 1024)}"
    head = label_line(case_label(case.case), case.watched["memory"].status, value, first_row(mark))
    told = f"Memory after each of {len(found.kernels)} kernels of {case_label(case.case)}, {value}."
    return Figure(drawing(told, mark, _CURVE_ROWS, axis, [head, curves]))


def curve_keys(found: PageMemorySummary) -> list[tuple[str, str]]:
    """Class and name of every curve, for the legend."""
    return [CURVES[name] for name in CURVES if all(getattr(kernel, name) is not None for kernel in found.kernels)]


def _steps(values: Sequence[int], highest: int) -> str:
    """Points of a line that stays level while a kernel runs; the highest value is at the top of a box 100 high.

    Only where the line turns there is a point.
    """
    heights = [f"{100 - 100 * value / max(highest, 1):.1f}" for value in values]
    points = [f"0,{heights[0]}"]
    for number, (before, after) in enumerate(pairwise(heights), 1):
        if before != after:
            points += [f"{number},{before}", f"{number},{after}"]
    return " ".join([*points, f"{len(heights)},{heights[-1]}"])


def _labels(watched: Sequence[tuple[CaseSummary, object]]) -> list[str]:
    return row_labels([case for case, _ in watched])


def _kernel_row(label: str, case: CaseSummary, kernels: KernelSummary, y: int) -> Markup:
    status = case.watched["kernels"].status
    parts = [label_line(label, status, f"{duration(kernels.sum_ms)} ms", y)]
    start = 0.0
    by_type = {row.type: row for row in kernels.rows}
    for kind in TYPES:
        if kind in by_type and by_type[kind].share > 0:
            end = start + 100 * by_type[kind].share
            title = f"{kind}: {percent(by_type[kind].share)}, {duration(by_type[kind].median_ms)} ms"
            parts.append(segment(_kernel_fill(kind), title, _PERCENT.at(start), _PERCENT.at(end), y))
            start = end
    return Markup("").join(parts)


def _told(kernels: KernelSummary) -> str:
    return ", ".join(f"{row.type} {percent(row.share)}" for row in kernels.rows if row.kernels)


def _kernel_fill(kind: str) -> str:
    return f"kernel-{kind.replace(' ', '-')}"


def _memory_row(label: str, case: CaseSummary, memory: MemorySummary, axis: Axis, y: int) -> Markup:
    parts = [label_line(label, case.watched["memory"].status, _peak(memory), y)]
    low = memory.first.rss_kb / 1024
    parts.append(segment("start", f"at first: {size(memory.first.rss_kb)}", axis.at(0), axis.at(low), y))
    for growth in memory.growth:
        after = growth.after.rss_kb / 1024
        if growth.rss_kb > 0:
            title = f"{growth_label(growth)}: + {size(growth.rss_kb)}, then {size(growth.after.rss_kb)}"
            fill = _STAGE_FILLS.get(growth.stage, "inputs")
            parts.append(segment(fill, title, axis.at(after - growth.rss_kb / 1024), axis.at(after), y))
    if memory.peak_rss_kb is not None:
        parts.append(tick("peak", axis.at(memory.peak_rss_kb / 1024), y + 28, 9))
    return Markup("").join(parts)


def _peak(memory: MemorySummary) -> str:
    return f"peak {size(memory.peak_rss_kb)}" if memory.peak_rss_kb is not None else f"{size(memory.steady.rss_kb)}"
