"""Figures of page quality: the frame rate over time beside the baseline, and latency against what is left of a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mobilebench.analysis.labels import duration, percent
from mobilebench.analysis.page_quality import Trace
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, over_time, theme

MOST_PANELS = 6
"""The most cases of a figure over time; the note counts the others."""
_PANEL, _TRADE_OFF = 130, 240
_PHASES = ("setup", "warmup", "prediction")
_MEDIUM, _LARGEST = 90.0, 240.0
"""Areas of marks: without runs per minute, and with all of them left."""
_BASELINE = "without inference"


@dataclass(frozen=True)
class Course:
    """The frame rate of one case over time."""

    label: str
    trace: Trace


def frame_rates(
    courses: Sequence[Course], baseline: Trace | None, title: str, mark: str | None, whose: str
) -> doc.Figure | None:
    """Frames in each second of one block of each case, with the page without inference, and the phases of the engine.

    Args:
        courses: a block of each case, of which the first `MOST_PANELS` are drawn, one below the other.
        baseline: a block of the page without inference.
        title: title of the figure.
        mark: what a virtual target is filed under; None for a real one.
        whose: whose frames are counted, such as `the video`.
    """
    shown = [one for one in courses if one.trace.rate][:MOST_PANELS]
    if not shown:
        return None
    traces = [one.trace for one in shown] + ([baseline] if baseline else [])
    time = _seconds_axis(traces)
    rate = axes.linear_axis(max(max(trace.rate, default=0) for trace in traces) * 1.15)
    panels = [
        _course(one, baseline, time, rate, first=number == 1, last=number == len(shown))
        for number, one in enumerate(shown, 1)
    ]
    data = tuple(
        (label, f"{min(trace.rate)} to {max(trace.rate)} frames/s")
        for label, trace in (*((one.label, one.trace) for one in shown), *([(_BASELINE, baseline)] if baseline else []))
        if trace.rate
    )
    left_out = f" The first {len(shown)} of {len(courses)} cases." if len(courses) > len(shown) else ""
    grey = "; grey: the page without inference" if baseline else ""
    return doc.Figure(
        title,
        f"Frames of {whose} in each second, by seconds since the page is used: one block of each case"
        f"{grey}. Vertical lines mark where setup, warmup and prediction of the engine begin; "
        f"before second 0 nobody used the page yet.{left_out}",
        over_time.stacked(panels, f"{title}: {theme.in_words(data)}.", mark),
        data,
        forms=doc.HTML,
    )


def _seconds(trace: Trace, name: str) -> list[dict[str, Any]]:
    return [{"at": second + 0.5, "rate": frames, "name": name} for second, frames in enumerate(trace.rate)]


def _seconds_axis(traces: Sequence[Trace]) -> axes.Axis:
    """An axis from the second in which the first engine was put into its page, or from 0, to the end."""
    found = axes.linear_axis(max(len(trace.rate) for trace in traces))
    first = min(
        [0.0, *(at for trace in traces for at, _ in trace.before), *(at for t in traces for _, at in _drawn(t))]
    )
    if first == 0:
        return found
    low, step = float(math.floor(first)), found.ticks[1] - found.ticks[0]
    earlier = [-number * step for number in range(int(-low / step), 0, -1)]
    return axes.Axis(low, found.high, logarithmic=False, ticks=(*earlier, *found.ticks))


def _drawn(trace: Trace) -> list[tuple[str, float]]:
    return [phase for phase in trace.phases if phase[0] in _PHASES]


def _course(
    one: Course, baseline: Trace | None, time: axes.Axis, rate: axes.Axis, *, first: bool, last: bool
) -> theme.Spec:
    x = time.encoding("at", "seconds of use" if last else None)
    y = over_time.even(rate.encoding("rate", "frames/s"))

    def line(rows: list[dict[str, Any]], colour: str, width: float) -> theme.Spec:
        return {
            "data": theme.values(rows),
            "mark": {"type": "line", "strokeWidth": width, "color": theme.COLOURS[colour], "interpolate": "linear"},
            "encoding": {"x": x, "y": y, "tooltip": theme.tooltip(name="Case", at="Second", rate="Frames")},
        }

    layers = [line(_seconds(baseline, _BASELINE), "inputs", 1.5)] if baseline and baseline.rate else []
    if first and layers:
        layers.append(
            {
                "data": theme.values(_seconds(baseline, _BASELINE)[-1:] if baseline else []),
                "mark": {"type": "text", "align": "right", "baseline": "bottom", "dy": -5, "fontSize": 12},
                "encoding": {"x": x, "y": y, "text": {"field": "name"}},
            }
        )
    layers.append(line(_seconds(one.trace, one.label), "category-2", 2))
    if one.trace.before:
        earlier = [{"at": at + 0.5, "rate": frames, "name": one.label} for at, frames in one.trace.before]
        layers.append(line(earlier, "category-2", 2))
    return over_time.panel([*layers, *_phases(one.trace, x, time)], _PANEL) | {
        "title": {
            "text": theme.short(one.label),
            "anchor": "start",
            "fontSize": 13,
            "color": theme.COLOURS["ink"],
            "offset": 4,
        }
    }


def _phases(trace: Trace, x: theme.Spec, time: axes.Axis) -> list[theme.Spec]:
    """A line where each phase begins, with its name; names that are close together stand one above the other."""
    marks = [(at, name) for name, at in _drawn(trace)]
    if not marks:
        return []
    near = (time.high - time.low) / 6
    texts = [(at, name, sum(0 < other - at < near for other, _ in marks)) for at, name in marks]
    rule: theme.Spec = {
        "data": theme.values([{"at": at} for at, _ in marks]),
        "mark": {"type": "rule", "strokeWidth": 1, "strokeDash": [3, 3], "color": theme.COLOURS["soft"]},
        "encoding": {"x": x},
    }
    names: list[theme.Spec] = [
        {
            "data": theme.values([{"at": at, "phase": name}]),
            "mark": {"type": "text", "align": "left", "baseline": "bottom", "dx": 4, "fontSize": 12},
            "encoding": {"x": x, "y": {"value": _PANEL - 4 - 15 * later}, "text": {"field": "phase"}},
        }
        for at, name, later in texts
    ]
    return [rule, *names]


@dataclass(frozen=True)
class Choice:
    """One case as a point: what its latency is, and what is left of the page."""

    way: str
    """Engine with backend and its options."""
    short: str
    """What tells it from others of the same way, such as `50 %, worker`."""
    ms: float
    frames: float
    """Share of the baseline's frames."""
    low: float | None
    high: float | None
    runs: float | None
    """Share of the baseline's runs per minute; None where they were not measured with this case."""


