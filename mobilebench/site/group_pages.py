"""Pages that list cases: of a SoC, an engine or a model. Every target has its own section; nothing is pooled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from mobilebench.analysis.over_nights import CaseSeries, Shift
from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.site import lines, names, words

Pages = dict[str, Callable[[], doc.Document]]
"""Each page's name to what makes its document."""
MOST_CHANGES = 40


def pages(name: str, kind: str, title: str, found: Sequence[CaseSeries]) -> Pages:
    """The page of one SoC, engine or model, in as many parts as it needs."""
    parts = [found[start : start + lines.MOST_ROWS] for start in range(0, len(found), lines.MOST_ROWS)]
    made: Pages = {}
    for number, own in enumerate(parts, 1):
        made[names.part(name, number)] = _maker(name, kind, title, own, number, len(parts))
    return made


def _maker(
    name: str, kind: str, title: str, own: Sequence[CaseSeries], number: int, parts: int
) -> Callable[[], doc.Document]:
    return lambda: _document(name, kind, title, own, number, parts)


def _document(name: str, kind: str, title: str, own: Sequence[CaseSeries], number: int, parts: int) -> doc.Document:
    newest = max(one.points[-1][0].info.created_at for one in own)
    return doc.Document(
        title=title,
        eyebrow=f"{kind} · {plural(len(own), 'case')} · last night {newest:%Y-%m-%d}",
        run_id="",
        footer=words.FOOTER,
        head=tuple(_head(name, own, number, parts)),
        sections=(*_changes(own), *_targets(own)),
        many=len(own) > 10,
    )


def _head(name: str, own: Sequence[CaseSeries], number: int, parts: int) -> Iterator[doc.Block]:
    if all(one.virtual for one in own):
        yield words.virtual_note()
    if parts > 1:
        links: list[doc.Span] = ["Parts of this page: "]
        for other in range(1, parts + 1):
            if other == number:
                links.append(doc.Styled(f"{other} ", "strong"))
            else:
                links += [doc.Link(str(other), names.part(name, other)), " "]
        yield doc.Paragraph(tuple(links), "small")


def _changes(own: Sequence[CaseSeries]) -> Iterator[doc.Section]:
    found = newest_first([(one, shift) for one in own for shift in one.shifts["prediction"]])
    lead = words.METHOD
    if not found:
        yield doc.Section("level-changes", "Changes of the prediction", (doc.Paragraph("None was found.", "empty"),))
        return
    if len(found) > MOST_CHANGES:
        lead = f"The newest {MOST_CHANGES} of {len(found)}; the page of each case has all of its own. {lead}"
    table = lines.shifts(found[:MOST_CHANGES])
    yield doc.Section("level-changes", "Changes of the prediction", (table,), lead=lead)


def newest_first(found: Sequence[tuple[CaseSeries, Shift]]) -> list[tuple[CaseSeries, Shift]]:
    return sorted(found, key=lambda pair: pair[0].points[pair[1].at][0].info.created_at, reverse=True)


def _targets(own: Sequence[CaseSeries]) -> Iterator[doc.Section]:
    of_target = groupby(own, key=lambda one: (one.virtual, one.soc, one.target.id, one.target.machine))
    for number, (_, group) in enumerate(of_target, 1):
        cases = tuple(group)
        first = cases[0]
        yield doc.Section(
            "target",
            f"{first.target.name} · {first.soc}",
            (lines.cases(cases, f"Cases on {first.target.name}"),),
            anchor=f"target-{number}",
            lead=f"{first.target.id} · {first.target.os} · {plural(len(cases), 'case')}",
            mark=first.soc if first.virtual else None,
        )
