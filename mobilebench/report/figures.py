"""Pictures as inline SVG.

Positions along the axis are percentages and sizes are pixels, without a viewBox: a picture fills its column from
390 px to a laptop while its letters keep their size. Colours are classes, so that the page's two schemes apply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mobilebench.analysis.labels import case_label, duration, engine_label, printable, threads_label
from mobilebench.analysis.statistics import Interval
from mobilebench.analysis.summary import CaseSummary
from mobilebench.results.records import SetupPart

LOG_FROM = 20.0
"""Slowest over fastest from which latencies are drawn on a logarithmic axis."""
_LEFT, _RIGHT = 0.6, 99.4
_ROW = 42
_LABEL_LIMIT = 46
_CUT = 0.8
"""Percent of the width from which a stacked segment is parted from the next one by a thin line."""

SEGMENTS: tuple[tuple[str, str, tuple[SetupPart, ...]], ...] = (
    ("runtime", "runtime obtained", ("framework_download", "library_load")),
    ("runtime-start", "runtime started", ("framework_init",)),
    ("model", "model obtained", ("model_download", "model_read")),
    ("model-start", "model started, session created", ("model_init", "session_creation")),
    ("delegate", "delegate prepared", ("delegate_preparation",)),
)
"""Setup parts of native and web engines that do the same work share a colour: class, name, parts."""


@dataclass(frozen=True)
class Axis:
    """Maps milliseconds to percent of the width."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def at(self, ms: float) -> float:
        """Percent, held within the axis."""
        if self.logarithmic:
            share = math.log(max(ms, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (ms - self.low) / (self.high - self.low)
        return _LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share))


@dataclass(frozen=True)
class Figure:
    """A picture, the words that stand in for it, and whether its axis is logarithmic."""

    svg: Markup
    logarithmic: bool = False


def latency(cases: Sequence[CaseSummary], mark: str | None) -> Figure | None:
    """Median prediction of every case with its blocks and its interval; `mark` is printed inside (`virtual: …`).

    None when no case has a prediction.
    """
    shown = sorted(
        (case for case in cases if "prediction" in case.stages), key=lambda case: case.stages["prediction"].median
    )
    if not shown:
        return None
    axis = _latency_axis(shown)
    rows = [
        _latency_row(label, case, axis, _top(mark) + number * _ROW)
        for number, (label, case) in enumerate(zip(_labels(shown), shown, strict=True))
    ]
    told = ", ".join(f"{case_label(c.case)} {duration(c.stages['prediction'].median)} ms" for c in shown)
    return Figure(_drawing(f"Prediction, fastest first: {told}.", mark, len(shown), axis, rows), axis.logarithmic)


def stages(cases: Sequence[CaseSummary], mark: str | None) -> Figure | None:
    """Setup by part, warmup and one prediction of every case, stacked. None when no case has all three."""
    shown = sorted((case for case in cases if len(case.stages) == 3), key=_total)
    if not shown:
        return None
    axis = _linear_axis(max(map(_total, shown)))
    rows = [
        _stages_row(label, case, axis, _top(mark) + number * _ROW)
        for number, (label, case) in enumerate(zip(_labels(shown), shown, strict=True))
    ]
    told = ", ".join(f"{case_label(case.case)} {duration(_total(case))} ms" for case in shown)
    return Figure(_drawing(f"Setup, warmup and one prediction together: {told}.", mark, len(shown), axis, rows))


def used_segments(cases: Sequence[CaseSummary]) -> list[tuple[str, str]]:
    """Class and name of what the stages picture of these cases shows, for its legend."""
    present = {part for case in cases if len(case.stages) == 3 for part in case.setup_parts}
    found = [(name, label) for name, label, parts in SEGMENTS if present & set(parts)]
    return [*found, ("warmup", "warmup"), ("prediction", "one prediction")]


