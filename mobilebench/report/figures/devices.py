"""Figures over the targets of a run: native against web, and the spread over devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobilebench.analysis.device_spread import DeviceSpread
from mobilebench.analysis.gaps import GapGroup
from mobilebench.analysis.labels import case_label, duration, model_label, ratio
from mobilebench.analysis.summary import CaseSummary
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, theme
from mobilebench.report.phrases import range_text, ratio_range

_FACTORS = (1, 10, 100)
_SCATTER_HEIGHT = 340
_MOST_POINTS = 240
_NATIVE, _WEB = "fastest native, ms", "web, ms"
"""Titles of both axes, which every layer names because Vega-Lite joins the titles of all layers."""


def native_against_web(groups: Sequence[GapGroup], soc: str, mark: str | None) -> doc.Figure | None:
    """Every web case over the fastest native case of its model, for the targets of one SoC. None without a pair."""
    points = [point for group in groups for point in _pairs(group)]
    if not points:
        return None
    points.sort(key=lambda point: float(point["web"]))
    shown = points[:_MOST_POINTS]
    times = [value for point in shown for value in (point["native"], point["web"])]
    low, high = min(times), max(times)
    axis = axes.log_axis(low, high) if low > 0 else axes.linear_axis(high)
    backends = sorted({point["backend"] for point in shown})
    lines = [line for factor in _FACTORS if (line := _diagonal(factor, axis))]
    diagonals: list[theme.Spec] = [
        {
            "data": theme.values([end | {"factor": f"{factor}×"} for factor, ends in lines for end in ends]),
            "mark": {"type": "line", "strokeWidth": 1, "strokeDash": [3, 3], "color": theme.COLOURS["soft"]},
            "encoding": {
                "x": axis.encoding("x", _NATIVE),
                "y": axis.encoding("y", _WEB),
                "detail": {"field": "factor"},
            },
        },
        {
            "data": theme.values([ends[1] | {"factor": f"{factor}×"} for factor, ends in lines]),
            "mark": {
                "type": "text",
                "align": "right",
                "baseline": "top",
                "dx": -16,
                "dy": 2,
                "color": theme.COLOURS["soft"],
            },
            "encoding": {
                "x": axis.encoding("x", _NATIVE),
                "y": axis.encoding("y", _WEB),
                "text": {"field": "factor"},
            },
        },
    ]
    marks: theme.Spec = {
        "data": theme.values(shown),
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9},
        "encoding": {
            "x": axis.encoding("native", _NATIVE),
            "y": axis.encoding("web", _WEB),
            **theme.by_category("backend", backends[: len(theme.CATEGORIES)]),
            "tooltip": theme.tooltip(
                model="Model", target="Target", web_case="Web", native_case="Native", times="Milliseconds", gap="Gap"
            ),
        },
    }
    bars: theme.Spec = {
        "data": theme.values([point for point in shown if "low" in point]),
        "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.6},
        "encoding": {
            "x": axis.encoding("native", _NATIVE),
            "y": axis.encoding("low", _WEB),
            "y2": {"field": "high"},
            "color": marks["encoding"]["color"],
        },
    }
    bars["data"]["values"] = [
        one | {"low": axis.clipped(one["low"]), "high": axis.clipped(one["high"])} for one in bars["data"]["values"]
    ]
    left_out = f" The fastest {len(shown)} of {len(points)} pairs." if len(shown) < len(points) else ""
    data = tuple((f"{point['model']}, {point['web_case']}", point["gap"]) for point in points)
    logarithmic = ", both axes logarithmic" if axis.logarithmic else ""
    return doc.Figure(
        f"Native against web on {soc}",
        f"Milliseconds of a prediction{logarithmic}: one point for each web case, over the fastest native case of its "
        f"model, with the web case's 95 % interval. On the line 1× both are equally fast.{left_out}",
        theme.chart(
            [*diagonals, bars, marks],
            height=_SCATTER_HEIGHT,
            description=f"Web over native: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _pairs(group: GapGroup) -> list[dict[str, Any]]:
    cases = {case.case: case for case in group.target.cases}
    found = []
    for gap in group.main:
        if "prediction" not in gap.ratios:
            continue
        web, native = cases[gap.web], cases[gap.native]
        statistics, of = web.stages["prediction"], gap.ratios["prediction"]
        ends = {"low": statistics.interval.low, "high": statistics.interval.high} if statistics.interval else {}
        found.append(
            {
                "native": native.stages["prediction"].value,
                "web": statistics.value,
                "backend": gap.web.backend,
                "model": model_label(group.model, group.precision, group.batch),
                "target": group.target.info.name,
                "web_case": _case(web),
                "native_case": _case(native),
                "times": f"{duration(statistics.value)} against {duration(native.stages['prediction'].value)}",
                "gap": " ".join(filter(None, (ratio(of.value), ratio_range(of)))),
                **ends,
            }
        )
    return found


def _case(case: CaseSummary) -> str:
    return case_label(case.case) + ("" if case.status == "valid" else f", {case.status}")


def _diagonal(factor: int, axis: axes.Axis) -> tuple[int, tuple[dict[str, float], dict[str, float]]] | None:
    """The ends of the line on which web takes this many times as long as native; None if it is outside."""
    left = max(axis.low, axis.low / factor)
    right = axis.high / factor
    if right <= left:
        return None
    return factor, ({"x": left, "y": left * factor}, {"x": right, "y": right * factor})


def device_spread(found: Sequence[DeviceSpread]) -> doc.Figure | None:
    """The means of the devices for each engine and backend, with their quartiles. None without any."""
    if not found:
        return None
    shown = found[: theme.MOST_ROWS]
    axis = axes.fitting(device.value for one in shown for device in one.devices)
    boxes, devices = [], []
    for n, one in enumerate(shown):
        first, middle, third = one.quartiles
        side = "web" if one.web else "native"
        ends = {"least": one.devices[0].value, "most": one.devices[-1].value}
        times = f"{duration(first)}, {duration(middle)}, {duration(third)} ms"
        boxes.append({"n": n, "side": side, "q1": first, "q2": middle, "q3": third, "times": times, **ends})
        devices += [
            {"n": n, "side": side, "ms": device.value, "name": device.target.info.name, "soc": device.target.soc}
            for device in one.devices
        ]
    texts = [(_way(one), f"max/min {ratio(one.ratio)}") for one in shown]
    data = tuple((_way(one), _in_words(one)) for one in found)
    left_out = f" The first {len(shown)} of {len(found)}." if len(shown) < len(found) else ""
    return doc.Figure(
        "Spread over devices",
        "Milliseconds: the mean prediction of each device over the cases that all of them measured, with the quartiles "
        f"of these means; setup is left out.{left_out}",
        theme.chart(
            [*theme.row_texts(texts), *_box_layers(boxes, devices, axis)],
            height=theme.ROW * len(shown),
            description=f"Spread over devices: {theme.in_words(data)}.",
        ),
        data,
        forms=doc.DOCUMENTS,
    )


def _box_layers(boxes: list[dict[str, Any]], devices: list[dict[str, Any]], axis: axes.Axis) -> list[theme.Spec]:
    styles = theme.by_side(box["side"] for box in boxes)
    place = {"y": theme.row_position(), "color": styles["color"]}
    data = theme.values(boxes)
    return [
        {
            "data": data,
            "mark": {"type": "rule", "yOffset": 8, "y2Offset": 8},
            "encoding": {**place, "x": axis.encoding("least"), "x2": {"field": "most"}},
        },
        {
            "data": data,
            "mark": {"type": "bar", "height": 12, "yOffset": 8, "opacity": 0.35},
            "encoding": {
                **place,
                "x": axis.encoding("q1"),
                "x2": {"field": "q3"},
                "tooltip": theme.tooltip(times="Quartiles"),
            },
        },
        {
            "data": data,
            "mark": {"type": "tick", "thickness": 2, "size": 16, "yOffset": 8},
            "encoding": {**place, "x": axis.encoding("q2")},
        },
        {
            "data": theme.values(devices),
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "yOffset": 8},
            "encoding": {
                **place,
                **styles,
                "x": axis.encoding("ms"),
                "tooltip": theme.tooltip(name="Device", soc="Filed under", ms="Milliseconds"),
            },
        },
    ]


def _way(one: DeviceSpread) -> str:
    return f"{one.engine} {one.backend}{' · virtual' if one.virtual else ''}"


def _in_words(one: DeviceSpread) -> str:
    first, middle, third = (duration(value) for value in one.quartiles)
    ends = range_text(one.devices[0].value, one.devices[-1].value)
    return (
        f"{ends} ms over {len(one.devices)} devices and {one.cases} cases, quartiles {first}, {middle}, {third}, "
        f"max/min {ratio(one.ratio)}"
    )
