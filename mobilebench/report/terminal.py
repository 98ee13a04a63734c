"""The report for the terminal: its main tables, within 80 columns if the texts are short enough.

Verdicts are words and also coloured. Tables of one name for all models of a target are joined into one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mobilebench.analysis.labels import printable
from mobilebench.analysis.summary import Status
from mobilebench.report import document as doc
from mobilebench.report.phrases import counts_sentence

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table as RichTable
    from rich.text import Text as RichText

_STYLE: dict[Status, str] = {
    "valid": "green",
    "suspect": "yellow",
    "invalid": "bold red",
    "failed": "bold red",
    "unsupported": "dim",
    "not measured": "dim",
}


@dataclass(frozen=True)
class _Joined:
    """Blocks that are printed as one: those of one kind and name for all models of a target."""

    heading: str
    """Title of their section, if it is within a model."""
    parts: tuple[tuple[str, doc.Block], ...]
    """Each block with the title of its model, which is empty outside a model."""


def render(document: doc.Document) -> Group:
    """Everything that the terminal shows, as renderables for rich."""
    from rich.console import Group
    from rich.text import Text

    shown: list[RenderableType] = []
    for section in _sections(document.sections):
        if shown:
            shown.append(Text())
        shown += _section(section)
    return Group(*shown)


def _sections(sections: Sequence[doc.Section]) -> Iterator[doc.Section]:
    """The sections to print; a section without a title is only a container."""
    for section in sections:
        if doc.appears(section, "terminal"):
            if section.title or section.blocks:
                yield section
            else:
                yield from _sections(section.sections)


def _section(section: doc.Section) -> Iterator[RenderableType]:
    from rich.text import Text

    if section.title:
        yield _title(section)
    heading = ""
    for joined in _join(section):
        if joined.heading not in ("", heading):
            yield Text(printable(joined.heading), style="bold")
        heading = joined.heading
        yield from _block(joined)


def _title(section: doc.Section) -> RichText:
    from rich.text import Text

    mark = [("VIRTUAL ", "bold magenta")] if section.mark else []
    lead = f" · {doc.plain(section.lead)}" if section.lead else ""
    return Text.assemble(*mark, (printable(f"{section.title}{lead}"), "bold"))


def _join(section: doc.Section) -> list[_Joined]:
    """The blocks of a section and its subsections; tables and remarks of one name are joined."""
    found: dict[object, list[tuple[str, doc.Block]]] = {}
    headings: dict[object, str] = {}
    for model, heading, block in _titled(section):
        key: object = (type(block), block.name) if isinstance(block, doc.Table | doc.Remarks) else len(found)
        found.setdefault(key, []).append((model, block))
        headings.setdefault(key, heading)
    return [_Joined(headings[key], tuple(parts)) for key, parts in found.items()]


def _titled(section: doc.Section) -> Iterator[tuple[str, str, doc.Block]]:
    """Every block of a section, with the titles of its model and of its section within the model."""
    for block in doc.unfolded(section.blocks, "terminal"):
        yield "", "", block
    for model in section.sections:
        for title, block in _within(model, ""):
            yield model.title, title, block


def _within(section: doc.Section, title: str) -> Iterator[tuple[str, doc.Block]]:
    for block in doc.unfolded(section.blocks, "terminal"):
        yield title, block
    for inner in section.sections:
        yield from _within(inner, inner.title)


def _block(joined: _Joined) -> Iterator[RenderableType]:
    from rich.text import Text

    _, block = joined.parts[0]
    match block:
        case doc.Table() | doc.Figure():
            yield from _table(joined)
        case doc.Remarks():
            yield from _remarks(joined)
        case doc.Paragraph() | doc.Heading():
            yield _text(block.text)
        case doc.Note():
            yield from (_text(line) for line in block.lines)
        case doc.Items():
            yield from (Text.assemble("- ", _text(item)) for item in block.items)
        case doc.Facts():
            yield from (Text.assemble(_text(fact.name), ": ", _text(fact.text)) for fact in block.facts)
        case doc.Command():
            yield Text(printable(block.text))
        case doc.Counts():
            yield Text(f"{counts_sentence(block.counts)}.")


def _table(joined: _Joined) -> Iterator[RichTable]:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    tables = [(title, table) for title, table in _as_tables(joined) if doc.rows(table, "terminal")]
    if not tables:
        return
    made = RichTable(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for column in doc.columns(tables[0][1], "terminal"):
        if column.kind == "name":
            made.add_column(_heading(column), min_width=24, overflow="fold")
        else:
            made.add_column(_heading(column), justify="right" if column.kind == "number" else "left", no_wrap=True)
    for title, table in tables:
        if title:
            made.add_row(Text(printable(title), style="bold"))
        indent = " " if title else ""
        for row in doc.rows(table, "terminal"):
            texts = (
                _text(_name(cell, indent) if column.kind == "name" else cell.text)
                for column, cell in doc.cells(table, row, "terminal")
            )
            made.add_row(*texts)
        made.add_section()
    yield made


def _as_tables(joined: _Joined) -> Iterator[tuple[str, doc.Table]]:
    for title, part in joined.parts:
        if isinstance(part, doc.Table):
            yield title, part
        elif isinstance(part, doc.Figure):
            yield title, part.as_table()


def _name(cell: doc.Cell, indent: str) -> doc.Text:
    return (indent, *doc.spans(cell.text if cell.terminal is None else cell.terminal))


def _heading(column: doc.Column) -> str:
    return column.short or column.label


def _remarks(joined: _Joined) -> Iterator[RichText]:
    """One line per reason, with the cases that share it."""
    from rich.text import Text

    blocks = [block for _, block in joined.parts if isinstance(block, doc.Remarks)]
    single: list[doc.Remark] = [
        replace(remark, reasons=(reason,)) for block in blocks for remark in block.remarks for reason in remark.reasons
    ]
    what = f"{blocks[0].what} of " if blocks[0].what else ""
    for status, reason, subjects in doc.by_reason(single):
        yield Text.assemble((status, _STYLE[status]), printable(f" {what}{_who(subjects)}: {reason}"))


def _who(subjects: Sequence[doc.Subject]) -> str:
    """The cases that share a reason, named by what they have in common, or else counted."""
    labels = {subject.label for subject in subjects}
    engines = {subject.engine for subject in subjects}
    models = ", ".join(dict.fromkeys(subject.model for subject in subjects))
    for common in (labels, engines):
        if len(common) == 1:
            return f"{common.pop()}, {models}"
    named = ", ".join(dict.fromkeys(subject.engine_name for subject in subjects))
    return f"{len(subjects)} cases ({named}; {models})"


def _text(value: doc.Text) -> RichText:
    from rich.text import Text

    parts = [
        (span.status, _STYLE[span.status]) if isinstance(span, doc.StatusWord) else (printable(doc.plain(span)), "")
        for span in doc.spans(value)
    ]
    return Text.assemble(*parts)
