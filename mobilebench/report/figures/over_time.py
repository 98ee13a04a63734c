"""Figures over time: the blocks of a target beside temperatures and clocks, and a number over several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mobilebench.analysis.labels import case_label, factor, model_label, printable
from mobilebench.analysis.timeline import BlockAt, Quantity
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, theme
from mobilebench.statistics.estimates import quantile

SINGLE_UP_TO = 150
"""The most blocks that are drawn one by one; more are summed up by stretches of time."""
_STRETCHES = 80
_MOST_READINGS = 120
HEIGHT, SERIES_HEIGHT = 200, 110
_EVEN: theme.Spec = {"minExtent": 44, "maxExtent": 44}
UNITS = ("°C", "MHz", "%")
"""Units of recorders' quantities that are drawn beside the blocks: temperatures, clocks and use."""


def is_drawn(one: Quantity) -> bool:
    """Whether a quantity is drawn beside the blocks. Means over a whole block repeat its clocks, and the battery's
    charge hardly moves."""
    return one.unit in UNITS and not one.name.endswith(" mean") and (one.recorder, one.name) != ("battery", "level")


def blocks_over_time(
    blocks: Sequence[BlockAt], quantities: Sequence[tuple[str, Quantity]], mark: str | None
) -> doc.Figure | None:
    """The predictions of a target's blocks by time, relative to their cases, above temperature and clock.

    `quantities` come with their titles. None with fewer than three blocks.
    """
    if len(blocks) < 3:
        return None
    drawn = [(title, one) for title, one in quantities if is_drawn(one)]
    last = max([blocks[-1].minutes, *(one.readings[-1].minutes for _, one in drawn)])
    time = axes.linear_axis(last)
    single = len(blocks) <= SINGLE_UP_TO
    top = _single(blocks, time) if single else _summed(blocks, time)
    logarithmic = ", logarithmic axis" if top[0]["encoding"]["y"]["scale"].get("type") == "log" else ""
    panels: list[theme.Spec] = [panel(top, HEIGHT)]
    for unit in UNITS:
        of_unit = [(title, one) for title, one in drawn if one.unit == unit][: len(theme.CATEGORIES)]
        if of_unit:
            panels.append(panel(readings_by_time(of_unit, unit, time), SERIES_HEIGHT))
    relative = [block.relative for block in blocks]
    data = (
        ("blocks", str(len(blocks))),
        ("lowest and highest block over its case", f"{factor(min(relative))} and {factor(max(relative))}"),
        *((title, f"{range_of(one)} {one.unit}") for title, one in drawn),
    )
    how = (
        "one point for each block, the line behind it from its fastest to its slowest sample"
        if single
        else f"{len(blocks)} blocks by time: median, quartiles, and lowest and highest block"
    )
    spec = stacked(panels, f"Blocks over time: {theme.in_words(data)}.", mark)
    without = "" if drawn else " No temperature or clock was recorded."
    return doc.Figure(
        "Over time",
        f"Predictions over those of their case (1 is typical{logarithmic}), by minutes since the first block: "
        f"{how}.{without}",
        spec,
        data,
        forms=doc.HTML,
    )


def stacked(panels: Sequence[theme.Spec], description: str, mark: str | None) -> theme.Spec:
    """Charts below each other, with colours of their own."""
    spec = theme.chart([], height=0, description=description, mark=mark)
    for needless in ("layer", "width", "height", "autosize"):
        del spec[needless]
    independent = {"color": "independent", "shape": "independent"}
    return spec | {"vconcat": list(panels), "spacing": 14, "resolve": {"scale": independent}}


def panel(layers: list[theme.Spec], height: int) -> theme.Spec:
    """One of several charts below each other."""
    return {"width": "container", "height": height, "layer": layers}


def even(channel: theme.Spec) -> theme.Spec:
    """The channel with an axis as wide as those of the other panels, so that times stand below each other."""
    return channel | {"axis": channel["axis"] | _EVEN}


