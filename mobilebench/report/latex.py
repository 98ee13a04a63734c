"""The report as LaTeX, for publications: tables with booktabs, and every text escaped.

Each table is a float of its own that can be copied into another document, which needs the packages of `PACKAGES`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mobilebench.analysis.labels import printable
from mobilebench.report import document as doc

PACKAGES = ("booktabs", "graphicx")
PREAMBLE = "\n".join(
    (
        r"\documentclass{article}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{textcomp}",
        *(rf"\usepackage{{{name}}}" for name in PACKAGES),
        r"\usepackage[a4paper,margin=15mm]{geometry}",
    )
)
_MOST_ROWS = 20
"""A table with more rows than this is divided, since a float cannot break over pages."""
_LONG = 40
"""A column of text with more characters than this has lines that break."""
_FITTED = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}"
_HEADINGS = (r"\section*", r"\subsection*", r"\paragraph*")

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": r"{-}",
    "[": r"{[}",
    "]": r"{]}",
    "*": r"{*}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
    "×": r"\texttimes{}",
    "±": r"\textpm{}",
    "−": r"\textminus{}",  # noqa: RUF001 - a minus sign
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "√": r"$\sqrt{}$",
    "\u202f": r"\,",
    "\u00a0": "~",
}
_UNKNOWN = r"\textquestiondown{}"
"""Shown for a character that LaTeX's standard fonts lack."""


def escape(raw: object) -> str:
    """A text as one line without commands: no character of it has a meaning for TeX."""
    line = " ".join(printable(re.sub(r"[^\S\u202f\u00a0]+", " ", str(raw))).split(" "))
    return "".join(_ESCAPES.get(character, _plain(character)) for character in line)


def _plain(character: str) -> str:
    """A character that LaTeX can print as it is: ASCII, and the letters of Latin-1."""
    known = " " <= character <= "~" or ("\u00c0" <= character <= "\u00ff")
    return character if known else _UNKNOWN


def render(document: doc.Document) -> str:
    """The whole document, ready to be compiled."""
    parts = [PREAMBLE, r"\begin{document}", rf"\section*{{{escape(document.title)}}}"]
    parts.append(f"{escape(document.eyebrow)} {escape('·')} run {escape(document.run_id)}")
    parts += _blocks(document.head, None)
    for section in document.sections:
        parts += _section(section, 0, None)
    return "\n\n".join((*(part for part in parts if part), r"\end{document}")) + "\n"


def _section(section: doc.Section, level: int, mark: str | None) -> Iterator[str]:
    if not doc.appears(section, "latex"):
        return
    mark = section.mark or mark
    if section.title:
        yield f"{_HEADINGS[min(level, len(_HEADINGS) - 1)]}{{{escape(section.title)}{_marked(mark)}}}"
        level += 1
    if section.lead:
        yield text(section.lead)
    yield from _blocks(section.blocks, mark)
    if any(isinstance(block, doc.Table | doc.Figure) for block in doc.unfolded(section.blocks, "latex")):
        yield r"\clearpage"
    for inner in section.sections:
        yield from _section(inner, level, mark)


def _marked(mark: str | None) -> str:
    return " (virtual)" if mark else ""


def _blocks(blocks: Sequence[doc.Block], mark: str | None) -> Iterator[str]:
    for block in doc.unfolded(blocks, "latex"):
        yield _block(block, mark)


def _block(block: doc.Block, mark: str | None) -> str:
    match block:
        case doc.Paragraph():
            return text(block.text)
        case doc.Heading():
            return rf"\paragraph*{{{text(block.text)}}}"
        case doc.Note():
            return _list([*([block.title] if block.title else []), *block.lines])
        case doc.Items():
            return _list(block.items)
        case doc.Facts():
            return _list([(*doc.spans(fact.name), ": ", *doc.spans(fact.text)) for fact in block.facts])
        case doc.Command():
            return rf"\texttt{{{escape(block.text)}}}"
        case doc.Counts():
            return escape(", ".join(f"{count} {status}" for status, count in block.counts.items() if count))
        case doc.Figure():
            return table(block.as_table(), mark)
        case doc.Table():
            return table(block, mark)
        case doc.Remarks():
            reasons = doc.by_reason(block.remarks)
            return _list([f"{'; '.join(s.label for s in who)}, {status}: {why}" for status, why, who in reasons])
    return ""


