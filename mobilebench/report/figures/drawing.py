"""Elements of figures: axes, grids, rows with a label, and lines.

Positions along the axis are percentages and sizes are pixels, without a viewBox: a picture fills its column from 390 px
to laptop width while its text keeps its size. Colours are classes, so that the page's two schemes apply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mobilebench.analysis.labels import case_label, printable
from mobilebench.analysis.summary import CaseSummary, Status

ROW = 42
"""Height of one case's row in pixels."""
TALL = 16
"""A picture with this many rows or more scrolls."""
_CUT = 0.8
"""Stacked segments of at least this percentage of the width are separated from the next one by a thin line."""
_LEFT, _RIGHT = 0.6, 99.4
_LABEL_LIMIT = 60


@dataclass(frozen=True)
class Axis:
    """Maps values to percent of the width."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Position in percent, clipped to the axis."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return _LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share))


def first_row(mark: str | None) -> int:
    """Position of the first row: below the mark of a virtual target, if there is one."""
    return 24 if mark else 4


def picture(label: str, mark: str | None, rows: int, axis: Axis, drawn: Sequence[Markup]) -> Markup:
    """A picture of `rows` rows over a grid. `label` describes it in words; `mark` (`virtual: …`) is printed inside.

    A tall picture scrolls in its own box, in which its axis stays visible.
    """
    top = first_row(mark)
    bottom = top + rows * ROW
    marked = Markup('<text class="mark" x="0" y="14">{}</text>').format(short(mark)) if mark else Markup("")
    tall = rows > TALL
    ticks = Markup("") if tall else _ticks(axis, bottom + 16)
    svg = Markup('<svg class="plot" width="100%" height="{}" role="img" aria-label="{}">{}{}{}{}</svg>').format(
        bottom if tall else bottom + 22,
        printable(label),
        marked,
        _grid(axis, top, bottom),
        ticks,
        Markup("").join(drawn),
    )
    if not tall:
        return svg
    return Markup(
        '<div class="tall" tabindex="0">{}<svg class="axis" width="100%" height="24" aria-hidden="true">{}</svg></div>'
    ).format(svg, _ticks(axis, 16))


def _grid(axis: Axis, top: int, bottom: int) -> Markup:
    lines = (
        Markup('<line class="grid" x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>').format(axis.at(tick), top, bottom)
        for tick in axis.ticks
    )
    return Markup("").join(lines)


def _ticks(axis: Axis, y: int) -> Markup:
    """The numbers of an axis; the first and last do not extend beyond it."""
    texts = []
    for number, tick in enumerate(axis.ticks):
        x = axis.at(tick)
        anchor = "start" if number == 0 and x < 5 else "end" if x > 95 else "middle"
        text = Markup('<text class="tick" x="{:.2f}%" y="{}" text-anchor="{}">{:g}</text>')
        texts.append(text.format(x, y, anchor, tick))
    return Markup("").join(texts)


def in_words(data: Sequence[tuple[str, str]]) -> str:
    """Labels and values as text for screen readers; for a tall picture the first rows, and the number of the others."""
    more = [f"and {len(data) - TALL} more"] if len(data) > TALL else []
    return "; ".join([*(f"{label} {value}" for label, value in data[:TALL]), *more])


def row_labels(cases: Sequence[CaseSummary]) -> list[str]:
    """Row labels; browser and threads are included only if the cases differ in them."""
    browsers = {case.case.browser for case in cases if case.web}
    threads = {case.case.threads for case in cases}
    several = {"browser": len(browsers) > 1, "threads": len(threads) > 1 or len(cases) == 1}
    return [case_label(case.case, **several) for case in cases]


def label_line(label: str, status: Status, value: str, y: int) -> Markup:
    """The line above a bar: the name of the case, its verdict unless it is valid, and its number."""
    flag = Markup('<tspan class="flag"> {}</tspan>').format(status) if status != "valid" else ""
    return Markup(
        '<text class="name" x="0" y="{y}">{name}{status}</text>'
        '<text class="value" x="100%" y="{y}" text-anchor="end">{value}</text>'
    ).format(y=y + 15, name=short(label), status=flag, value=value)


def segment(name: str, title: str, left: float, right: float, y: int) -> Markup:
    """A segment of a stacked bar from `left` to `right` percent, with a separating line if it is wide enough."""
    cut = " cut" if right - left > _CUT else ""
    return Markup(
        '<rect class="fill-{}{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="12"><title>{}</title></rect>'
    ).format(name, cut, left, y + 22, max(0.0, right - left), printable(title))


def line(classes: str, x1: float, x2: float, y: int) -> Markup:
    return Markup('<line class="{0}" x1="{1:.2f}%" x2="{2:.2f}%" y1="{3}" y2="{3}"/>').format(classes, x1, x2, y)


def tick(classes: str, x: float, y: int, half: int) -> Markup:
    return Markup('<line class="{0}" x1="{1:.2f}%" x2="{1:.2f}%" y1="{2}" y2="{3}"/>').format(
        classes, x, y - half, y + half
    )


def point(side: str, x: float, y: int) -> Markup:
    """A disc for native and a square for web, so that they differ without colour."""
    if side == "native":
        return Markup('<circle class="point native" cx="{:.2f}%" cy="{}" r="5"/>').format(x, y)
    return Markup(
        '<rect class="point web" x="{:.2f}%" y="{}" width="9" height="9" transform="translate(-4.5 -4.5)"/>'
    ).format(x, y)


def linear_axis(high: float) -> Axis:
    """A linear axis from 0 to the first round number above `high`, with four to six ticks."""
    step = _round_up(max(high, 1e-6) / 5)
    count = max(1, math.ceil(high / step - 1e-9))
    return Axis(0.0, count * step, False, tuple(float(f"{step * n:.6g}") for n in range(count + 1)))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if value <= factor * power * (1 + 1e-9))


def log_axis(low: float, high: float) -> Axis:
    """A logarithmic axis from a round number at or below `low` to one at or above `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    steps = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    below = max((step for step in steps if step <= low), default=steps[0])
    above = min((step for step in steps if step >= high), default=steps[-1])
    return Axis(below, above, True, tuple(float(f"{s:.6g}") for s in steps if below <= s <= above))


def short(text: str) -> str:
    """Text, shortened to fit above a bar."""
    clean = printable(text)
    return clean if len(clean) <= _LABEL_LIMIT else f"{clean[: _LABEL_LIMIT - 1]}…"
