"""Sustained load: long blocks by time, their first and last minute, and which case overtakes which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis.labels import case_label, duration, plain_model_label, ratio
from mobilebench.analysis.sustained import (
    CELSIUS,
    MEGAHERTZ,
    Course,
    Overtaking,
    Window,
    courses,
    overtakings,
    rank,
)
from mobilebench.analysis.timeline import Quantity
from mobilebench.report import document as doc
from mobilebench.report.figures.sustained import courses_over_time
from mobilebench.report.phrases import UNKNOWN
from mobilebench.report.views import RunView, TargetView, opens, quantity_title
from mobilebench.verdicts.codes import Code

_OTHER_LOAD = Code.OTHER_LOAD.value
_NOTE = (
    "Blocks that predict for minutes without a pause. Times are medians of a window: the first one, the minute before "
    "a mark, and the last one; temperature and clock (of the fastest group of cores) are those of the first and the "
    "last window. The rank is the place among the cases of the model on this target, 1 being the fastest."
)


def section(view: RunView) -> doc.Section | None:
    """A part for each target with long blocks; None without one."""
    parts = [part for target in view.targets if (part := _of_target(view, target))]
    return doc.Section("sustained", "Sustained load", sections=tuple(parts), lead=_NOTE) if parts else None


def _of_target(view: RunView, of: TargetView) -> doc.Section | None:
    found = courses(view.run, of.target)
    if not found:
        return None
    name, mark = of.target.info.name, of.target.soc if of.target.info.virtual else None
    return doc.Section(
        "sustained-target",
        name,
        (
            *(doc.Paragraph(one, "finding", forms=doc.DOCUMENTS) for one in _ranks_changed(found)),
            *_disturbed(found),
            _table(view, name, found),
            *_figures(found, mark),
        ),
        anchor=f"sustained-{of.anchor}",
        style="model",
        mark=mark,
    )


def _ranks_changed(found: Sequence[Course]) -> Iterator[str]:
    """Who overtakes whom, or that nobody does."""
    changes = overtakings(found)
    yield from map(_overtaken, changes)
    several = len({course.case.case for course in found if _model(course) == _model(found[0])}) > 1
    if not changes and several:
        yield "No case overtakes another one: the order at the end is that of the start."


def _disturbed(found: Sequence[Course]) -> Iterator[doc.Paragraph]:
    """Other work makes predictions slower as heat does, so a reader has to know of it."""
    others = [course for course in found if _OTHER_LOAD in course.case.codes.values()]
    if others:
        names = " and ".join(dict.fromkeys(case_label(course.case.case) for course in others))
        sentence = f"Other work ran beside {names} (`{_OTHER_LOAD}`): changes of the predictions may come from that."
        yield doc.Paragraph(doc.Sentence(sentence), forms=doc.DOCUMENTS)


def _overtaken(one: Overtaking) -> str:
    """Which case was slower at first and is faster later."""
    faster, slower = one.faster, one.slower
    when = f"in minute {one.minute}" if one.minute else f"in the last {_length(faster.last)}"
    return (
        f"{case_label(faster.case.case)} overtakes {case_label(slower.case.case)} with "
        f"{plain_model_label(*_model(faster))}: in the first {_length(faster.first)} it takes "
        f"{duration(faster.first.ms)} ms against {duration(slower.first.ms)} ms, and {when} it is the faster one; at "
        f"the end it takes {duration(faster.last.ms)} ms against {duration(slower.last.ms)} ms."
    )


def _table(view: RunView, name: str, found: Sequence[Course]) -> doc.Table:
    marks = sorted({minute for course in found for minute in course.marks})
    columns = (
        doc.Column("Case", "name"),
        doc.Column("Time", "number"),
        doc.Column("First", "number", unit="ms"),
        *(doc.Column(f"Minute {minute}", "number", unit="ms") for minute in marks),
        doc.Column("Last", "number", unit="ms"),
        doc.Column("Last over first", "number"),
        doc.Column("Temperature"),
        doc.Column("Clock"),
        doc.Column("Rank"),
    )
    rows = tuple(
        doc.Row(
            (
                doc.Cell(case_label(course.case.case), (plain_model_label(*_model(course)), *_round(course, found))),
                doc.Cell(f"{course.seconds / 60:.1f} min", value=course.seconds),
                _ms(view, course, course.first),
                *(_ms(view, course, course.marks[minute]) if minute in course.marks else None for minute in marks),
                _ms(view, course, course.last),
                doc.Cell(ratio(course.change), value=course.change),
                _from_to(course.first.celsius, course.last.celsius, "°C", course.temperature),
                _from_to(course.first.mhz, course.last.mhz, "MHz"),
                _ranks(course, found),
            )
        )
        for course in found
    )
    return doc.Table("plain", columns, rows, f"Sustained load on {name}", forms=doc.DOCUMENTS)


def _ms(view: RunView, course: Course, window: Window) -> doc.Cell:
    return doc.Cell(opens(view.panels, course.case, duration(window.ms)), value=window.ms)


def _from_to(first: float | None, last: float | None, unit: str, what: str | None = None) -> doc.Cell:
    if first is None or last is None:
        return doc.Cell(UNKNOWN)
    return doc.Cell(f"{first:.4g} → {last:.4g} {unit}", (what,) if what else ())


def _ranks(course: Course, found: Sequence[Course]) -> str:
    first, last = (rank(course, found, late) for late in (False, True))
    return f"{first}" if first == last else f"{first} → {last}"


def _figures(found: Sequence[Course], mark: str | None) -> Iterator[doc.Figure]:
    """One figure for each model."""
    for model in dict.fromkeys(map(_model, found)):
        own = [course for course in found if _model(course) == model]
        labelled = [(", ".join([case_label(course.case.case), *_round(course, found)]), course) for course in own]
        quantities = [
            (f"{_short(one)}, {label}", one)
            if len(own) > 1
            else (quantity_title(one.recorder, one.name, one.unit), one)
            for label, course in labelled
            for one in (_most_telling(course) if len(own) > 1 else course.quantities)
        ]
        title = f"Sustained load, {plain_model_label(*model)}"
        if figure := courses_over_time(labelled, quantities, title, mark):
            yield figure


def _most_telling(course: Course) -> list[Quantity]:
    """What is drawn of each of several blocks: the temperature of the table, that of the CPU, and the fastest clock."""
    shown = (course.temperature, "thermal cpu", "zones cpu")
    warm = [one for one in course.quantities if one.unit == CELSIUS and f"{one.recorder} {one.name}" in shown]
    clocks = [one for one in course.quantities if one.unit == MEGAHERTZ and len(one.readings) > 1]
    return warm + sorted(clocks, key=lambda one: -max(reading.value for reading in one.readings))[:1]


def _short(quantity: Quantity) -> str:
    """A name that leaves room for that of the case."""
    if quantity.unit == MEGAHERTZ:
        return "clock"
    return quantity.recorder if quantity.name == "temperature" else quantity.name


def _model(course: Course) -> tuple[str, str, int]:
    return course.case.case.model, course.case.case.precision, course.case.case.batch


def _round(course: Course, found: Sequence[Course]) -> tuple[str, ...]:
    """The round, where a case has several blocks."""
    several = sum(one.case is course.case for one in found) > 1
    return (f"round {course.round}",) if several else ()


def _length(window: Window) -> str:
    seconds = window.end_s - window.begin_s
    return "minute" if round(seconds) == 60 else f"{seconds:.0f} s"