def _list(items: Sequence[doc.Text]) -> str:
    return "\n".join((r"\begin{itemize}", *(rf"\item {text(item)}" for item in items), r"\end{itemize}"))


def table(block: doc.Table, mark: str | None = None) -> str:
    """One table as floats; its caption names a virtual target as virtual. What is wider than the text is scaled."""
    rows = doc.rows(block, "latex")
    parts = [rows[start : start + _MOST_ROWS] for start in range(0, len(rows), _MOST_ROWS)] or [[]]
    counts = [f", part {number} of {len(parts)}" if len(parts) > 1 else "" for number in range(1, len(parts) + 1)]
    return "\n\n".join(
        _float(block, part, f"{_marked(mark)}{count}") for part, count in zip(parts, counts, strict=True)
    )


def _float(block: doc.Table, rows: Sequence[doc.Row], after: str) -> str:
    shown = doc.columns(block, "latex")
    kinds = "".join(_kind(block, column, len(shown)) for column in shown)
    lines = [rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}", r"\toprule", *_head(block, shown), r"\midrule"]
    lines += [_row(block, row) for row in rows]
    body = "\n".join((*lines, r"\bottomrule", r"\end{tabular}"))
    note = f"\n\n{{\\footnotesize {escape(block.note)}\\par}}" if block.note else ""
    caption = f"\\caption{{{escape(block.caption)}{after}}}"
    return f"\\begin{{table}}[htbp]\n{caption}\n\\centering\\small\n{_FITTED}{{%\n{body}}}{note}\n\\end{{table}}"


def _kind(block: doc.Table, column: doc.Column, count: int) -> str:
    if column.kind == "number":
        return "r"
    cells = [cell for row in doc.rows(block, "latex") for own, cell in doc.cells(block, row, "latex") if own is column]
    longest = max((len(doc.plain(cell.text)) for cell in cells if not cell.details), default=0)
    return f"p{{{0.9 / count:.2f}\\textwidth}}" if longest > _LONG else "l"


def _head(block: doc.Table, shown: Sequence[doc.Column]) -> Iterator[str]:
    """The titles of the columns, below the names of their groups."""
    found = doc.groups(block, "latex")
    if found:
        cells, rules, start = [], [], 1
        for name, count in found:
            cells.append(rf"\multicolumn{{{count}}}{{c}}{{{escape(name)}}}" if name else " &" * (count - 1))
            rules += [rf"\cmidrule(lr){{{start}-{start + count - 1}}}"] if name else []
            start += count
        yield f"{' & '.join(cells)} \\\\ {' '.join(rules)}"
    yield f"{' & '.join(escape(_title(column)) for column in shown)} \\\\"


def _title(column: doc.Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit else column.title


def _row(block: doc.Table, row: doc.Row) -> str:
    cells = []
    for column, cell in doc.cells(block, row, "latex"):
        shown = _cell(column, cell)
        cells.append(rf"\multicolumn{{{cell.span}}}{{c}}{{{shown}}}" if cell.span > 1 else shown)
    return f"{' & '.join(cells)} \\\\"


def _cell(column: doc.Column, cell: doc.Cell) -> str:
    """The text of a cell above its details, which are smaller."""
    details = [rf"\scriptsize {text(detail)}" for detail in cell.details]
    if not details:
        return text(cell.text)
    place = "r" if column.kind == "number" else "l"
    stacked = r" \\ ".join((text(cell.text), *details))
    return rf"\begin{{tabular}}[t]{{@{{}}{place}@{{}}}}{stacked}\end{{tabular}}"


def text(value: doc.Text) -> str:
    """A text as LaTeX."""
    return "".join(_span(span) for span in doc.spans(value))


def _span(span: doc.Span) -> str:
    match span:
        case doc.Sentence():
            parts = span.text.split("`")
            return "".join(rf"\texttt{{{escape(p)}}}" if n % 2 else escape(p) for n, p in enumerate(parts))
        case doc.Styled(style="strong"):
            return rf"\textbf{{{escape(span.text)}}}"
        case doc.Styled(style="mono"):
            return rf"\texttt{{{escape(span.text)}}}"
    return escape(doc.plain(span))
