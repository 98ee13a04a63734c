"""Rows of stacked segments, such as stages that follow each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mobilebench.report.figures import theme
from mobilebench.report.figures.axes import Axis


@dataclass(frozen=True)
class Segment:
    """A part of a row, from `start` to `end` on the axis."""

    part: str
    """Its name in the legend; one of mobilebench's own words."""
    start: float
    end: float
    detail: str
    """What it stands for, for the tooltip."""


@dataclass(frozen=True)
class Stack:
    """One row: its name, the number at its right, and its segments."""

    label: str
    text: str
    segments: tuple[Segment, ...]


def layers(rows: Sequence[Stack], colours: Mapping[str, str], axis: Axis, title: str | None = None) -> list[theme.Spec]:
    """Layers that show the rows. `colours` has the name of the colour of each part, in the order of the legend."""
    segments = [
        {"n": n, "label": row.label, "part": one.part, "start": one.start, "end": one.end, "detail": one.detail}
        for n, row in enumerate(rows)
        for one in row.segments
    ]
    present = {row["part"] for row in segments}
    bars = {
        "data": theme.values(segments),
        "mark": {
            "type": "bar",
            "height": 12,
            "yOffset": 8,
            "stroke": theme.COLOURS["sheet"],
            "strokeWidth": 0.7,
        },
        "encoding": {
            "y": theme.row_position(),
            "x": axis.encoding("start", title),
            "x2": {"field": "end"},
            "color": theme.coloured("part", {name: key for name, key in colours.items() if name in present}),
            "tooltip": theme.tooltip(label="Case", part="Part", detail="Value"),
        },
    }
    return [*theme.row_texts([(row.label, row.text) for row in rows]), bars]
