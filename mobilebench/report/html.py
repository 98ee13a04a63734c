"""The report as HTML: one file that works offline, with its style, script and pictures inside.

Everything that a device or a page reported is untrusted: templates escape all text, invisible characters are shown, and
a content security policy allows only the report's own script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mobilebench.analysis.labels import printable
from mobilebench.analysis.summary import Status
from mobilebench.report.document import (
    Block,
    Cell,
    Column,
    Document,
    Figure,
    Fold,
    Group,
    Link,
    Panel,
    Row,
    Section,
    Sentence,
    Span,
    StatusWord,
    Styled,
    Table,
    Text,
    VirtualMark,
    appears,
    by_reason,
    cells,
    columns,
    rows,
    shown,
    spans,
)

LONG = 20
"""A table with more rows than this scrolls in its own box."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(document: Document) -> str:
    """The whole report as one HTML document."""
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            document=document,
            panels=list(_panels(document.sections, None)),
            style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(LONG=LONG)
    environment.filters.update(
        appears=lambda section: appears(section, "html"),
        beside=_beside,
        by_reason=by_reason,
        cells=lambda row, table: cells(table, row, "html"),
        classes=_classes,
        columns=lambda table: columns(table, "html"),
        heading=_heading,
        kind=lambda block: type(block).__name__,
        rows=lambda table: rows(table, "html"),
        sentence=_sentence,
        shown=lambda blocks: shown(blocks, "html"),
        text=text,
        verdict=_verdict,
    )
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return printable(value) if isinstance(value, str) else value


def _panels(sections: Sequence[Section], mark: str | None) -> Iterator[tuple[Panel, str | None]]:
    """The panels of all rows, each with its target's mark."""
    for section in sections:
        own = section.mark or mark
        for row in _rows(section.blocks):
            if row.panel:
                yield row.panel, own
        yield from _panels(section.sections, own)


def _rows(blocks: Sequence[Block]) -> Iterator[Row]:
    for block in shown(blocks, "html"):
        if isinstance(block, Table):
            yield from rows(block, "html")
        elif isinstance(block, Fold | Group):
            yield from _rows(block.blocks)


def _beside(blocks: Sequence[Block]) -> list[list[Block]]:
    """Groups blocks for layout: consecutive figures are side by side, every other block is alone."""
    runs: list[list[Block]] = []
    for block in blocks:
        if isinstance(block, Figure) and runs and isinstance(runs[-1][0], Figure):
            runs[-1].append(block)
        else:
            runs.append([block])
    return runs


def text(value: Text) -> Markup:
    """A text with its marks, links and styles."""
    return Markup("").join(map(_span, spans(value)))


def _span(span: Span) -> Markup:
    match span:
        case Sentence():
            return _sentence(span.text)
        case StatusWord():
            return _verdict(span.status)
        case VirtualMark():
            return Markup('<span class="virtual">virtual</span>')
        case Link():
            return Markup('<a href="{}">{}</a>').format(printable(span.address), printable(span.text))
        case Styled(style="strong"):
            return Markup("<strong>{}</strong>").format(printable(span.text))
        case Styled(style="mono"):
            return Markup('<span class="mono">{}</span>').format(printable(span.text))
        case Styled():
            return Markup('<span class="small inline">{}</span>').format(printable(span.text))
        case _:
            return Markup.escape(printable(str(span)))


def _sentence(value: str) -> Markup:
    """A sentence in which backticks mark code."""
    parts = printable(value).split("`")
    code = (Markup("<code>{}</code>") if number % 2 else Markup("{}") for number in range(len(parts)))
    return Markup("").join(form.format(part) for form, part in zip(code, parts, strict=True))


def _verdict(status: Status) -> Markup:
    return Markup('<span class="verdict {}">{}</span>').format(status.replace(" ", "-"), status)


def _heading(column: Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit and column.unit != "ms" else column.title


def _classes(column: Column, cell: Cell) -> str:
    """CSS classes of a cell: reasons are styled as longer text, and `alone` fills a line on a phone."""
    if cell.span > 1 or isinstance(cell.text, StatusWord):
        return "why"
    return " ".join(
        filter(None, ("number" if column.kind == "number" else "", "alone" if column.style == "wide" else ""))
    )