def _single(blocks: Sequence[BlockAt], time: axes.Axis) -> list[theme.Spec]:
    rows: list[dict[str, Any]] = [
        {
            "at": block.minutes,
            "relative": block.relative,
            "low": block.low,
            "high": block.high,
            "side": theme.side(block.case),
            "label": case_label(block.case.case),
            "model": model_label(block.case.case.model, block.case.case.precision, block.case.case.batch),
            "round": block.round,
        }
        for block in blocks
    ]
    styles = theme.by_side(row["side"] for row in rows)
    scale = relative_axis(
        min(min(block.relative for block in blocks), quantile([block.low for block in blocks], 0.1)),
        max(max(block.relative for block in blocks), quantile([block.high for block in blocks], 0.9)),
    )
    clipped = [row | {"low": scale.clipped(row["low"]), "high": scale.clipped(row["high"])} for row in rows]
    return [
        {
            "data": theme.values(clipped),
            "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.4},
            "encoding": {
                "x": time.encoding("at", "minutes"),
                "y": even(scale.encoding("low")),
                "y2": {"field": "high"},
                "color": styles["color"],
            },
        },
        {
            "data": theme.values(rows),
            "mark": {"type": "point", "filled": True, "size": 40, "opacity": 0.95},
            "encoding": {
                "x": time.encoding("at", "minutes"),
                "y": even(scale.encoding("relative", "over its case")),
                **styles,
                "tooltip": theme.tooltip(model="Model", label="Case", round="Round", relative="Over its case"),
            },
        },
    ]


def relative_axis(low: float, high: float) -> axes.Axis:
    """An axis from below `low` to above `high`, which is near 1 if both are."""
    if low > 0 and high / low > axes.LOG_FROM:
        return axes.log_axis(low, high)
    if low > 0.5:
        step = 0.05 if high < 1.2 else 0.1 if high < 1.5 else 0.25
        first, last = int(low / step), int(high / step) + 1
        ticks = tuple(float(f"{n * step:.6g}") for n in range(first, last + 1))
        return axes.Axis(ticks[0], ticks[-1], False, ticks)
    return axes.linear_axis(high)


def _summed(blocks: Sequence[BlockAt], time: axes.Axis) -> list[theme.Spec]:
    stretch = (blocks[-1].minutes or 1.0) / _STRETCHES
    by_stretch: dict[int, list[float]] = {}
    for block in blocks:
        by_stretch.setdefault(min(int(block.minutes / stretch), _STRETCHES - 1), []).append(block.relative)
    rows: list[dict[str, Any]] = [
        {
            "at": (number + 0.5) * stretch,
            "least": min(values),
            "q1": quantile(values, 0.25),
            "q2": quantile(values, 0.5),
            "q3": quantile(values, 0.75),
            "most": max(values),
            "blocks": len(values),
        }
        for number, values in sorted(by_stretch.items())
    ]
    scale = relative_axis(min(row["least"] for row in rows), max(row["most"] for row in rows))
    data, x = theme.values(rows), time.encoding("at", "minutes")
    colour = theme.COLOURS["category-1"]

    def rule(low: str, high: str, width: float, opacity: float) -> theme.Spec:
        return {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": width, "opacity": opacity, "color": colour},
            "encoding": {"x": x, "y": even(scale.encoding(low)), "y2": {"field": high}},
        }

    return [
        rule("least", "most", 1, 0.5),
        rule("q1", "q3", 5, 0.45),
        {
            "data": data,
            "mark": {"type": "point", "filled": True, "size": 30, "color": colour, "opacity": 1},
            "encoding": {
                "x": x,
                "y": even(scale.encoding("q2", "over its case")),
                "tooltip": theme.tooltip(blocks="Blocks", q2="Median", least="Lowest", most="Highest"),
            },
        },
    ]


