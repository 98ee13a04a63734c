"""Figures of a memory pass: growth by stage, and the curve over the kernels of the first inference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from mobilebench.analysis.labels import MEMORY_STAGES, case_label, size
from mobilebench.analysis.memory import NAMES, Growth, MemorySummary, PageMemorySummary
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report.figures import drawing
from mobilebench.report.views import pass_title

CURVES = {
    "total_bytes": ("curve-tensors", "totalBytesSnapshot of the profiler"),
    "wasm_heap_bytes": ("curve-heap", NAMES["wasm_heap_bytes"]),
    "performance_memory_bytes": ("curve-performance", NAMES["performance_memory_bytes"]),
}
"""Field of the readings after every kernel to its CSS class and its name."""
_CURVE_ROWS = 3

STAGE_FILLS = {
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
"""Stage to its CSS class; parts of setup have the same colour as in the figure of stages."""


def memory_growth(watched: Sequence[tuple[CaseSummary, MemorySummary]], mark: str | None) -> doc.Figure | None:
    """RSS from stage to stage in MiB, and the peak as a line. None when no memory pass can be shown."""
    if not watched:
        return None
    axis = drawing.linear_axis(max(max(m.peak_rss_kb or 0, m.highest_sampled.rss_kb) for _, m in watched) / 1024)
    labels = drawing.row_labels([case for case, _ in watched])
    rows = [
        _memory_row(label, case, memory, axis, drawing.first_row(mark) + number * drawing.ROW)
        for number, (label, (case, memory)) in enumerate(zip(labels, watched, strict=True))
    ]
    data = tuple((case_label(case.case), _peak(memory)) for case, memory in watched)
    present = {"process_start"} | {growth.stage for _, memory in watched for growth in memory.growth}
    words = f"Resident memory after each stage, MiB: {drawing.in_words(data)}."
    return doc.Figure(
        pass_title("memory"),
        "Resident memory (RSS) as it grows from stage to stage, MiB. The line is the peak (VmHWM).",
        drawing.picture(words, mark, len(watched), axis, rows),
        data,
        tuple(
            doc.Legend(f"fill-{STAGE_FILLS[stage]}", name) for stage, name in MEMORY_STAGES.items() if stage in present
        ),
        forms=doc.HTML,
    )


def kernel_curve(case: CaseSummary, found: PageMemorySummary, mark: str | None) -> doc.Figure | None:
    """Memory held after each kernel of the first inference. None if there are fewer than two kernels."""
    if len(found.kernels) < 2:
        return None
    top, height = drawing.first_row(mark) + 20, _CURVE_ROWS * drawing.ROW - 24
    series = {name: [getattr(kernel, name) for kernel in found.kernels] for name in CURVES}
    highest = max(value for values in series.values() for value in values if value is not None)
    lines = Markup("").join(
        Markup('<polyline class="{}" points="{}"/>').format(CURVES[name][0], _steps(values, highest))
        for name, values in series.items()
        if None not in values
    )
    axis = drawing.linear_axis(len(found.kernels))
    curves = Markup(
        '<svg x="0.6%" width="98.8%" y="{}" height="{}" viewBox="0 0 {:g} 100" preserveAspectRatio="none">{}</svg>'
    ).format(top, height, axis.high, lines)
    value = f"up to {size(highest / 1024)}"
    head = drawing.label_line(case_label(case.case), case.watched["memory"].status, value, drawing.first_row(mark))
    words = f"Memory after each of {len(found.kernels)} kernels of {case_label(case.case)}, {value}."
    shown = [name for name in CURVES if None not in series[name]]
    return doc.Figure(
        "Memory, kernel by kernel",
        "The first inference: what was held when each kernel had ended, over the number of the kernel.",
        drawing.picture(words, mark, _CURVE_ROWS, axis, [head, curves]),
        tuple(
            (CURVES[name][1], size(max(value for value in series[name] if value is not None) / 1024)) for name in shown
        ),
        tuple(doc.Legend(*CURVES[name]) for name in shown),
        forms=doc.HTML,
    )


def growth_label(growth: Growth) -> str:
    """The stage that grew, with the part if memory is read at the end of several parts."""
    name = MEMORY_STAGES.get(growth.stage, growth.stage)
    return name if growth.part == 1 else f"{name}, part {growth.part}"


def _steps(values: Sequence[int], highest: int) -> str:
    """Points of a line that stays level while a kernel runs; the highest value is at the top of a box 100 high.

    There are points only where the line turns.
    """
    heights = [f"{100 - 100 * value / max(highest, 1):.1f}" for value in values]
    points = [f"0,{heights[0]}"]
    for number, (before, after) in enumerate(pairwise(heights), 1):
        if before != after:
            points += [f"{number},{before}", f"{number},{after}"]
    return " ".join([*points, f"{len(heights)},{heights[-1]}"])


def _memory_row(label: str, case: CaseSummary, memory: MemorySummary, axis: drawing.Axis, y: int) -> Markup:
    parts = [drawing.label_line(label, case.watched["memory"].status, _peak(memory), y)]
    low = memory.first.rss_kb / 1024
    parts.append(drawing.segment("start", f"at first: {size(memory.first.rss_kb)}", axis.at(0), axis.at(low), y))
    for growth in memory.growth:
        after = growth.after.rss_kb / 1024
        if growth.rss_kb > 0:
            title = f"{growth_label(growth)}: + {size(growth.rss_kb)}, then {size(growth.after.rss_kb)}"
            fill = STAGE_FILLS.get(growth.stage, "inputs")
            parts.append(drawing.segment(fill, title, axis.at(after - growth.rss_kb / 1024), axis.at(after), y))
    if memory.peak_rss_kb is not None:
        parts.append(drawing.tick("peak", axis.at(memory.peak_rss_kb / 1024), y + 28, 9))
    return Markup("").join(parts)


def _peak(memory: MemorySummary) -> str:
    return f"peak {size(memory.peak_rss_kb)}" if memory.peak_rss_kb is not None else f"{size(memory.steady.rss_kb)}"
