"""The report as HTML: one file that works offline, with its style, script and pictures inside.

Everything that a device or a page reported is untrusted: templates escape all text, invisible characters are shown, and
a content security policy allows only the report's own script.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mobilebench.analysis.labels import printable
from mobilebench.analysis.summary import Status
from mobilebench.core import paths
from mobilebench.report import document as doc
from mobilebench.report.figures import static
from mobilebench.report.figures.theme import for_page

PACKED_FROM = 2_800_000
"""A page with more characters than this is packed."""
BREAK = "\x00"
"""Between parts of a page; no text has this character (`printable`)."""
PROOFS = "proofs"
"""The place of the proofs among the parts of a page."""
_NEEDS_SCRIPT = (
    '<noscript><p class="wide small">This large report is packed: without its script, this page shows neither the '
    "tables of the models nor the proofs.</p></noscript>\n"
)
LONG = 20
"""A table with more rows than this scrolls in its own box."""
_TEMPLATES = Path(__file__).parent / "templates"


def render(document: doc.Document) -> str:
    """The whole report as one HTML document.

    A large one has the bodies of its models and its proofs packed; the page's script unpacks them.
    """
    scripts = [(_TEMPLATES / "report.js").read_text(encoding="utf-8")]
    drawing = _drawing_script() if _has_figures(document) else None
    if drawing:
        scripts.append(drawing)
    bodies: dict[str, str] = {}

    def later(key: str, body: Markup) -> Markup:
        """Keeps a body for later, and returns the mark of its place."""
        if key != PROOFS:
            bodies[key] = str(body)
        return Markup("{0}{1}{0}").format(BREAK, key)

    templates = environment()
    templates.globals["later"] = later
    proof = templates.get_template("blocks.html.jinja").module.panel  # type: ignore[attr-defined]
    proofs = {panel.id: str(proof(panel, mark)) for panel, mark in _panels(document.sections, None)}
    parts = (
        templates.get_template("report.html.jinja")
        .render(
            document=document,
            style=Markup(style()),  # noqa: S704
            scripts=[Markup(script) for script in scripts],  # noqa: S704
            sources=Markup(" ".join(map(source, scripts))),  # noqa: S704
            drawing=drawing is not None,
        )
        .split(BREAK)
    )
    places, packed = parts[1::2], ""
    if sum(map(len, [*parts, *bodies.values(), *proofs.values()])) > PACKED_FROM:
        packed = _packed("bodies", bodies) + _packed("proofs", proofs) + _NEEDS_SCRIPT
        parts[1::2] = [f'<div data-body="{place}"></div>' if place in bodies else packed for place in places]
    else:
        parts[1::2] = [bodies[place] if place in bodies else "\n".join(proofs.values()) for place in places]
    return "".join(parts)


def _packed(name: str, texts: dict[str, str]) -> str:
    """Texts by their keys as raw deflate (RFC 1951) in base64, in an element that browsers do not show."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    together = BREAK.join(part for key_and_text in texts.items() for part in key_and_text)
    data = deflate.compress(together.encode()) + deflate.flush()
    return f'<script type="text/plain" id="packed-{name}">{base64.b64encode(data).decode()}</script>\n'


def source(text: str) -> str:
    """The source expression by which a content security policy allows this script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def style() -> str:
    """The style of the report, as CSS."""
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


def _drawing_script() -> str | None:
    """The script that draws figures; None if it is not built: then the static pictures are shown."""
    file = paths.figures_script()
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _has_figures(document: doc.Document) -> bool:
    blocks = (*doc.unfolded(document.head, "html"), *doc.all_blocks(document.sections, "html"))
    return any(isinstance(block, doc.Figure) for block in blocks)


def _packed_spec(spec: dict[str, Any]) -> str:
    """A specification in the page's colours: JSON, compressed by gzip, as base64. A sixth of the size of the JSON."""
    text = json.dumps(for_page(spec), separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def environment(*folders: Path) -> Environment:
    """The report's templates, with those of further folders."""
    made = Environment(
        loader=FileSystemLoader([_TEMPLATES, *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.globals.update(LONG=LONG)
    made.filters.update(
        appears=lambda section: doc.appears(section, "html"),
        beside=_beside,
        by_reason=doc.by_reason,
        cells=lambda row, table: doc.cells(table, row, "html"),
        classes=_classes,
        columns=lambda table: doc.columns(table, "html"),
        groups=lambda table: doc.groups(table, "html"),
        heading=_heading,
        kind=lambda block: type(block).__name__,
        packed=_packed_spec,
        picture=static.within_page,
        rows=lambda table: doc.rows(table, "html"),
        sentence=_sentence,
        shown=lambda blocks: doc.shown(blocks, "html"),
        text=text,
        verdict=_verdict,
    )
    return made


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
    if isinstance(value, str):
        return _span(value)
    first, *others = doc.spans(value) or ("",)
    return Markup("").join(map(_span, (first, *others))) if others else _span(first)


def _span(span: doc.Span) -> Markup:
    match span:
        case str():
            return Markup.escape(printable(span))
        case doc.Sentence():
            return _sentence(span.text)
        case doc.StatusWord():
            return _verdict(span.status)
        case doc.VirtualMark():
            return Markup('<span class="virtual">virtual</span>')
        case doc.Link():
            return Markup('<a href="{}">{}</a>').format(printable(span.address), printable(span.text))
        case doc.Opens():
            return Markup(
                '<button type="button" class="opens" popovertarget="{}" aria-haspopup="dialog">{}</button>'
            ).format(span.panel, printable(span.text))
        case doc.Styled(style="strong"):
            return Markup("<strong>{}</strong>").format(printable(span.text))
        case doc.Styled(style="mono"):
            return Markup('<span class="mono">{}</span>').format(printable(span.text))
        case doc.Styled():
            return Markup('<span class="small inline">{}</span>').format(printable(span.text))


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
