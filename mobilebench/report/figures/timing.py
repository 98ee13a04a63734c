"""Figures of the timing blocks: predictions, stages, samples and ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from mobilebench.analysis.labels import case_label, duration
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import SetupPart
from mobilebench.report import document as doc
from mobilebench.report.figures import drawing
from mobilebench.statistics.estimates import Interval

SPARK_POINTS = 80
"""A line of raw samples has at most about this many points."""
LOG_FROM = 20.0
"""Ratio of slowest to fastest from which latencies are drawn on a logarithmic axis."""

SEGMENTS: tuple[tuple[str, str, tuple[SetupPart, ...]], ...] = (
    ("runtime", "runtime obtained", ("framework_download", "library_load")),
    ("runtime-start", "runtime started", ("framework_init",)),
    ("model", "model obtained", ("model_download", "model_read")),
    ("model-start", "model started, session created", ("model_init", "session_creation")),
    ("delegate", "delegate prepared", ("delegate_preparation",)),
    ("as-shipped", "all of setup by the engine's own loader", ("as_shipped",)),
)
"""Setup parts of native and web engines that do the same work share a colour: class, name, parts."""


def latency(cases: Sequence[CaseSummary], mark: str | None) -> doc.Figure | None:
    """Median prediction of every case with its blocks and its interval; `mark` is printed inside (`virtual: …`).

    None when no case has a prediction.
    """
    shown = sorted(
        (case for case in cases if "prediction" in case.stages), key=lambda case: case.stages["prediction"].value
    )
    if not shown:
        return None
    axis = _latency_axis(shown)
    rows = [
        _latency_row(label, case, axis, drawing.first_row(mark) + number * drawing.ROW)
        for number, (label, case) in enumerate(zip(drawing.row_labels(shown), shown, strict=True))
    ]
    data = tuple((case_label(c.case), f"{duration(c.stages['prediction'].value)} ms") for c in shown)
    with_interval = any(case.stages["prediction"].interval for case in shown)
    return doc.Figure(
        "Prediction",
        f"Median, milliseconds{', logarithmic axis' if axis.logarithmic else ''}. Lower is better.",
        drawing.picture(f"Prediction, fastest first: {drawing.in_words(data)}.", mark, len(shown), axis, rows),
        data,
        (
            doc.Legend("native", "native"),
            doc.Legend("web", "web"),
            doc.Legend("range", "blocks, lowest to highest"),
            *([doc.Legend("line", "95 % interval between blocks")] if with_interval else []),
        ),
        forms=doc.HTML,
    )


def stages(cases: Sequence[CaseSummary], mark: str | None) -> doc.Figure | None:
    """Setup by part, warmup and one prediction of every case, stacked. None when no case has all three."""
    shown = sorted((case for case in cases if len(case.stages) == 3), key=_total)
    if not shown:
        return None
    axis = drawing.linear_axis(max(map(_total, shown)))
    rows = [
        _stages_row(label, case, axis, drawing.first_row(mark) + number * drawing.ROW)
        for number, (label, case) in enumerate(zip(drawing.row_labels(shown), shown, strict=True))
    ]
    data = tuple((case_label(case.case), f"{duration(_total(case))} ms") for case in shown)
    words = f"Setup, warmup and one prediction together: {drawing.in_words(data)}."
    return doc.Figure(
        "Stages",
        "Setup by part, warmup and one prediction in a row, milliseconds.",
        drawing.picture(words, mark, len(shown), axis, rows),
        data,
        _stages_legend(shown),
        forms=doc.HTML,
    )


def _stages_legend(cases: Sequence[CaseSummary]) -> tuple[doc.Legend, ...]:
    present = {part for case in cases for part in case.setup_parts}
    found = [doc.Legend(f"fill-{name}", label) for name, label, parts in SEGMENTS if present & set(parts)]
    return (*found, doc.Legend("fill-warmup", "warmup"), doc.Legend("fill-prediction", "one prediction"))


def sparkline(samples: Sequence[float]) -> Markup:
    """Raw samples in order, from the smallest at the bottom to the largest at the top."""
    if len(samples) < 2:
        return Markup("")
    low, high = min(samples), max(samples)
    drawn = _thinned(samples)
    step = 100 / (len(drawn) - 1)
    points = " ".join(
        f"{number * step:.1f},{22 - 20 * ((value - low) / (high - low) if high > low else 0.5):.1f}"
        for number, value in enumerate(drawn)
    )
    label = f"{len(samples)} samples from {duration(low)} to {duration(high)} ms, in order"
    return Markup(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>'
    ).format(label, points)


def _thinned(samples: Sequence[float]) -> Sequence[float]:
    """At most about `SPARK_POINTS` samples: of each run of neighbours the smallest and the largest, in their order."""
    if len(samples) <= SPARK_POINTS:
        return samples
    size = math.ceil(2 * len(samples) / SPARK_POINTS)
    kept: list[float] = []
    for start in range(0, len(samples), size):
        run = samples[start : start + size]
        ends = sorted({run.index(min(run)), run.index(max(run))})
        kept += [run[place] for place in ends]
    return kept


def ratio_bar(value: float, longest: float) -> Markup:
    """A bar from 0 with a line at 1×, on the scale of the longest bar in the same table."""
    scale = 100 / max(longest, 1.0)
    return Markup(
        '<svg class="ratio" width="100%" height="8" aria-hidden="true">'
        '<rect class="track" width="100%" height="8" rx="2"/><rect class="bar" width="{:.2f}%" height="8" rx="2"/>'
        '<line class="one" x1="{:.2f}%" x2="{:.2f}%" y1="0" y2="8"/></svg>'
    ).format(value * scale, scale, scale)


def _latency_row(label: str, case: CaseSummary, axis: drawing.Axis, y: int) -> Markup:
    statistics = case.stages["prediction"]
    middle = y + 28
    side = "web" if case.web else "native"
    parts = [drawing.label_line(label, case.status, f"{duration(statistics.value)} ms", y)]
    parts.append(Markup('<line class="rail" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(middle))
    if statistics.interval:
        low, high = axis.at(statistics.interval.low), axis.at(statistics.interval.high)
        parts.append(drawing.line(f"interval {side}", low, high, middle))
        parts += [drawing.tick(f"end {side}", axis.at(end), middle, 5) for end in _inside(axis, statistics.interval)]
    low, high = axis.at(statistics.spread.low), axis.at(statistics.spread.high)
    parts.append(drawing.line(f"spread {side}", low, high, middle))
    parts += [drawing.tick(f"block {side}", axis.at(block), middle, 4) for block in statistics.blocks]
    parts.append(drawing.point(side, axis.at(statistics.value), middle))
    return Markup("").join(parts)


def _inside(axis: drawing.Axis, interval: Interval) -> list[float]:
    """Ends of the interval within the axis; the others get no mark, so that the interval looks open."""
    return [end for end in (interval.low, interval.high) if axis.low < end < axis.high]


def _stages_row(label: str, case: CaseSummary, axis: drawing.Axis, y: int) -> Markup:
    parts = [drawing.label_line(label, case.status, f"{duration(_total(case))} ms", y)]
    start = 0.0
    for name, title, value in _segments(case):
        parts.append(drawing.segment(name, f"{title}: {duration(value)} ms", axis.at(start), axis.at(start + value), y))
        start += value
    return Markup("").join(parts)


def _segments(case: CaseSummary) -> list[tuple[str, str, float]]:
    found = []
    for name, title, members in SEGMENTS:
        value = sum(case.setup_parts[part].value for part in members if part in case.setup_parts)
        if value > 0:
            found.append((name, title, value))
    found.append(("warmup", "warmup", case.stages["warmup"].value))
    return [*found, ("prediction", "one prediction", case.stages["prediction"].value)]


def _total(case: CaseSummary) -> float:
    return sum(value for _, _, value in _segments(case))


def _latency_axis(cases: Sequence[CaseSummary]) -> drawing.Axis:
    statistics = [case.stages["prediction"] for case in cases]
    low = min(s.spread.low for s in statistics)
    high = max(s.spread.high for s in statistics)
    if low > 0 and high / low > LOG_FROM:
        return drawing.log_axis(low, high)
    reach = max(min(s.interval.high, 1.3 * s.spread.high) if s.interval else s.spread.high for s in statistics)
    return drawing.linear_axis(max(high, reach))
