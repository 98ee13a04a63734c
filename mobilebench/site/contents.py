"""Every page of the site by its name, each made when it is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass

from mobilebench.analysis.over_nights import CaseSeries, Night, NightCase, absent, series
from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.site import case_page, group_pages, html, lines, names, night_page, start_page, words
from mobilebench.site.group_pages import Pages


class Contents:
    """The pages over the nights of a store."""

    def __init__(self, nights: Sequence[Night]) -> None:
        self._nights = tuple(nights)
        self._series = series(nights)
        self._absent = absent(nights)
        self._places = {
            (one.key, night.info.id): (one, number)
            for one in self._series
            for number, (night, _) in enumerate(one.points)
        }
        self._pages = self._all()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all pages."""
        return tuple(self._pages)

    def __contains__(self, name: str) -> bool:
        return name in self._pages

    def document(self, name: str) -> doc.Document:
        """The document of a page. Raises KeyError if there is none of this name."""
        return self._pages[name]()

    def _all(self) -> Pages:
        if not self._nights:
            return {names.START: start_page.empty}
        made: Pages = {names.START: lambda: start_page.document(self._nights, self._series)}
        made |= _night_lists(self._nights)
        case_names = {one.key: names.of_case(one) for one in self._series}
        for night in self._nights:
            made |= self._night(night, case_names)
        for one in self._series:
            made[case_names[one.key]] = _case(one)
        for kind, of, page in (
            ("SoC", lambda one: one.soc, names.of_soc),
            ("Engine", lambda one: one.case.engine, names.of_engine),
            ("Model", lambda one: one.case.model, names.of_model),
        ):
            for title, own in _grouped(self._series, of).items():
                made |= group_pages.pages(page(title), kind, title, own)
        return made

    def _night(self, night: Night, case_names: Mapping[night_page.Key, str]) -> Pages:
        count = max(1, -(-len(night.cases) // lines.MOST_ROWS))
        parts = [names.part(names.of_night(night), number) for number in range(1, count + 1)]
        return {name: self._part(night, case_names, parts, number) for number, name in enumerate(parts, 1)}

    def _part(
        self, night: Night, case_names: Mapping[night_page.Key, str], parts: Sequence[str], number: int
    ) -> Callable[[], doc.Document]:
        return lambda: night_page.document(night, self._absent[night.info.id], case_names, self._before, parts, number)

    def _before(self, night: Night, case: NightCase) -> Mapping[str, object] | None:
        one, number = self._places[night_page.key_of(case), night.info.id]
        return next((earlier.facts for _, earlier in reversed(one.points[:number]) if earlier.facts), None)


def digest(document: doc.Document) -> str:
    """SHA-256 of all that a page shows, which is known before the page is made. It is equal in every process."""
    text = json.dumps(_plain(document), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{html.look()}\0{text}".encode()).hexdigest()


def _plain(value: object) -> object:
    """A document as values of JSON."""
    if is_dataclass(value):
        return [type(value).__name__, *(_plain(getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return [[str(name), _plain(one)] for name, one in value.items()]
    return value if isinstance(value, int | float | bool | None) else str(value)


def _case(one: CaseSeries) -> Callable[[], doc.Document]:
    return lambda: case_page.document(one)


def _grouped(found: Sequence[CaseSeries], of: Callable[[CaseSeries], str]) -> dict[str, list[CaseSeries]]:
    groups: dict[str, list[CaseSeries]] = {}
    for one in found:
        groups.setdefault(of(one), []).append(one)
    return groups


def _night_lists(nights: Sequence[Night]) -> Pages:
    ordered = sorted(nights, key=lambda night: (night.info.created_at, night.info.id), reverse=True)
    parts = [ordered[start : start + lines.MOST_ROWS] for start in range(0, len(ordered), lines.MOST_ROWS)]
    return {
        names.part(names.NIGHTS, number): _night_list(own, len(nights), number, len(parts))
        for number, own in enumerate(parts, 1)
    }


def _night_list(own: Sequence[Night], count: int, number: int, parts: int) -> Callable[[], doc.Document]:
    def made() -> doc.Document:
        links: list[doc.Span] = []
        for other in range(1, parts + 1):
            if other != number:
                links += [doc.Link(f"part {other}", names.part(names.NIGHTS, other)), " "]
        head = (doc.Paragraph((f"Part {number} of {parts}: ", *links), "small"),) if links else ()
        return doc.Document(
            title=f"All {plural(count, 'night')}",
            eyebrow="Newest first; a night is one run of the store",
            run_id="",
            footer=words.FOOTER,
            head=head,
            sections=(doc.Section("all-nights", "Nights", (lines.nights(own),)),),
            many=len(own) > 10,
        )

    return made