def sparkline(samples: Sequence[float]) -> Markup:
    """Raw samples in order, from the smallest at the bottom to the largest at the top."""
    if len(samples) < 2:
        return Markup("")
    low, high = min(samples), max(samples)
    step = 100 / (len(samples) - 1)
    points = " ".join(
        f"{number * step:.1f},{22 - 20 * ((value - low) / (high - low) if high > low else 0.5):.1f}"
        for number, value in enumerate(samples)
    )
    label = f"{len(samples)} samples from {duration(low)} to {duration(high)} ms, in order"
    return Markup(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>'
    ).format(label, points)


def ratio_bar(value: float, longest: float) -> Markup:
    """A bar from 0 with a line at 1×, on the scale of the longest one beside it. The number stands next to it."""
    scale = 100 / max(longest, 1.0)
    return Markup(
        '<svg class="ratio" width="100%" height="8" aria-hidden="true">'
        '<rect class="track" width="100%" height="8" rx="2"/><rect class="bar" width="{:.2f}%" height="8" rx="2"/>'
        '<line class="one" x1="{:.2f}%" x2="{:.2f}%" y1="0" y2="8"/></svg>'
    ).format(value * scale, scale, scale)


def share_bar(shares: Sequence[tuple[str, str, float]]) -> Markup:
    """One bar of shares that add up to at most 1; each has a class, a name and a value."""
    parts, start = [], 0.0
    for name, _, value in shares:
        parts.append(
            Markup('<rect class="fill-{}" x="{:.3f}%" width="{:.3f}%" height="12"/>').format(
                name, start * 100, value * 100
            )
        )
        start += value
    label = ", ".join(f"{title} {value:.0%}" for _, title, value in shares)
    return Markup('<svg class="share" width="100%" height="12" role="img" aria-label="{}">{}</svg>').format(
        label, Markup("").join(parts)
    )


def _top(mark: str | None) -> int:
    return 24 if mark else 4


def _drawing(label: str, mark: str | None, rows: int, axis: Axis, drawn: Sequence[Markup]) -> Markup:
    top = _top(mark)
    bottom = top + rows * _ROW
    marked = Markup('<text class="mark" x="0" y="14">{}</text>').format(_short(mark)) if mark else Markup("")
    return Markup('<svg class="plot" width="100%" height="{}" role="img" aria-label="{}">{}{}{}</svg>').format(
        bottom + 22, printable(label), marked, _grid(axis, top, bottom), Markup("").join(drawn)
    )


def _grid(axis: Axis, top: int, bottom: int) -> Markup:
    lines = []
    for number, tick in enumerate(axis.ticks):
        x = axis.at(tick)
        anchor = "start" if number == 0 and x < 5 else "end" if x > 95 else "middle"
        lines.append(
            Markup(
                '<line class="grid" x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>'
                '<text class="tick" x="{0:.2f}%" y="{3}" text-anchor="{4}">{5:g}</text>'
            ).format(x, top, bottom, bottom + 16, anchor, tick)
        )
    return Markup("").join(lines)


def _labels(cases: Sequence[CaseSummary]) -> list[str]:
    """Row labels; the browser is named only where there is more than one."""
    if len({case.case.browser for case in cases if case.web}) > 1:
        return [case_label(case.case) for case in cases]
    return [f"{engine_label(case.case)}, {threads_label(case.case.threads)}" for case in cases]


def _label_line(label: str, case: CaseSummary, value: str, y: int) -> Markup:
    status = Markup('<tspan class="flag"> {}</tspan>').format(case.status) if case.status != "valid" else ""
    return Markup(
        '<text class="name" x="0" y="{y}">{name}{status}</text>'
        '<text class="value" x="100%" y="{y}" text-anchor="end">{value}</text>'
    ).format(y=y + 15, name=_short(label), status=status, value=value)