def trade_off(
    panels: Sequence[tuple[str, Sequence[Choice]]], keep: float, title: str, mark: str | None
) -> doc.Figure | None:
    """Latency of an inference in the page against the share of frames that is left, one panel for each scenario.

    Args:
        panels: scenario to its cases.
        keep: the share that should be left, drawn as a line.
        title: title of the figure.
        mark: what a virtual target is filed under; None for a real one.
    """
    filled = [(name, choices) for name, choices in panels if choices]
    every = [choice for _, choices in filled for choice in choices]
    if not every:
        return None
    ways = list(dict.fromkeys(choice.way for choice in every))[: len(theme.CATEGORIES)]
    drawn = [(name, [choice for choice in choices if choice.way in ways]) for name, choices in filled]
    time = _times([choice.ms for choice in every])
    share = axes.linear_axis(max(100.0, *(100 * choice.frames for choice in every)))
    sized = any(choice.runs is not None for choice in every)
    specs = [
        _choices(name, choices, ways, time, share, keep, last=number == len(drawn))
        for number, (name, choices) in enumerate(drawn, 1)
    ]
    data = tuple(
        (
            f"{name}, {choice.way}, {choice.short}",
            f"{duration(choice.ms)} ms, {percent(choice.frames)} of the frames"
            + (f", {percent(choice.runs)} of the runs per minute" if choice.runs is not None else ""),
        )
        for name, choices in filled
        for choice in choices
    )
    size = (
        " Beside a mark: its duty and, as its size shows too, how many of the runs per minute are left, if measured."
        if sized
        else ""
    )
    spec = over_time.stacked(specs, f"{title}: {theme.in_words(data)}.", mark)
    spec["resolve"] = {"scale": {"color": "shared", "shape": "shared"}}
    spec["config"] = spec["config"] | {"legend": spec["config"]["legend"] | {"columns": 1}}
    return doc.Figure(
        title,
        "Share of the frames of the page without inference, against the time of an inference in the page"
        f"{' (logarithmic axis)' if time.logarithmic else ''}: up and to the left is better. Vertical strokes are 95 % "
        f"intervals, cut at the axis; the dashed line is {100 * keep:g} %.{size}",
        spec,
        data,
        forms=doc.HTML,
    )


