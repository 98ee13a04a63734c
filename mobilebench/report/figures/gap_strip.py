"""The figure at the top of the report: the gap between web and native, by model or by target, on one small axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mobilebench.analysis.findings import Place
from mobilebench.analysis.labels import plain_model_label, ratio
from mobilebench.report import document as doc
from mobilebench.report.figures import drawing
from mobilebench.statistics.estimates import Interval

MODELS_UP_TO = 6
"""With more gaps than this, there is a row for each target instead of each model."""


@dataclass(frozen=True)
class _Row:
    label: str
    value: str
    point: float
    range: Interval
    """Lowest to highest round of a model, or model of a target."""
    interval: Interval | None
    ticks: tuple[float, ...]


def gap_strip(places: Sequence[Place], names: Mapping[str, str]) -> doc.Figure | None:
    """The gaps of these targets; `names` maps ids of targets to names. None if there is no gap."""
    compared = [place for place in places if place.compared]
    by_model = sum(len(place.compared) for place in compared) <= MODELS_UP_TO
    rows = [row for place in compared for row in (_models if by_model else _target)(place, names)]
    if not rows:
        return None
    axis = _axis(rows)
    mark = next((p.target.soc for p in compared), None) if all(p.target.info.virtual for p in compared) else None
    drawn = [_drawn(row, axis, number * drawing.ROW + drawing.first_row(mark)) for number, row in enumerate(rows)]
    data = tuple((row.label, row.value) for row in rows)
    what = "" if by_model else " Each tick is a model, and the square their geometric mean."
    return doc.Figure(
        "Gap between web and native",
        "Time of the fastest page over that of the fastest native engine, logarithmic axis. At 1× both take equally "
        f"long.{what}",
        drawing.picture(f"Gap between web and native: {drawing.in_words(data)}.", mark, len(rows), axis, drawn),
        data,
        _legend(by_model, any(row.interval for row in rows)),
        forms=doc.HTML,
    )


def _models(place: Place, names: Mapping[str, str]) -> Iterator[_Row]:
    for one in place.compared:
        found, group = one.ratio, one.group
        if found:
            label = plain_model_label(group.model, group.precision, group.batch)
            yield _Row(
                f"{label} · {_where(place, names)}", ratio(found.value), found.value, found.spread, found.interval, ()
            )


def _target(place: Place, names: Mapping[str, str]) -> Iterator[_Row]:
    values = tuple(one.ratio.value for one in place.compared if one.ratio)
    mean = place.mean or 0.0
    label = f"{_where(place, names)} · {len(values)} model{'' if len(values) == 1 else 's'}"
    yield _Row(label, ratio(mean), mean, Interval(min(values), max(values)), None, values)


def _where(place: Place, names: Mapping[str, str]) -> str:
    info = place.target.info
    return f"{names[info.id]}{' (virtual)' if info.virtual else ''}"


def _axis(rows: Sequence[_Row]) -> drawing.Axis:
    """From 1× or below to the largest gap."""
    ends = [row.interval or row.range for row in rows]
    low = min(1.0, *(row.range.low for row in rows), *(end.low for end in ends if end.low > 0))
    high = max(
        2.0, *(row.range.high for row in rows), *(min(e.high, 3 * r.point) for e, r in zip(ends, rows, strict=True))
    )
    return drawing.log_axis(low, high)


def _drawn(row: _Row, axis: drawing.Axis, y: int) -> Markup:
    middle = y + 28
    parts = [
        drawing.label_line(row.label, "valid", row.value, y),
        Markup('<line class="rail" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(middle),
        drawing.tick("one", axis.at(1.0), middle, 8),
    ]
    if row.interval:
        low, high = axis.at(row.interval.low), axis.at(row.interval.high)
        parts += [drawing.line("interval web", low, high, middle)]
        inside = [end for end in (row.interval.low, row.interval.high) if axis.low < end < axis.high]
        parts += [drawing.tick("end web", axis.at(end), middle, 5) for end in inside]
    parts.append(drawing.line("spread web", axis.at(row.range.low), axis.at(row.range.high), middle))
    parts += [drawing.tick("block web", axis.at(value), middle, 5) for value in row.ticks]
    parts.append(drawing.point("web", axis.at(row.point), middle))
    return Markup("").join(parts)


def _legend(by_model: bool, with_interval: bool) -> tuple[doc.Legend, ...]:
    shown = "rounds, lowest to highest" if by_model else "models, lowest to highest"
    interval = (doc.Legend("line", "95 % interval"),) if with_interval else ()
    return (doc.Legend("web", "web over native"), doc.Legend("range", shown), *interval)