def readings_by_time(found: Sequence[tuple[str, Quantity]], unit: str, time: axes.Axis) -> list[theme.Spec]:
    """Lines of recorders' quantities with their titles, all of one unit."""
    names = [title for title, _ in found]
    rows = [
        {"at": reading.minutes, "value": reading.value, "name": title}
        for title, one in found
        for reading in one.readings[:: max(1, len(one.readings) // _MOST_READINGS)]
    ]
    return [
        {
            "data": theme.values(rows),
            "mark": {"type": "line", "strokeWidth": 1.5, "point": {"size": 14, "filled": True}},
            "encoding": {
                "x": time.encoding("at", "minutes"),
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "title": unit,
                    "scale": {"zero": False, **_around([float(str(row["value"])) for row in rows])},
                    "axis": _EVEN | {"tickCount": 4},
                },
                "color": theme.coloured("name", dict(zip(names, theme.CATEGORIES, strict=False))),
                "tooltip": theme.tooltip(name="Quantity", value=unit),
            },
        }
    ]


def _around(values: Sequence[float]) -> theme.Spec:
    """The domain of an axis where nothing changes, so that it has round numbers; empty where something does."""
    if not values or max(values) > min(values):
        return {}
    margin = max(abs(values[0]) * 0.1, 1.0)
    return {"domain": [values[0] - margin, values[0] + margin]}


def range_of(one: Quantity) -> str:
    """The lowest and the highest reading."""
    values = [reading.value for reading in one.readings]
    return f"{min(values):g} to {max(values):g}"


_TIMES = {
    "year": "%Y",
    "month": "%b %Y",
    "week": "%d %b",
    "day": "%d %b",
    "date": "%d %b",
    "hours": "%H:%M",
    "minutes": "%H:%M",
    "seconds": "%H:%M:%S",
    "milliseconds": "%H:%M:%S",
}
"""How the time axis is labelled, by the unit of time that its labels are apart."""


@dataclass(frozen=True)
class Point:
    """A number at one time, such as a case's prediction in one run, with its 95 % interval if there is one."""

    at: datetime
    value: float
    low: float | None = None
    high: float | None = None


def history(points: Sequence[Point], title: str, unit: str) -> doc.Figure | None:
    """A number over time with its intervals, below its title. None without a point."""
    if not points:
        return None
    rows = [
        {
            "at": f"{point.at:%Y-%m-%dT%H:%M:%S}Z",
            "value": point.value,
            "low": point.low,
            "high": point.high,
        }
        for point in sorted(points, key=lambda point: point.at)
    ]
    x = {"field": "at", "type": "temporal", "title": "UTC", "scale": {"type": "utc"}, "axis": {"format": _TIMES}}
    y = {"type": "quantitative", "title": unit, "scale": {"zero": False}}
    colour = theme.COLOURS["category-1"]
    with_interval = [row for row in rows if row["low"] is not None and row["high"] is not None]
    interval = {
        "data": theme.values(with_interval),
        "mark": {"type": "rule", "strokeWidth": 1.5, "color": colour},
        "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
    }
    line = {
        "data": theme.values(rows),
        "mark": {"type": "line", "strokeWidth": 1, "color": colour, "point": {"size": 50, "color": colour}},
        "encoding": {
            "x": x,
            "y": {"field": "value", **y},
            "tooltip": theme.tooltip(at="Time", value=unit, low="Interval from", high="to"),
        },
    }
    data = tuple((str(row["at"]), f"{row['value']:.4g} {unit}") for row in rows)
    return doc.Figure(
        title,
        f"{unit}, with 95 % intervals where there are enough blocks.",
        theme.chart(
            [*([interval] if with_interval else []), line],
            height=HEIGHT,
            description=f"{unit} by time: {theme.in_words(data)}.",
            title={"text": printable(title), "anchor": "start", "fontSize": 13, "offset": 8},
        ),
        data,
    )


MOST_SINGLE = 120
"""With more nights than this, a curve has no mark for each of them."""
_LEVEL, _NO_TIME = "ink", "category-2"


@dataclass(frozen=True)
class Level:
    """A stretch of a curve with one typical value."""

    first: datetime
    last: datetime
    value: float
    number: int | None = None
    """Number of the change with which it begins; None for the first level."""


def curve(
    points: Sequence[Point],
    levels: Sequence[Level],
    without: Sequence[datetime],
    title: str,
    mark: str | None,
    unit: str = "ms",
) -> doc.Figure | None:
    """Milliseconds, or another number, over nights, with the band of their 95 % intervals, levels, and numbered changes
    between them.

    Args:
        points: the nights with a time, oldest first.
        levels: the levels, oldest first.
        without: nights in which the case has no time; each is a diamond at the bottom.
        title: what the times are of.
        mark: the SoC of a virtual target.
        unit: of the numbers.
    """
    if not points:
        return None
    what = "time" if unit == "ms" else "value"
    x = {"field": "at", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": {"format": _TIMES}}
    y = {"type": "quantitative", "title": unit, "scale": {"zero": False}}
    colour = theme.COLOURS["category-1"]
    low, high = _span([one.value for one in points], [one.value for one in levels])
    y = y | {"scale": {"zero": False, "nice": False, "domain": [low, high]}}
    outside = sum(not low <= one.value <= high for one in points)
    rows = [
        {"at": _moment(one.at), "value": min(max(one.value, low), high)}
        | {name: None if of is None else min(max(of, low), high) for name, of in (("low", one.low), ("high", one.high))}
        for one in points
    ]
    band = [row for row in rows if row["low"] is not None and row["high"] is not None]
    line: theme.Spec = {"type": "line", "strokeWidth": 1.5, "color": colour}
    if len(points) <= MOST_SINGLE:
        line["point"] = {"size": 28, "color": colour}
    layers: list[theme.Spec] = [
        {
            "data": theme.values(band),
            "mark": {"type": "area", "opacity": 0.22, "color": colour},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {"data": theme.values(rows), "mark": line, "encoding": {"x": x, "y": {"field": "value", **y}}},
    ]
    if len(levels) > 1:
        layers += _levels(levels, x, y)
    if without:
        layers.append(
            {
                "data": theme.values([{"at": _moment(at)} for at in without]),
                "mark": {"type": "point", "shape": "diamond", "size": 60, "filled": True, "opacity": 1}
                | {"color": theme.COLOURS[_NO_TIME]},
                "encoding": {"x": x, "y": {"value": HEIGHT - 5}},
            }
        )
    data = (
        ("nights", str(len(points))),
        ("first", f"{points[0].value:.4g} {unit}"),
        ("last", f"{points[-1].value:.4g} {unit}"),
        *((f"level from {one.first:%Y-%m-%d}", f"{one.value:.4g} {unit}") for one in levels),
    )
    note = [f"Line: typical {what} of each night. Band: its 95 % interval."]
    if len(levels) > 1:
        note.append("Dashed: a change of the level, with its number; the thin lines are the levels.")
    if without:
        note.append(f"Diamond: a night without a {what}.")
    if outside:
        note.append(f"{outside} {'night is' if outside == 1 else 'nights are'} beyond the axis and drawn at its end.")
    return doc.Figure(
        title,
        " ".join(note),
        theme.chart(layers, height=HEIGHT, description=f"{title} over nights: {theme.in_words(data)}.", mark=mark),
        data,
    )


_ALWAYS = 3
_SHARE_OUTSIDE = 0.02


def _span(values: Sequence[float], levels: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis: around all but the outermost values, all levels, and the newest nights."""
    kept = [*levels, *values[-_ALWAYS:], quantile(values, _SHARE_OUTSIDE), quantile(values, 1 - _SHARE_OUTSIDE)]
    low, high = min(kept), max(kept)
    margin = max((high - low) * 0.25, high * 0.02)
    return max(low - margin, 0.0), high + margin


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def _levels(levels: Sequence[Level], x: theme.Spec, y: theme.Spec) -> list[theme.Spec]:
    rows = [{"at": _moment(one.first), "end": _moment(one.last), "value": one.value} for one in levels]
    changes = [{"at": _moment(one.first), "text": str(one.number)} for one in levels if one.number is not None]
    colour = theme.COLOURS[_LEVEL]
    data = theme.values(changes)
    return [
        {
            "data": theme.values(rows),
            "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.7, "color": colour},
            "encoding": {"x": x, "x2": {"field": "end"}, "y": {"field": "value", **y}},
        },
        {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": 1.2, "strokeDash": [4, 3], "color": colour},
            "encoding": {"x": x},
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "baseline": "top", "dx": 4, "fontWeight": "bold"},
            "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "text"}},
        },
    ]
