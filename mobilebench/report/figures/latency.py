"""Figures of predictions: every case of a model with its blocks and interval, and all cases of a target at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobilebench.analysis.labels import case_label, duration, model_label
from mobilebench.analysis.summary import CaseSummary, TargetSummary
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, theme
from mobilebench.report.phrases import range_text

_BELOW = 8
"""Pixels from the middle of a row to its marks."""
_REACH = 1.3
"""How far an interval may extend the axis beyond the slowest block."""
_OVERVIEW_ROW = 26


def latency(cases: Sequence[CaseSummary], mark: str | None) -> doc.Figure | None:
    """The typical prediction of every case with its blocks and its 95 % interval, fastest first.

    `mark` is printed inside (`virtual: …`). None when no case has a prediction.
    """
    timed = sorted(
        (case for case in cases if "prediction" in case.stages), key=lambda case: case.stages["prediction"].value
    )
    if not timed:
        return None
    shown, left_out = theme.selected(timed)
    axis = _axis(shown)
    labels = theme.row_labels(shown)
    data = tuple((case_label(c.case), f"{duration(c.stages['prediction'].value)} ms") for c in timed)
    rows = [_row(n, label, case, axis) for n, (label, case) in enumerate(zip(labels, shown, strict=True))]
    blocks = [
        {"n": n, "side": theme.side(case), "ms": value}
        for n, case in enumerate(shown)
        for value in case.stages["prediction"].blocks
    ]
    texts = [(row["label"], row["time"]) for row in rows]
    words = f"Prediction, fastest first: {theme.in_words(data)}."
    with_interval = any(case.stages["prediction"].interval for case in shown)
    return doc.Figure(
        "Prediction",
        "Milliseconds, geometric mean of the blocks"
        f"{', logarithmic axis' if axis.logarithmic else ''}. Lower is better. Short ticks are blocks"
        f"{'; the line is the 95 % interval, open where it leaves the axis' if with_interval else ''}.{left_out}",
        theme.chart(
            [*theme.row_texts(texts), *_marks(rows, blocks, axis)],
            height=theme.ROW * len(shown),
            description=words,
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )


def _row(n: int, label: str, case: CaseSummary, axis: axes.Axis) -> dict[str, Any]:
    found = case.stages["prediction"]
    ends = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return {
        "n": n,
        "label": label,
        "side": theme.side(case),
        "ms": found.value,
        "low": None if ends[0] is None else axis.clipped(ends[0]),
        "high": None if ends[1] is None else axis.clipped(ends[1]),
        "start": ends[0] if ends[0] is not None and ends[0] > axis.low else None,
        "end": ends[1] if ends[1] is not None and ends[1] < axis.high else None,
        "time": f"{duration(found.value)} ms",
        "interval": f"{range_text(found.interval.low, found.interval.high)} ms" if found.interval else "none",
        "blocks": len(found.blocks),
        "verdict": case.status,
    }


def _marks(rows: list[dict[str, Any]], blocks: list[dict[str, Any]], axis: axes.Axis) -> list[theme.Spec]:
    sides = [row["side"] for row in rows]
    styles = theme.by_side(sides)
    place = {"y": theme.row_position(), "color": styles["color"]}
    x = axis.encoding("ms")
    layers: list[theme.Spec] = []
    with_interval = [row for row in rows if row["low"] is not None]
    if with_interval:
        data = theme.values(with_interval)
        ends = {"type": "tick", "thickness": 1.5, "size": 11, "yOffset": _BELOW}
        layers += [
            {
                "data": data,
                "mark": {"type": "rule", "strokeWidth": 1.5, "yOffset": _BELOW, "y2Offset": _BELOW},
                "encoding": {**place, "x": axis.encoding("low"), "x2": {"field": "high"}},
            },
            *(
                {
                    "data": theme.values([row for row in with_interval if row[end] is not None]),
                    "mark": ends,
                    "encoding": {**place, "x": axis.encoding(end)},
                }
                for end in ("start", "end")
            ),
        ]
    return [
        *layers,
        {
            "data": theme.values(blocks),
            "mark": {"type": "tick", "thickness": 1.5, "size": 8, "opacity": 0.6, "yOffset": _BELOW},
            "encoding": {**place, "x": x},
        },
        {
            "data": theme.values(rows),
            "mark": {
                "type": "point",
                "filled": True,
                "size": 90,
                "opacity": 1,
                "stroke": theme.COLOURS["sheet"],
                "strokeWidth": 1.5,
                "yOffset": _BELOW,
            },
            "encoding": {
                **place,
                **styles,
                "x": x,
                "tooltip": theme.tooltip(
                    label="Case", time="Prediction", interval="95 % interval", blocks="Blocks", verdict="Verdict"
                ),
            },
        },
    ]


def _axis(cases: Sequence[CaseSummary]) -> axes.Axis:
    """An axis that holds all blocks, and on a linear one also intervals that are not much wider."""
    found = [case.stages["prediction"] for case in cases]
    blocks = [end for one in found for end in (one.spread.low, one.spread.high)]
    axis = axes.fitting(blocks)
    if axis.logarithmic:
        return axis
    reach = max(min(one.interval.high, _REACH * one.spread.high) if one.interval else 0.0 for one in found)
    return axes.linear_axis(max(*blocks, reach))


def overview(target: TargetSummary, mark: str | None) -> doc.Figure | None:
    """The prediction of every case of a target: one row for each model, one point for each case.

    None if the target has fewer than two models with a prediction.
    """
    models = [
        (model_label(*key), timed)
        for key, cases in target.by_model().items()
        if (timed := [case for case in cases if "prediction" in case.stages])
    ]
    if len(models) < 2:
        return None
    models.sort(key=lambda model: min(case.stages["prediction"].value for case in model[1]))
    points: list[dict[str, Any]] = [
        {
            "n": n,
            "model": label,
            "label": case_label(case.case),
            "side": theme.side(case),
            "ms": case.stages["prediction"].value,
            "time": f"{duration(case.stages['prediction'].value)} ms",
            "verdict": case.status,
        }
        for n, (label, cases) in enumerate(models)
        for case in cases
    ]
    axis = axes.fitting(point["ms"] for point in points)
    height = _OVERVIEW_ROW + 14
    texts = [(label, f"{len(cases)} cases" if len(cases) > 1 else "1 case") for label, cases in models]
    data = tuple(
        (label, range_text(min(times), max(times)) + " ms")
        for label, cases in models
        if (times := [case.stages["prediction"].value for case in cases])
    )
    points_layer = {
        "data": theme.values(points),
        "mark": {"type": "point", "filled": False, "size": 60, "opacity": 0.85, "yOffset": _BELOW},
        "encoding": {
            "y": theme.row_position(),
            "x": axis.encoding("ms"),
            **theme.by_side(point["side"] for point in points),
            "tooltip": theme.tooltip(model="Model", label="Case", time="Prediction", verdict="Verdict"),
        },
    }
    return doc.Figure(
        "All predictions",
        f"Milliseconds{', logarithmic axis' if axis.logarithmic else ''}: one point for each of the {len(points)} "
        "cases, one row for each model.",
        theme.chart(
            [*theme.row_texts(texts), points_layer],
            height=height * len(models),
            description=f"Predictions by model: {theme.in_words(data)}.",
            mark=mark,
        ),
        data,
        forms=doc.HTML,
    )
