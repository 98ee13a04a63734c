"""The start page: what changed last night, what changed of late, the latest nights, and every SoC, engine and model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from mobilebench.analysis import comparability
from mobilebench.analysis.over_nights import CaseSeries, Night, apart, last_night, missing
from mobilebench.report import document as doc
from mobilebench.report.comparison import percent_change
from mobilebench.report.phrases import plural
from mobilebench.site import lines, names, words
from mobilebench.site.group_pages import MOST_CHANGES, newest_first

LATEST = 14
"""So many nights are listed."""
RECENT = timedelta(days=14)
"""Changes of levels that began within this time before the newest night are listed."""
MOST_LISTED = 50


def document(nights: Sequence[Night], found: Sequence[CaseSeries]) -> doc.Document:
    last = last_night(nights)
    machines = {(one.target.id, one.target.machine) for one in found}
    newest = max(night.info.created_at for night in nights)
    return doc.Document(
        title=f"{plural(len(found), 'case')} on {plural(len(machines), 'target')} over {plural(len(nights), 'night')}",
        eyebrow=f"History of a store · last night {newest:%Y-%m-%d}",
        run_id="",
        footer=words.FOOTER,
        sections=(
            _last_night(last, found),
            _recent(found, newest - RECENT),
            _latest(nights),
            _groups("socs", "SoCs", found, lambda one: one.soc, names.of_soc),
            _groups("engines", "Engines", found, lambda one: one.case.engine, names.of_engine),
            _groups("models", "Models", found, lambda one: one.case.model, names.of_model),
        ),
    )


def empty() -> doc.Document:
    """The start page of a store without a night."""
    return doc.Document(
        title="No night yet",
        eyebrow="History of a store",
        run_id="",
        footer=words.FOOTER,
        sections=(),
        head=(doc.Paragraph("The store has no run with a timed case. Measure first: `mobilebench run`.", "lead"),),
    )


def _last_night(last: Sequence[Night], found: Sequence[CaseSeries]) -> doc.Section:
    blocks: list[doc.Block] = [lines.nights(last)]
    if gone := [*(one for night in last for one in night.gone), *missing(found, last)]:
        blocks.append(lines.left_out(list(dict.fromkeys(gone))))
    away = apart(found, last)
    odd = [(one, away[one.key]) for one in found if one.key in away]
    if odd:
        columns = (doc.Column("case", "name"), doc.Column("against its level"))
        rows = tuple(
            doc.Row((_case(one), f"{'slower' if of.ratio > 1 else 'faster'} {percent_change(of.ratio)}"))
            for one, of in odd[:MOST_LISTED]
        )
        note = "One night alone makes no new level: it may be an outlier." + _more(len(odd))
        blocks.append(doc.Table("apart", columns, rows, "Apart from their level", note))
    if states := list(_states(last, found)):
        of_states = (
            doc.Column("case", "name"),
            doc.Column("verdict"),
            doc.Column("before"),
            doc.Column("why", style="wide"),
        )
        blocks.append(
            doc.Table(
                "states",
                of_states,
                tuple(states[:MOST_LISTED]),
                "Began or stopped to count",
                _more(len(states)).strip(),
            )
        )
    if facts := list(_facts(last, found)):
        blocks.append(doc.Heading("Versions, files and conditions that changed"))
        blocks.append(doc.Items(tuple(facts[:MOST_LISTED])))
    if len(blocks) == 1:
        blocks.append(
            doc.Paragraph(
                "No case lies apart from its level, none began or stopped to count, and no version changed.", "empty"
            )
        )
    return doc.Section("last-night", "Last night", tuple(blocks))


def _more(count: int) -> str:
    return f" The first {MOST_LISTED} of {count}." if count > MOST_LISTED else ""


def _case(one: CaseSeries) -> doc.Cell:
    link = doc.Link(lines.case_words(one), names.of_case(one))
    return doc.Cell(link, (lines.model_words(one), lines.target_words(one)))


def _in(last: Sequence[Night], found: Sequence[CaseSeries]) -> Iterator[CaseSeries]:
    ids = {night.info.id for night in last}
    return (one for one in found if len(one.points) > 1 and one.points[-1][0].info.id in ids)


def _states(last: Sequence[Night], found: Sequence[CaseSeries]) -> Iterator[doc.Row]:
    for one in _in(last, found):
        before, now = one.points[-2][1], one.points[-1][1]
        if before.usable != now.usable:
            why = "; ".join((now if not now.usable else before).reasons)
            cells = (_case(one), doc.Cell(doc.StatusWord(now.status)), doc.Cell(doc.StatusWord(before.status)))
            yield doc.Row((*cells, words.shortened(why) or "–"), virtual=one.virtual)


def _facts(last: Sequence[Night], found: Sequence[CaseSeries]) -> Iterator[str]:
    counted: Counter[str] = Counter()
    for one in _in(last, found):
        before = next((point.facts for _, point in reversed(one.points[:-1]) if point.facts), None)
        now = one.points[-1][1].facts
        if before and now:
            virtual = " (virtual)" if one.virtual else ""
            counted.update(f"{one.target.name}{virtual}: {change}" for change in comparability.changed(before, now))
    for change, count in counted.most_common():
        yield f"{change} ({plural(count, 'case')})"


def _recent(found: Sequence[CaseSeries], since: datetime) -> doc.Section:
    recent = newest_first(
        [
            (one, shift)
            for one in found
            for shift in one.shifts["prediction"]
            if one.points[shift.at][0].info.created_at >= since
        ]
    )
    title = f"New levels in the latest {RECENT.days} days"
    if not recent:
        return doc.Section("recent", title, (doc.Paragraph("None was found.", "empty"),), lead=words.METHOD)
    lead = f"The newest {MOST_CHANGES} of {len(recent)}. {words.METHOD}" if len(recent) > MOST_CHANGES else words.METHOD
    return doc.Section("recent", title, (lines.shifts(recent[:MOST_CHANGES]),), lead=lead)


def _latest(nights: Sequence[Night]) -> doc.Section:
    newest = sorted(nights, key=lambda night: (night.info.created_at, night.info.id))[-LATEST:]
    link = doc.Paragraph((doc.Link(f"All {plural(len(nights), 'night')}", names.NIGHTS),))
    return doc.Section("latest", "Latest nights", (lines.nights(newest), link))


def _groups(
    anchor: str,
    title: str,
    found: Sequence[CaseSeries],
    of: Callable[[CaseSeries], str],
    page: Callable[[str], str],
) -> doc.Section:
    groups: dict[str, list[CaseSeries]] = {}
    for one in found:
        groups.setdefault(of(one), []).append(one)
    columns = (
        doc.Column(title.removesuffix("s"), "name"),
        doc.Column("targets", "number"),
        doc.Column("cases", "number"),
        doc.Column("with a result last", "number"),
        doc.Column("changes of level", "number"),
        doc.Column("last night"),
    )
    rows = tuple(doc.Row(_group(name, own, page)) for name, own in sorted(groups.items(), key=lambda item: item[0]))
    return doc.Section(anchor, title, (doc.Table("groups", columns, rows, title, hide_caption=True),))


def _group(name: str, own: Sequence[CaseSeries], page: Callable[[str], str]) -> tuple[doc.Value, ...]:
    virtual = sum(one.virtual for one in own)
    marked: doc.Text = (doc.Link(name, page(name)), *((" ", doc.VirtualMark()) if virtual == len(own) else ()))
    details: tuple[doc.Text, ...] = ((doc.VirtualMark(), f" {virtual}"),) if 0 < virtual < len(own) else ()
    return (
        doc.Cell(marked),
        str(len({(one.target.id, one.target.machine) for one in own})),
        doc.Cell(str(len(own)), details),
        str(sum(one.points[-1][1].usable for one in own)),
        str(sum(len(one.shifts["prediction"]) for one in own)),
        f"{max(one.points[-1][0].info.created_at for one in own):%Y-%m-%d}",
    )
