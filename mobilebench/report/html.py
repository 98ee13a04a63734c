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
from mobilebench.report import document as doc

LONG = 20
"""A table with more rows than this scrolls in its own box."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(document: doc.Document) -> str:
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
        appears=lambda section: doc.appears(section, "html"),
        beside=_beside,
        by_reason=doc.by_reason,
        cells=lambda row, table: doc.cells(table, row, "html"),
        classes=_classes,
        columns=lambda table: doc.columns(table, "html"),
        groups=lambda table: doc.groups(table, "html"),
        heading=_heading,
        kind=lambda block: type(block).__name__,
        rows=lambda table: doc.rows(table, "html"),
        sentence=_sentence,
        shown=lambda blocks: doc.shown(blocks, "html"),
        text=text,
        verdict=_verdict,
    )
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return printable(value) if isinstance(value, str) else value


def _panels(sections: Sequence[doc.Section], mark: str | None) -> Iterator[tuple[doc.Panel, str | None]]:
    """The panels of all rows, each with its target's mark."""
    for section in sections:
        own = section.mark or mark
        for row in _rows(section.blocks):
            if row.panel:
                yield row.panel, own
        yield from _panels(section.sections, own)


def _rows(blocks: Sequence[doc.Block]) -> Iterator[doc.Row]:
    for block in doc.shown(blocks, "html"):
        if isinstance(block, doc.Table):
            yield from doc.rows(block, "html")
        elif isinstance(block, doc.Fold | doc.Group):
            yield from _rows(block.blocks)


def _beside(blocks: Sequence[doc.Block]) -> list[list[doc.Block]]:
    """Groups blocks for layout: consecutive figures are side by side, every other block is alone."""
    runs: list[list[doc.Block]] = []
    for block in blocks:
        if isinstance(block, doc.Figure) and runs and isinstance(runs[-1][0], doc.Figure):
            runs[-1].append(block)
        else:
            runs.append([block])
    return runs


def text(value: doc.Text) -> Markup:
    """A text with its marks, links and styles."""
    return Markup("").join(map(_span, doc.spans(value)))


def _span(span: doc.Span) -> Markup:
    match span:
        case doc.Sentence():
            return _sentence(span.text)
        case doc.StatusWord():
            return _verdict(span.status)
        case doc.VirtualMark():
            return Markup('<span class="virtual">virtual</span>')
        case doc.Link():
            return Markup('<a href="{}">{}</a>').format(printable(span.address), printable(span.text))
        case doc.Styled(style="strong"):
            return Markup("<strong>{}</strong>").format(printable(span.text))
        case doc.Styled(style="mono"):
            return Markup('<span class="mono">{}</span>').format(printable(span.text))
        case doc.Styled():
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


def _heading(column: doc.Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit and column.unit != "ms" else column.title


def _classes(column: doc.Column, cell: doc.Cell) -> str:
    """CSS classes of a cell: reasons are styled as longer text, and `alone` fills a line on a phone."""
    if cell.span > 1 or isinstance(cell.text, doc.StatusWord):
        return "why"
    return " ".join(
        filter(None, ("number" if column.kind == "number" else "", "alone" if column.style == "wide" else ""))
    )
