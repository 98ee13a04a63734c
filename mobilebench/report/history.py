"""The history of cases over runs: as tables for people, as JSON, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from mobilebench.analysis.history import CaseHistory, Point
from mobilebench.analysis.labels import case_label, duration, model_label
from mobilebench.report import document as doc
from mobilebench.report import figure_files
from mobilebench.report.comparison import NO_CHANGE, change_range, percent_change
from mobilebench.report.csv_files import safe
from mobilebench.report.figures import over_time
from mobilebench.report.phrases import milliseconds

COLUMNS = ("run", "begun (UTC)", "ms", "95 % interval", "blocks", "verdict", "change", "what changed")
CSV_COLUMNS = (
    "case",
    "virtual",
    "run",
    "created_at",
    "stage",
    "value_ms",
    "interval_low_ms",
    "interval_high_ms",
    "blocks",
    "verdict",
    "engine_version",
    "browser_version",
    "mobilebench_version",
    "call",
    "ratio",
    "ratio_low",
    "ratio_high",
    "corrected_p",
    "differences",
    "not_compared",
)
"""`ratio` is the time over that of the last run before; `differences` has what else differs from that run."""


def title(history: CaseHistory) -> str:
    """The case with its target, its model and the stage."""
    case = history.case
    virtual = " (virtual)" if any(point.virtual for point in history.points) else ""
    model = model_label(case.model, case.precision, case.batch)
    return f"{case.target}{virtual}, {model}, {case_label(case)}: {history.stage}"


def table(history: CaseHistory) -> list[tuple[object, ...]]:
    """The rows below `COLUMNS`."""
    return [
        (
            point.run.id,
            f"{point.run.created_at:%Y-%m-%d %H:%M}",
            milliseconds(point.value_ms),
            None if point.interval is None else f"{duration(point.interval.low)}–{duration(point.interval.high)}",
            point.blocks,
            point.status,
            _change(point),
            _what_changed(point, first=number == 0),
        )
        for number, point in enumerate(history.points)
    ]


def figures(histories: Sequence[CaseHistory]) -> dict[str, doc.Figure]:
    """The typical times of each case over its runs, by a name for its file; without cases that were never timed."""
    made: list[tuple[Sequence[str], doc.Figure]] = []
    for one in histories:
        points = [_drawn(point, point.value_ms) for point in one.points if point.value_ms is not None]
        if figure := over_time.history(points, title(one), f"{one.stage}, ms"):
            case = one.case
            made.append(((case.target, case.model, case.precision, case_label(case), one.stage), figure))
    return figure_files.by_name(made)


def _drawn(point: Point, value_ms: float) -> over_time.Point:
    low, high = (point.interval.low, point.interval.high) if point.interval else (None, None)
    return over_time.Point(point.run.created_at, value_ms, low, high)


def _change(point: Point) -> str | None:
    change = point.change
    if change is None or change.ratio is None or change.interval is None:
        return None
    if change.call == "no change":
        return NO_CHANGE
    return f"{change.call} {percent_change(change.ratio)} ({change_range(change.interval)})"


def _what_changed(point: Point, *, first: bool) -> str:
    if first:
        return ", ".join(_versions(point))
    if point.refusal:
        return f"not compared: {point.refusal}"
    return "; ".join(one.change for one in point.differences)


def _versions(point: Point) -> Iterator[str]:
    if point.engine_version:
        yield f"engine {point.engine_version}"
    if point.browser_version:
        yield f"browser {point.browser_version}"
    yield f"mobilebench {point.run.mobilebench_version}"


def as_json(histories: Sequence[CaseHistory]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "case": history.case.key,
            "stage": history.stage,
            "runs": [
                {
                    **{name: value for name, value in _row(history, point).items() if name not in ("case", "stage")},
                    "reasons": list(point.reasons),
                    "differences": [
                        {"field": one.field, "before": one.before, "after": one.after} for one in point.differences
                    ],
                }
                for point in history.points
            ],
        }
        for history in histories
    ]


def as_csv(histories: Sequence[CaseHistory]) -> str:
    """One row for each case and run, below `CSV_COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for history in histories:
        for point in history.points:
            row = _row(history, point)
            writer.writerow({name: safe(value) if isinstance(value, str) else value for name, value in row.items()})
    return text.getvalue()


def _row(history: CaseHistory, point: Point) -> dict[str, Any]:
    change = point.change
    own, ratio = point.interval, change.interval if change else None
    return {
        "case": history.case.key,
        "virtual": point.virtual,
        "run": point.run.id,
        "created_at": point.run.created_at.isoformat(),
        "stage": history.stage,
        "value_ms": point.value_ms,
        "interval_low_ms": own.low if own else None,
        "interval_high_ms": own.high if own else None,
        "blocks": point.blocks,
        "verdict": point.status,
        "engine_version": point.engine_version,
        "browser_version": point.browser_version,
        "mobilebench_version": point.run.mobilebench_version,
        "call": change.call if change else None,
        "ratio": change.ratio if change else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "corrected_p": change.corrected_p if change else None,
        "differences": "; ".join(one.change for one in point.differences),
        "not_compared": point.refusal,
    }
