"""The figure at the top of the report: the gap between web and native, by model or by target, on one small axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mobilebench.analysis.findings import Place
from mobilebench.analysis.labels import factor, plain_model_label, ratio
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, theme

MODELS_UP_TO = 6
"""With more gaps than this, there is a row for each target instead of each model."""
_BELOW = 8
"""Pixels from the middle of a row to its marks."""
_REACH = 3.0
"""How far an interval may extend the axis beyond its ratio."""

Row = dict[str, Any]


def gap_strip(places: Sequence[Place], names: Mapping[str, str]) -> doc.Figure | None:
    """The gaps of these targets; `names` maps ids of targets to names. None if there is no gap."""
    compared = [place for place in places if place.compared]
    by_model = sum(len(place.compared) for place in compared) <= MODELS_UP_TO
    rows = [row for place in compared for row in (_models if by_model else _target)(place, names)]
    if not rows:
        return None
    axis = _axis(rows)
    for n, row in enumerate(rows):
        row |= {"n": n, "side": "web", "one": 1.0, "high": axis.clipped(row["high"]), "low": axis.clipped(row["low"])}
    ticks = [{"n": row["n"], "tick": tick} for row in rows for tick in row.pop("ticks")]
    data = tuple((str(row["label"]), str(row["value"])) for row in rows)
    line = "95 % interval, or else the lowest to the highest round" if by_model else "lowest to the highest model"
    more = "" if by_model else " Each tick is a model, and the square their geometric mean."
    mark = compared[0].target.soc if all(place.target.info.virtual for place in compared) else None
    return doc.Figure(
        "Gap between web and native",
        "Time of the fastest page over that of the fastest native engine, logarithmic axis. At 1× both take equally "
        f"long. The line is the {line}.{more}",
        theme.chart(
            [*theme.row_texts(data), *_marks(rows, ticks, axis)],
            height=theme.ROW * len(rows),
            description=f"Gap between web and native: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _models(place: Place, names: Mapping[str, str]) -> Iterator[Row]:
    for one in place.compared:
        found, group = one.ratio, one.group
        if found:
            ends = found.interval or found.spread
            label = f"{plain_model_label(group.model, group.precision, group.batch)} · {_where(place, names)}"
            yield {**_row(label, found.value, ends.low, ends.high), "rounds": found.rounds, "ticks": ()}


def _target(place: Place, names: Mapping[str, str]) -> Iterator[Row]:
    found = tuple(one.ratio.value for one in place.compared if one.ratio)
    label = f"{_where(place, names)} · {len(found)} model{'' if len(found) == 1 else 's'}"
    yield {**_row(label, place.mean or 0.0, min(found), max(found)), "ticks": found}


def _row(label: str, value: float, low: float, high: float) -> Row:
    between = f"{factor(low)}–{factor(high)}"
    return {"label": label, "ratio": value, "low": low, "high": high, "value": ratio(value), "between": between}


def _where(place: Place, names: Mapping[str, str]) -> str:
    info = place.target.info
    return f"{names[info.id]}{' (virtual)' if info.virtual else ''}"


def _axis(rows: Sequence[Row]) -> axes.Axis:
    """From 1× or below to the largest gap."""
    low = min(1.0, *(row["low"] for row in rows))
    return axes.log_axis(low, max(2.0, *(min(row["high"], _REACH * row["ratio"]) for row in rows)))


def _marks(rows: Sequence[Row], ticks: Sequence[Row], axis: axes.Axis) -> list[theme.Spec]:
    side = theme.by_side(["web"])
    place = {"y": theme.row_position(), "color": {**side["color"], "legend": None}}
    data = theme.values(rows)
    tick = {"type": "tick", "thickness": 1.5, "yOffset": _BELOW}
    layers: list[theme.Spec] = [
        {
            "data": data,
            "mark": {**tick, "size": 14, "color": theme.COLOURS["ink"]},
            "encoding": {"y": theme.row_position(), "x": axis.encoding("one")},
        },
        {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": 1.5, "yOffset": _BELOW, "y2Offset": _BELOW},
            "encoding": {**place, "x": axis.encoding("low"), "x2": {"field": "high"}},
        },
    ]
    if ticks:
        layers.append(
            {
                "data": theme.values(ticks),
                "mark": {**tick, "size": 9, "opacity": 0.6, "color": theme.COLOURS["web"]},
                "encoding": {"y": theme.row_position(), "x": axis.encoding("tick")},
            }
        )
    point = {"type": "point", "filled": True, "size": 90, "opacity": 1, "shape": "square", "yOffset": _BELOW}
    titles = theme.tooltip(label="Model", value="Gap", between="Range")
    layers.append({"data": data, "mark": point, "encoding": {**place, "x": axis.encoding("ratio"), "tooltip": titles}})
    return layers
