"""Tables that several pages have: cases with their curve, changes of a level, nights with their counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mobilebench.analysis.labels import case_label, duration, model_label
from mobilebench.analysis.over_nights import CaseSeries, LeftOut, Night, Shift
from mobilebench.analysis.summary import STATUSES, Status
from mobilebench.core.records import Stage
from mobilebench.report import document as doc
from mobilebench.report.comparison import change_range, percent_change
from mobilebench.report.figures import inline
from mobilebench.report.phrases import plural
from mobilebench.site import names

MOST_ROWS = 400
"""A page has at most so many rows of cases or nights; the others are on further parts of it."""
CURVE_NIGHTS = 40
"""The small curve in a table has the newest so many nights."""
MOST_CAUSES = 6
MORE_OR_LESS = ("more", "less")


def target_words(one: CaseSeries) -> doc.Text:
    """The target of a series; a virtual one is marked."""
    named = f"{one.target.name} ({one.target.id})" if one.target.name != one.target.id else one.target.id
    return (doc.VirtualMark(), f" {named}") if one.virtual else named


def case_words(one: CaseSeries) -> str:
    return case_label(one.case)


def model_words(one: CaseSeries) -> str:
    case = one.case
    return model_label(case.model, case.precision, case.batch)


def cases(found: Sequence[CaseSeries], caption: str) -> doc.Table:
    """One row for each series: its last value, its level, its last change."""
    columns = (
        doc.Column("case", "name"),
        doc.Column(f"newest {CURVE_NIGHTS} nights"),
        doc.Column("last, ms", "number", "ms", style="big"),
        doc.Column("last night", "text"),
        doc.Column("last change", "text"),
        doc.Column("verdict"),
    )
    rows = tuple(doc.Row(tuple(_line(one)), virtual=one.virtual) for one in found)
    return doc.Table("lines", columns, rows, caption, hide_caption=True)


def _line(one: CaseSeries) -> Iterable[doc.Value]:
    night, last = one.points[-1]
    timed = one.timed("prediction")
    values = [one.points[number][1].stages["prediction"].value for number in timed[-CURVE_NIGHTS:]]
    link = doc.Link(case_words(one), names.of_case(one))
    yield doc.Cell(link, (model_words(one),))
    yield doc.Cell("" if len(values) > 1 else "–", picture=inline.sparkline(values, "nights"))
    yield duration(values[-1]) if values else "–"
    yield f"{night.info.created_at:%Y-%m-%d}"
    shifts = one.shifts["prediction"]
    yield doc.Cell(*shift_words(one, shifts[-1])) if shifts else "no change"
    yield doc.Cell(doc.StatusWord(last.status))


def shift_words(one: CaseSeries, shift: Shift) -> tuple[str, tuple[doc.Text, ...]]:
    """How much a level changed, and in which night."""
    begun = one.points[shift.at][0].info.created_at
    return change_words(shift), (f"from {begun:%Y-%m-%d}",)


def change_words(shift: Shift, words: tuple[str, str] = ("slower", "faster")) -> str:
    """How much a level changed; of energy and memory it is not slower and faster, but `MORE_OR_LESS`."""
    ratio = shift.found.change.ratio
    return f"{words[0] if ratio > 1 else words[1]} {percent_change(ratio)}"


def causes(shift: Shift) -> doc.Text:
    """What else changed in that night."""
    if shift.causes:
        return listed(shift.causes)
    if shift.near:
        return f"nothing that is stored; one night beside it: {listed(shift.near)}"
    return "nothing that is stored changed"


def listed(found: Sequence[str]) -> str:
    more = f"; and {len(found) - MOST_CAUSES} more facts" if len(found) > MOST_CAUSES else ""
    return "; ".join(found[:MOST_CAUSES]) + more


def shifts(found: Sequence[tuple[CaseSeries, Shift]], stage: Stage = "prediction") -> doc.Table:
    """Changes of levels of several cases."""
    columns = (
        doc.Column("case", "name"),
        doc.Column("from night"),
        doc.Column("change"),
        doc.Column("changed in that night", style="wide"),
    )
    rows = tuple(
        doc.Row(
            (
                doc.Cell(doc.Link(case_words(one), names.of_case(one)), (model_words(one), target_words(one))),
                night_link(one.points[shift.at][0]),
                doc.Cell(change_words(shift), (change_range(shift.found.change.interval),)),
                doc.Cell(causes(shift)),
            ),
            virtual=one.virtual,
        )
        for one, shift in found
    )
    return doc.Table("changes", columns, rows, f"Changes of the {stage}", hide_caption=True)


def night_link(night: Night) -> doc.Cell:
    return doc.Cell(doc.Link(f"{night.info.created_at:%Y-%m-%d}", names.of_night(night)))


def nights(found: Sequence[Night]) -> doc.Table:
    """Nights with the number of their cases by verdict, newest first."""
    present = [status for status in STATUSES if any(night.counts[status] for night in found)]
    columns = (
        doc.Column("night", "name"),
        doc.Column("targets", "number"),
        *(doc.Column(status, "number") for status in present),
        doc.Column("left out"),
    )
    rows = tuple(doc.Row(tuple(_night(night, present))) for night in sorted(found, key=_begun, reverse=True))
    return doc.Table("nights", columns, rows, "Nights", hide_caption=True)


def _begun(night: Night) -> tuple[object, ...]:
    return night.info.created_at, night.info.id


def _night(night: Night, statuses: Sequence[Status]) -> Iterable[doc.Value]:
    info = night.info
    state = "" if info.status == "finished" else f" · {info.status}"
    link = doc.Link(f"{info.created_at:%Y-%m-%d}", names.of_night(night))
    yield doc.Cell(link, (f"{info.created_at:%H:%M} UTC · {info.suite}{state}",))
    virtual = sum(target.virtual for target in night.info.targets)
    details: tuple[doc.Text, ...] = ((doc.VirtualMark(), f" {virtual}"),) if virtual else ()
    yield doc.Cell(str(len(night.info.targets)), details)
    for status in statuses:
        yield str(night.counts[status]) if night.counts[status] else "–"
    gone = list(dict.fromkeys(one.target for one in night.gone))
    yield f"{plural(len(gone), 'target')} skipped, lost or faulty" if gone else ""


def left_out(found: Sequence[LeftOut], *, hide_caption: bool = False) -> doc.Table:
    """Phones that were skipped, lost or faulty, with the reason."""
    columns = (doc.Column("target", "name"), doc.Column("what"), doc.Column("reason", style="wide"))
    rows = tuple(
        doc.Row(
            ((doc.Cell((doc.VirtualMark(), f" {one.target}")) if one.virtual else one.target), one.what, one.reason)
        )
        for one in found[:MOST_ROWS]
    )
    caption = "Skipped, lost or faulty targets"
    return doc.Table("left", columns, rows, caption, hide_caption=hide_caption)
