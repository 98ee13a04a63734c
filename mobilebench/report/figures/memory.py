"""Figures of a memory pass: growth by stage, and the curve over the kernels of the first inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobilebench.analysis.labels import MEMORY_STAGES, case_label, size
from mobilebench.analysis.memory import NAMES, Growth, MemorySummary, PageMemorySummary
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, stacks, theme
from mobilebench.report.views import pass_title

CURVES = {
    "total_bytes": "totalBytesSnapshot of the profiler",
    "wasm_heap_bytes": NAMES["wasm_heap_bytes"],
    "performance_memory_bytes": NAMES["performance_memory_bytes"],
}
"""Field of the readings after every kernel to its name."""
_CURVE_HEIGHT = 170

STAGE_COLOURS = {
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
"""Stage to its colour; parts of setup have the same colour as in the figure of stages."""
_ANOTHER = "another stage"
"""Legend of stages that mobilebench does not know."""
_COLOURS = {**{name: STAGE_COLOURS[stage] for stage, name in MEMORY_STAGES.items()}, _ANOTHER: "inputs"}


def memory_growth(watched: Sequence[tuple[CaseSummary, MemorySummary]], mark: str | None) -> doc.Figure | None:
    """RSS from stage to stage in MiB, and the peak as a line. None when no memory pass can be shown."""
    if not watched:
        return None
    shown = watched[: theme.MOST_ROWS]
    axis = axes.linear_axis(max(max(m.peak_rss_kb or 0, m.highest_sampled.rss_kb) for _, m in shown) / 1024)
    labels = theme.row_labels([case for case, _ in shown])
    rows = [_stack(label, memory) for label, (_, memory) in zip(labels, shown, strict=True)]
    peaks = [
        {"n": n, "label": label, "at": memory.peak_rss_kb / 1024, "detail": _peak(memory)}
        for n, (label, (_, memory)) in enumerate(zip(labels, shown, strict=True))
        if memory.peak_rss_kb is not None
    ]
    data = tuple((case_label(case.case), _peak(memory)) for case, memory in watched)
    left_out = "" if len(shown) == len(watched) else f" The first {len(shown)} of {len(watched)} cases."
    return doc.Figure(
        pass_title("memory"),
        f"Resident memory (RSS) as it grows from stage to stage, MiB. The line is the peak (VmHWM).{left_out}",
        theme.chart(
            [*stacks.layers(rows, _COLOURS, axis), *([_peaks(peaks, axis)] if peaks else [])],
            height=theme.ROW * len(rows),
            description=f"Resident memory after each stage, MiB: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _stack(label: str, memory: MemorySummary) -> stacks.Stack:
    first = memory.first.rss_kb / 1024
    segments = [stacks.Segment(MEMORY_STAGES["process_start"], 0.0, first, f"at first {size(memory.first.rss_kb)}")]
    for growth in memory.growth:
        after = growth.after.rss_kb / 1024
        if growth.rss_kb > 0:
            detail = f"{growth_label(growth)}: + {size(growth.rss_kb)}, then {size(growth.after.rss_kb)}"
            start = after - growth.rss_kb / 1024
            segments.append(stacks.Segment(MEMORY_STAGES.get(growth.stage, _ANOTHER), start, after, detail))
    return stacks.Stack(label, _peak(memory), tuple(segments))


def _peaks(peaks: Sequence[dict[str, Any]], axis: axes.Axis) -> theme.Spec:
    return {
        "data": theme.values(peaks),
        "mark": {"type": "tick", "thickness": 2, "size": 20, "yOffset": 8, "color": theme.COLOURS["ink"]},
        "encoding": {
            "y": theme.row_position(),
            "x": axis.encoding("at"),
            "tooltip": theme.tooltip(label="Case", detail="Highest"),
        },
    }


def kernel_curve(case: CaseSummary, found: PageMemorySummary, mark: str | None) -> doc.Figure | None:
    """Memory held after each kernel of the first inference. None if there are fewer than two kernels."""
    if len(found.kernels) < 2:
        return None
    series = {name: [getattr(kernel, name) for kernel in found.kernels] for name in CURVES}
    known = {name: values for name, values in series.items() if None not in values}
    points = [
        {"kernel": number, "mib": values[number - 1] / 2**20, "source": CURVES[name]}
        for name, values in known.items()
        for number in _turns(values)
    ]
    highest = max((max(values) for values in known.values()), default=0)
    data = tuple((CURVES[name], size(max(values) / 1024)) for name, values in known.items())
    names = [CURVES[name] for name in known]
    encoding = {
        "x": axes.linear_axis(len(found.kernels)).encoding("kernel", "number of the kernel"),
        "y": {"field": "mib", "type": "quantitative", "title": "MiB"},
        "color": theme.coloured("source", dict(zip(names, theme.CATEGORIES, strict=False))),
        "strokeDash": {
            "field": "source",
            "type": "nominal",
            "scale": {"domain": names, "range": [[1, 0], [6, 3], [2, 2]][: len(names)]},
        },
    }
    line = {"data": theme.values(points), "mark": {"type": "line", "interpolate": "step-after"}, "encoding": encoding}
    return doc.Figure(
        "Memory, kernel by kernel",
        "The first inference: MiB that were held when each kernel had ended, over the number of the kernel.",
        theme.chart(
            [line],
            height=_CURVE_HEIGHT,
            description=f"Memory after each of {len(found.kernels)} kernels of {case_label(case.case)}, "
            f"up to {size(highest / 1024)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def growth_label(growth: Growth) -> str:
    """The stage that grew, with the part if memory is read at the end of several parts."""
    name = MEMORY_STAGES.get(growth.stage, growth.stage)
    return name if growth.part == 1 else f"{name}, part {growth.part}"


def _turns(values: Sequence[int]) -> list[int]:
    """Numbers (from 1) of the first and the last value, and of those that differ from the one before."""
    return [n for n, value in enumerate(values, 1) if n in (1, len(values)) or value != values[n - 2]]


def _peak(memory: MemorySummary) -> str:
    return f"peak {size(memory.peak_rss_kb)}" if memory.peak_rss_kb is not None else f"{size(memory.steady.rss_kb)}"
