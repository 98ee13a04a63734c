"""The figure of sustained load: predictions of long blocks by time, above temperature and clock."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.analysis.labels import duration, factor
from mobilebench.analysis.sustained import Course
from mobilebench.analysis.timeline import Quantity
from mobilebench.report import document as doc
from mobilebench.report.figures import axes, over_time, theme

Titled = tuple[str, Quantity]


def courses_over_time(
    courses: Sequence[tuple[str, Course]], quantities: Sequence[Titled], title: str, mark: str | None
) -> doc.Figure | None:
    """The predictions of long blocks over their first window, by time, above temperature and clock.

    Args:
        courses: the blocks with their labels, of which the first seven are drawn.
        quantities: what was read during them, with titles that name the block where there are several.
        title: title of the figure.
        mark: what a virtual target is filed under; None for a real one.
    """
    shown = list(courses[: len(theme.CATEGORIES)])
    if not shown:
        return None
    rows = [
        {"at": minutes, "relative": ms / course.first.ms, "name": label, "text": f"{duration(ms)} ms"}
        for label, course in shown
        for minutes, ms in course.points
        if course.first.ms > 0
    ]
    if not rows:
        return None
    time = axes.linear_axis(max(course.seconds / 60 for _, course in shown))
    relative = [float(str(row["relative"])) for row in rows]
    y = over_time.even(over_time.relative_axis(min(relative), max(relative)).encoding("relative", "over the start"))
    top: theme.Spec = {
        "data": theme.values(rows),
        "mark": {"type": "line", "strokeWidth": 1.5, "point": {"size": 20, "filled": True}},
        "encoding": {
            "x": time.encoding("at", "minutes"),
            "y": y,
            **theme.by_category("name", [label for label, _ in shown]),
            "tooltip": theme.tooltip(name="Case", text="Prediction", relative="Over the start"),
        },
    }
    panels = [over_time.panel([top], over_time.HEIGHT)]
    for unit in over_time.UNITS:
        of_unit = [(name, one) for name, one in quantities if one.unit == unit and over_time.is_drawn(one)]
        of_unit = of_unit[: len(theme.CATEGORIES)]
        if of_unit:
            panels.append(over_time.panel(over_time.readings_by_time(of_unit, unit, time), over_time.SERIES_HEIGHT))
    data = (
        *((label, f"{factor(course.change)} of its start after {course.seconds:.0f} s") for label, course in shown),
        *((name, f"{over_time.range_of(one)} {one.unit}") for name, one in quantities),
    )
    without = "" if len(panels) > 1 else " No temperature or clock was recorded."
    return doc.Figure(
        title,
        "Predictions over those of the block's first window (1 is the start), by minutes since the first prediction: "
        f"medians of {len(shown[0][1].points)} stretches of time.{without}",
        over_time.stacked(panels, f"{title}: {theme.in_words(data)}.", mark),
        data,
        forms=doc.HTML,
    )