def _times(values: Sequence[float]) -> axes.Axis:
    """A logarithmic axis with room at the right for labels, or a linear one from 0."""
    low, high = min(values), max(values)
    return axes.log_axis(low / 1.2, high * 1.6) if low > 0 and high / low > 4 else axes.linear_axis(high * 1.25)


def _choices(
    name: str,
    choices: Sequence[Choice],
    ways: Sequence[str],
    time: axes.Axis,
    share: axes.Axis,
    keep: float,
    *,
    last: bool,
) -> theme.Spec:
    rows = [
        {
            "way": one.way,
            "short": one.short,
            "beside": one.short if one.runs is None else f"{one.short} · {100 * one.runs:.0f} %",
            "ms": one.ms,
            "frames": 100 * one.frames,
            "low": None if one.low is None else share.clipped(100 * one.low),
            "high": None if one.high is None else share.clipped(100 * one.high),
            "area": _MEDIUM if one.runs is None else min(_LARGEST, _LARGEST * one.runs**2),
            "time": f"{duration(one.ms)} ms",
            "left": percent(one.frames),
            "answers": "not measured" if one.runs is None else percent(one.runs),
        }
        for one in choices
    ]
    x = time.encoding("ms", "ms for an inference in the page" if last else None)
    y = over_time.even(share.encoding("frames", "% of frames left"))
    styles = theme.by_category("way", ways)
    layers: list[theme.Spec] = [
        {
            "data": theme.values([{"keep": 100 * keep}]),
            "mark": {"type": "rule", "strokeDash": [4, 4], "strokeWidth": 1, "color": theme.COLOURS["soft"]},
            "encoding": {"y": over_time.even(share.encoding("keep", "% of frames left"))},
        }
    ]
    if with_interval := [row for row in rows if row["low"] is not None and row["high"] is not None]:
        layers.append(
            {
                "data": theme.values(with_interval),
                "mark": {"type": "rule", "strokeWidth": 1.5},
                "encoding": {
                    "x": x,
                    "y": over_time.even(share.encoding("low", "% of frames left")),
                    "y2": {"field": "high"},
                    "color": styles["color"],
                },
            }
        )
    points: theme.Spec = {
        "data": theme.values(rows),
        "mark": {"type": "point", "filled": True, "opacity": 0.9, "size": 90},
        "encoding": {
            "x": x,
            "y": y,
            **styles,
            "size": {"field": "area", "type": "quantitative", "scale": None},
            "tooltip": theme.tooltip(
                way="Case", short="Duty and place", time="Inference", left="Frames left", answers="Runs per minute left"
            ),
        },
    }
    shifts = _shifts(rows, time, share)
    names: list[theme.Spec] = [
        {
            "data": theme.values([row for row, shift in zip(rows, shifts, strict=True) if shift == dy]),
            "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 11, "dy": dy, "fontSize": 12},
            "encoding": {"x": x, "y": y, "text": {"field": "beside"}},
        }
        for dy in sorted(set(shifts))
    ]
    panel = over_time.panel([*layers, points, *names], _TRADE_OFF)
    return panel | {
        "title": {
            "text": theme.short_within(name),
            "anchor": "start",
            "fontSize": 13,
            "color": theme.COLOURS["ink"],
            "offset": 6,
        }
    }


_NARROW = 420
"""Width of a narrow panel in pixels, for which labels are kept apart."""
_LETTER, _LINE = 7, 14


def _shifts(rows: Sequence[dict[str, Any]], time: axes.Axis, share: axes.Axis) -> list[int]:
    """By how many pixels each label is moved down or up, so that labels do not lie upon each other."""
    taken: list[tuple[float, float, float]] = []
    found: list[int] = []
    for row in rows:
        left = time.position(row["ms"]) * _NARROW
        middle = (1 - share.position(row["frames"])) * _TRADE_OFF
        right = left + _LETTER * len(row["beside"]) + 2 * _LETTER
        free = (
            dy
            for dy in (0, _LINE, -_LINE, 2 * _LINE, -2 * _LINE)
            if not any(left < end and begin < right and abs(middle + dy - at) < _LINE for begin, end, at in taken)
        )
        dy = next(free, 0)
        taken.append((left, right, middle + dy))
        found.append(dy)
    return found