def _latency_row(label: str, case: CaseSummary, axis: Axis, y: int) -> Markup:
    statistics = case.stages["prediction"]
    middle = y + 28
    side = "web" if case.web else "native"
    parts = [_label_line(label, case, f"{duration(statistics.median)} ms", y)]
    parts.append(Markup('<line class="rail" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(middle))
    if statistics.interval:
        low, high = axis.at(statistics.interval.low), axis.at(statistics.interval.high)
        parts.append(_line(f"interval {side}", low, high, middle))
        parts += [_tick(f"end {side}", axis.at(end), middle, 5) for end in _inside(axis, statistics.interval)]
    low, high = axis.at(statistics.spread.low), axis.at(statistics.spread.high)
    parts.append(_line(f"spread {side}", low, high, middle))
    parts += [_tick(f"block {side}", axis.at(block), middle, 4) for block in statistics.blocks]
    parts.append(_point(side, axis.at(statistics.median), middle))
    return Markup("").join(parts)


def _inside(axis: Axis, interval: Interval) -> list[float]:
    """Ends of the interval that the axis shows: one beyond it gets no end mark, and so looks open."""
    return [end for end in (interval.low, interval.high) if axis.low < end < axis.high]


def _line(classes: str, x1: float, x2: float, y: int) -> Markup:
    return Markup('<line class="{0}" x1="{1:.2f}%" x2="{2:.2f}%" y1="{3}" y2="{3}"/>').format(classes, x1, x2, y)


def _tick(classes: str, x: float, y: int, half: int) -> Markup:
    return Markup('<line class="{0}" x1="{1:.2f}%" x2="{1:.2f}%" y1="{2}" y2="{3}"/>').format(
        classes, x, y - half, y + half
    )


def _point(side: str, x: float, y: int) -> Markup:
    """Native is a disc and web a square: the two are told apart without colour."""
    if side == "native":
        return Markup('<circle class="point native" cx="{:.2f}%" cy="{}" r="5"/>').format(x, y)
    return Markup(
        '<rect class="point web" x="{:.2f}%" y="{}" width="9" height="9" transform="translate(-4.5 -4.5)"/>'
    ).format(x, y)


def _stages_row(label: str, case: CaseSummary, axis: Axis, y: int) -> Markup:
    parts = [_label_line(label, case, f"{duration(_total(case))} ms", y)]
    start = 0.0
    for name, title, value in _segments(case):
        left, right = axis.at(start), axis.at(start + value)
        start += value
        parts.append(
            Markup(
                '<rect class="fill-{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="12"><title>{}: {} ms</title></rect>'
            ).format(name, left, y + 22, right - left, title, duration(value))
        )
        if right - left > _CUT:
            parts.append(_tick("cut", right, y + 28, 6))
    return Markup("").join(parts)


def _segments(case: CaseSummary) -> list[tuple[str, str, float]]:
    found = []
    for name, title, members in SEGMENTS:
        value = sum(case.setup_parts[part].median for part in members if part in case.setup_parts)
        if value > 0:
            found.append((name, title, value))
    found.append(("warmup", "warmup", case.stages["warmup"].median))
    return [*found, ("prediction", "one prediction", case.stages["prediction"].median)]


def _total(case: CaseSummary) -> float:
    return sum(value for _, _, value in _segments(case))


def _latency_axis(cases: Sequence[CaseSummary]) -> Axis:
    statistics = [case.stages["prediction"] for case in cases]
    low = min(s.spread.low for s in statistics)
    high = max(s.spread.high for s in statistics)
    if low > 0 and high / low > LOG_FROM:
        return _log_axis(low, high)
    reach = max(min(s.interval.high, 1.3 * s.spread.high) if s.interval else s.spread.high for s in statistics)
    return _linear_axis(max(high, reach))


def _linear_axis(high: float) -> Axis:
    """From 0 to the first round number above `high`, with four to six ticks."""
    step = _round_up(max(high, 1e-6) / 5)
    count = max(1, math.ceil(high / step - 1e-9))
    return Axis(0.0, count * step, False, tuple(float(f"{step * n:.6g}") for n in range(count + 1)))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if value <= factor * power * (1 + 1e-9))


def _log_axis(low: float, high: float) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    steps = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    below = max((step for step in steps if step <= low), default=steps[0])
    above = min((step for step in steps if step >= high), default=steps[-1])
    return Axis(below, above, True, tuple(float(f"{s:.6g}") for s in steps if below <= s <= above))


def _short(text: str) -> str:
    clean = printable(text)
    return clean if len(clean) <= _LABEL_LIMIT else f"{clean[: _LABEL_LIMIT - 1]}…"
