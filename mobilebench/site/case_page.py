"""The page of one case: its curves over nights, the changes of its level with what changed, and every night."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis import comparability
from mobilebench.analysis.labels import duration
from mobilebench.analysis.over_nights import CaseSeries, smallest_change, unit
from mobilebench.analysis.summary import STAGES
from mobilebench.report import document as doc
from mobilebench.report.comparison import change_range
from mobilebench.report.figures import over_time
from mobilebench.report.phrases import plural
from mobilebench.site import lines, names, words

MOST_NIGHTS = 600
"""A page shows the newest so many nights of a case."""
_FACTS = ("engine version", "browser version", "system", "system build", "mobilebench", "model file", "engine files")


def document(one: CaseSeries) -> doc.Document:
    stages = [stage for stage in reversed(STAGES) if one.timed(stage)]
    mark = one.soc if one.virtual else None
    quantities = enumerate(one.quantities, 1)
    sections = [
        *(doc.Section(stage, _title(stage), tuple(_stage(one, stage)), mark=mark) for stage in stages),
        *(doc.Section(f"quantity-{n}", _title(name), tuple(_stage(one, name)), mark=mark) for n, name in quantities),
        doc.Section("every-night", "Every night, the newest first", (_every_night(one),), mark=mark),
    ]
    return doc.Document(
        title=f"{lines.model_words(one)}: {lines.case_words(one)}",
        eyebrow=f"{one.target.name} · {one.soc} · {plural(len(one.points), 'night')}",
        run_id="",
        footer=words.FOOTER,
        sections=tuple(sections),
        head=tuple(_head(one)),
    )


def _title(stage: str) -> str:
    return f"{stage[0].upper()}{stage[1:]}"


def _head(one: CaseSeries) -> Iterator[doc.Block]:
    if one.virtual:
        yield words.virtual_note()
    case = one.case
    facts = next((point.facts for _, point in reversed(one.points) if point.facts), {})
    rows = [
        doc.Fact("target", lines.target_words(one)),
        doc.Fact("SoC", doc.Link(one.soc, names.of_soc(one.soc))),
        doc.Fact("model", doc.Link(lines.model_words(one), names.of_model(case.model))),
        doc.Fact("engine", doc.Link(case.engine, names.of_engine(case.engine))),
        doc.Fact("case", case.key, mono=True),
        *(doc.Fact(name, words.fact(facts[name])) for name in _FACTS if name in facts),
    ]
    yield doc.Facts(tuple(rows))


def _stage(one: CaseSeries, stage: str) -> Iterator[doc.Block]:
    shifts = one.shifts[stage]
    ways = lines.MORE_OR_LESS if stage in one.quantities else ("slower", "faster")
    if figure := _figure(one, stage):
        yield figure
    if not shifts:
        least = f"{smallest_change(stage) * 100:g}\u202f%"
        sentence = f"No change of the level by {least} or more was found in {plural(len(one.timed(stage)), 'night')}."
        yield doc.Paragraph(sentence, "empty")
        return
    columns = (
        doc.Column("change", "name"),
        doc.Column("first night"),
        doc.Column("before", "number", unit(stage)),
        doc.Column("after", "number", unit(stage)),
        doc.Column("95 % interval", "number"),
        doc.Column("changed in that night", style="wide"),
    )
    rows = tuple(
        doc.Row(
            (
                f"{number} · {lines.change_words(shift, ways)}",
                lines.night_link(one.points[shift.at][0]),
                duration(shift.found.old),
                duration(shift.found.new),
                change_range(shift.found.change.interval),
                doc.Cell(lines.causes(shift)),
            )
        )
        for number, shift in enumerate(shifts, 1)
    )
    yield doc.Table("changes", columns, rows, "Changes of the level")


def _figure(one: CaseSeries, stage: str) -> doc.Figure | None:
    shown = range(max(0, len(one.points) - MOST_NIGHTS), len(one.points))
    timed = [number for number in one.timed(stage) if number in shown]
    points = []
    for number in timed:
        night, case = one.points[number]
        typical = case.typical[stage]
        low, high = (typical.interval.low, typical.interval.high) if typical.interval else (None, None)
        points.append(over_time.Point(night.info.created_at, typical.value, low, high))
    without = [one.points[number][0].info.created_at for number in shown if number not in set(timed)]
    first = points[0].at if points else None
    levels = [level for level in _levels(one, stage) if first and level.last >= first]
    mark = one.soc if one.virtual else None
    return over_time.curve(points, levels, without, f"{_title(stage)}, {unit(stage)}", mark, unit(stage))


def _levels(one: CaseSeries, stage: str) -> list[over_time.Level]:
    timed, shifts = one.timed(stage), one.shifts[stage]
    if not shifts:
        return []
    starts = [timed[0], *(shift.at for shift in shifts)]
    values = [shifts[0].found.old, *(shift.found.new for shift in shifts)]
    found = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(one.points)
        own = [place for place in timed if start <= place < end]
        nights = [one.points[place][0].info.created_at for place in own]
        found.append(over_time.Level(nights[0], nights[-1], values[number], number or None))
    return found


def _every_night(one: CaseSeries) -> doc.Table:
    columns = (
        doc.Column("night", "name"),
        doc.Column("prediction", "number", "ms", style="big"),
        doc.Column("95 % interval", "number"),
        doc.Column("blocks", "number"),
        doc.Column("verdict"),
        doc.Column("why, and what changed since the night before", style="wide"),
    )
    rows = [_night(one, number) for number in range(max(0, len(one.points) - MOST_NIGHTS), len(one.points))]
    left = len(one.points) - len(rows)
    note = f"The newest {len(rows)} of {len(one.points)} nights." if left else ""
    return doc.Table("nights", columns, tuple(reversed(rows)), "Every night", note, hide_caption=not note)


def _night(one: CaseSeries, number: int) -> doc.Row:
    night, case = one.points[number]
    typical = case.stages.get("prediction")
    before = next((earlier.facts for _, earlier in reversed(one.points[:number]) if earlier.facts), None)
    changed = comparability.changed(before, case.facts) if before and case.facts else []
    why = "; ".join(case.reasons[:2])
    interval = typical.interval if typical else None
    return doc.Row(
        (
            lines.night_link(night),
            duration(typical.value) if typical else "–",
            f"{duration(interval.low)}–{duration(interval.high)}" if interval else "–",
            str(typical.blocks) if typical else "–",
            doc.Cell(doc.StatusWord(case.status)),
            doc.Cell(" · ".join(filter(None, (words.shortened(why), lines.listed(changed)))) or "–"),
        )
    )
