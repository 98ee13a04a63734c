"""The tables of the report as CSV files (RFC 4180, one header line)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from mobilebench.analysis.labels import printable
from mobilebench.report import document as doc

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters at the start of a text that make a spreadsheet take it for a formula."""


def render(document: doc.Document) -> dict[str, str]:
    """File name to its text. Tables of one file are concatenated below one header."""
    files: dict[str, tuple[list[str], list[list[str]]]] = {}
    for table in _tables(document):
        header = [column.title for column in doc.columns(table, "csv")]
        _, rows = files.setdefault(table.csv or "", (header, []))
        rows += [_values(table, row) for row in table.rows if "csv" in row.forms]
    return {name: _text(header, rows) for name, (header, rows) in files.items()}


def _tables(document: doc.Document) -> Iterator[doc.Table]:
    for block in doc.all_blocks(document.sections, "csv"):
        if isinstance(block, doc.Table) and block.csv:
            yield block
        elif isinstance(block, doc.Figure) and block.csv:
            yield block.as_table()


def _values(table: doc.Table, row: doc.Row) -> list[str]:
    chosen = (value for column, value in zip(table.columns, row.cells, strict=True) if "csv" in column.forms)
    return [_value(value) for value in chosen]


def _value(value: doc.Value) -> str:
    """A number in full, a boolean as `true` or `false`, None as an empty field."""
    if isinstance(value, doc.Cell):
        value = doc.plain(value.text) if value.value is None else value.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return safe(value) if isinstance(value, str) else repr(value)


def safe(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would take it for a formula (as OWASP advises)."""
    return printable(f"'{text}" if text.startswith(_FORMULA) else text)


def _text(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
