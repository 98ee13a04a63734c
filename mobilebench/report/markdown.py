"""The report as Markdown, for pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mobilebench.analysis.labels import printable
from mobilebench.analysis.summary import Status
from mobilebench.report import document as doc
from mobilebench.report.phrases import counts_sentence

_ESCAPES = str.maketrans({**{c: f"\\{c}" for c in "\\`*[]|~$"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ALIVE = re.compile(r"(?i)(?<=\bwww)\.|:(?=//)|@(?=\w)")
_LOOSE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BAD: tuple[Status, ...] = ("invalid", "failed")


def escape(raw: object) -> str:
    """Escape a text to one line without Markdown, HTML, links, mentions or table separators."""
    line = " ".join(printable(re.sub(r"\s+", " ", str(raw))).split())
    escaped = _LOOSE_UNDERSCORE.sub(r"\\_", line.translate(_ESCAPES))
    return _ALIVE.sub(lambda found: f"&#{ord(found[0])};", escaped)


def render(document: doc.Document) -> str:
    """The whole report as one Markdown document."""
    parts = [f"# {escape(document.title)}", f"{escape(document.eyebrow)} · run {escape(document.run_id)}"]
    parts += _blocks(document.head, None)
    for section in document.sections:
        parts += _section(section, 2, None)
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: doc.Section, level: int, mark: str | None) -> Iterator[str]:
    if not doc.appears(section, "markdown"):
        return
    mark = section.mark or mark
    if section.title:
        yield f"{'#' * level} {escape(section.title)}{_marked(mark)}"
        level += 1
    if section.lead:
        yield text(section.lead)
    yield from _blocks(section.blocks, mark)
    for inner in section.sections:
        yield from _section(inner, level, mark)


def _marked(mark: str | None) -> str:
    return " (virtual)" if mark else ""


def _blocks(blocks: Sequence[doc.Block], mark: str | None) -> Iterator[str]:
    for block in doc.unfolded(blocks, "markdown"):
        yield "\n\n".join(_block(block, mark))


def _block(block: doc.Block, mark: str | None) -> Iterator[str]:
    match block:
        case doc.Paragraph():
            yield text(block.text)
        case doc.Heading():
            yield f"**{text(block.text)}**"
        case doc.Note():
            title = f"**{text(block.title)}**: " if block.title else ""
            yield "\n>\n".join(
                f"> {title if number == 0 else ''}{text(line)}" for number, line in enumerate(block.lines)
            )
        case doc.Items():
            yield "\n".join(f"- {text(item)}" for item in block.items)
        case doc.Facts():
            yield "\n".join(f"- {text(fact.name)}: {text(fact.text)}" for fact in block.facts)
        case doc.Command():
            yield f"    {printable(block.text)}"
        case doc.Counts():
            yield f"{escape(counts_sentence(block.counts))}."
        case doc.Figure():
            yield from _table(block.as_table(), mark)
        case doc.Table():
            yield from _table(block, mark)
        case doc.Remarks():
            yield _remarks(block, mark)


def _table(table: doc.Table, mark: str | None) -> Iterator[str]:
    """A table below its caption, which names a virtual target as virtual."""
    if table.caption and not table.hide_caption:
        yield f"{escape(table.caption)}{_marked(mark)}{f': {escape(table.note)}' if table.note else ''}"
    shown = doc.columns(table, "markdown")
    lines = [[_heading(column) for column in shown], ["---"] * len(shown)]
    for row in doc.rows(table, "markdown"):
        line: list[str] = []
        for column, cell in doc.cells(table, row, "markdown"):
            line += [_cell(column, cell), *["–"] * (cell.span - 1)]
        lines.append(line)
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _heading(column: doc.Column) -> str:
    label = f"{column.group}: {column.label}" if column.group else column.label
    return escape(f"{label}, {column.unit}" if column.unit else label)


def _cell(column: doc.Column, cell: doc.Cell) -> str:
    if cell.markdown is not None:
        return text(cell.markdown)
    details = [text(detail) for detail in cell.details]
    if not details:
        return text(cell.text)
    if column.kind == "name":
        return ", ".join([text(cell.text), *details])
    return f"{text(cell.text)} ({'; '.join(details)})"


def _remarks(block: doc.Remarks, mark: str | None) -> str:
    """One line per reason, with the cases that share it."""
    what = f", {block.what}{_marked(mark)}" if block.what else ""
    return "\n".join(
        f"- {escape(_who(subjects))}{escape(what)}, {status}: {escape(reason)}"
        for status, reason, subjects in doc.by_reason(block.remarks)
    )


def _who(subjects: Sequence[doc.Subject]) -> str:
    names = "; ".join(subject.label for subject in subjects)
    return names if len(subjects) == 1 else f"{len(subjects)} cases ({names})"


def text(value: doc.Text) -> str:
    """A text as Markdown; a bad verdict is in capitals, and a link to a file is the file's path as code."""
    return "".join(map(_span, doc.spans(value))).strip()


def _span(span: doc.Span) -> str:
    if isinstance(span, doc.StatusWord):
        return span.status.upper() if span.status in _BAD else span.status
    if isinstance(span, doc.Link) and not span.address.startswith("#"):
        return f"`{printable(span.address).replace('`', '')}`"
    words = doc.plain(span)
    before, after = (" " if edge.isspace() else "" for edge in (words[:1], words[-1:]))
    return f"{before}{escape(words)}{after}" if words.strip() else " "
