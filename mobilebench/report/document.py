"""The report as a document: sections of blocks, computed once, and shown as HTML, Markdown, LaTeX, CSV or plain text.

A section decides what to show. A renderer handles blocks and texts, and knows no section. Each block names the forms of
the report in which it appears, by default all of them. Names of files and devices are untrusted: every renderer escapes
all text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from markupsafe import Markup

from mobilebench.analysis.summary import Status

Form = Literal["html", "markdown", "latex", "csv", "terminal"]
FORMS: frozenset[Form] = frozenset(("html", "markdown", "latex", "csv", "terminal"))
HTML: frozenset[Form] = frozenset(("html",))
MARKDOWN: frozenset[Form] = frozenset(("markdown",))
CSV: frozenset[Form] = frozenset(("csv",))
TERMINAL: frozenset[Form] = frozenset(("terminal",))
PAPER: frozenset[Form] = frozenset(("html", "markdown", "latex"))
"""Forms of tables for a publication."""
DOCUMENTS: frozenset[Form] = HTML | MARKDOWN
TEXTS: frozenset[Form] = MARKDOWN | TERMINAL


# Texts. A plain `str` is shown as it is.


@dataclass(frozen=True)
class Sentence:
    """Text in which backticks mark code."""

    text: str


@dataclass(frozen=True)
class StatusWord:
    """A verdict or an outcome, with its colour and symbol in forms that have them."""

    status: Status


@dataclass(frozen=True)
class VirtualMark:
    """The word that marks a virtual target."""


@dataclass(frozen=True)
class Link:
    """Text that leads to an anchor of the document or to a file beside it."""

    text: str
    address: str
    """`#anchor`, or the path of a file from the report's folder."""


@dataclass(frozen=True)
class Styled:
    """Text in another style: small and muted, bold, or monospaced."""

    text: str
    style: Literal["small", "strong", "mono"]


@dataclass(frozen=True)
class Opens:
    """A text, mostly a number, that opens a panel in HTML."""

    text: str
    panel: str
    """Id of the panel."""


Span = str | Sentence | StatusWord | VirtualMark | Link | Styled | Opens
Text = Span | tuple[Span, ...]


def spans(text: Text) -> tuple[Span, ...]:
    """The parts of a text."""
    return text if isinstance(text, tuple) else (text,)


# Blocks.


@dataclass(frozen=True)
class Facets:
    """The properties of a case by which HTML filters its rows; target and model are those of the section."""

    engine: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a section."""

    forms: frozenset[Form] = FORMS
    """The forms of the report in which it appears."""


@dataclass(frozen=True)
class Paragraph(Block):
    """Running text."""

    text: Text
    style: Literal["plain", "lead", "small", "empty", "finding"] = "plain"
    """`finding` is a main result at the top."""


@dataclass(frozen=True)
class Heading(Block):
    """A heading within a section."""

    text: Text


@dataclass(frozen=True)
class Note(Block):
    """A highlighted notice."""

    kind: Literal["unfinished", "virtual"]
    lines: tuple[Text, ...]
    title: Text | None = None


@dataclass(frozen=True)
class Items(Block):
    """A list of texts."""

    items: tuple[Text, ...]
    style: Literal["plain", "files"] = "plain"


@dataclass(frozen=True)
class Fact:
    """A name with its value."""

    name: Text
    text: Text
    mono: bool = False
    """Show it monospaced, as it was read."""
    list: tuple[str, ...] = ()
    """The values that `text` only counts; HTML shows them when unfolded."""


@dataclass(frozen=True)
class Facts(Block):
    """Named facts, as a list of definitions."""

    facts: tuple[Fact, ...]
    style: Literal["facts", "words"] = "facts"


@dataclass(frozen=True)
class Command(Block):
    """A command to copy."""

    text: str


@dataclass(frozen=True)
class Counts(Block):
    """How many cases have each verdict."""

    counts: dict[Status, int]
    label: str


@dataclass(frozen=True)
class Figure(Block):
    """A picture, with the data that it draws.

    HTML shows the picture. Markdown and the terminal list the data, and CSV has one row per value.
    """

    title: str
    note: str
    spec: dict[str, Any]
    """Specification in Vega-Lite, with the data and a description in words."""
    data: tuple[tuple[str, str], ...]
    """Label and value of everything that is drawn."""
    csv: str | None = None
    """File that takes the data; None: no file."""

    def as_table(self) -> Table:
        """The data as a table with the columns `label` and `value`."""
        columns = (Column("label", "name"), Column("value"))
        return Table(self.title, columns, tuple(Row(pair) for pair in self.data), self.title, self.note, csv=self.csv)


@dataclass(frozen=True)
class Picture(Block):
    """A small picture without a frame."""

    svg: Markup


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    kind: Literal["name", "number", "text"] = "text"
    """`name` is a row heading; `number` is right-aligned."""
    unit: str | None = None
    """Unit of all values, such as `ms`."""
    short: str | None = None
    """A shorter title for the terminal."""
    group: str = ""
    """What it has in common with its neighbours: HTML (in `dense` tables) and LaTeX show it once above all of them,
    other forms before the title of each.
    """
    forms: frozenset[Form] = FORMS
    style: Literal["plain", "big", "native", "web", "wide"] = "plain"
    """How HTML styles the values: `big` for the main ones, `native` and `web` in the colour of that side; `wide` fills
    a whole line on a phone.
    """

    @property
    def label(self) -> str:
        """The title for use within a line: the first word is in lower case unless it is an abbreviation."""
        first = self.title.split(" ")[0]
        return (
            self.title[:1].lower() + self.title[1:]
            if first[1:] == first[1:].lower() and "(" not in first
            else self.title
        )


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a text with smaller details.

    HTML puts the details below the text, Markdown in brackets after it, and the terminal omits them. `markdown` and
    `terminal` replace what those forms would show.
    """

    text: Text
    details: tuple[Text, ...] = ()
    value: str | float | bool | None = None
    """Raw value for CSV; None: the text."""
    markdown: Text | None = None
    terminal: Text | None = None
    key: Literal["native", "web"] | None = None
    """Symbol in front of the text."""
    picture: Markup | None = None
    span: int = 1
    """The number of columns that it spans."""


Value = Cell | str | float | bool | None
"""A cell or a plain value, which is shown as it is; None is shown as a dash and is empty in CSV."""


@dataclass(frozen=True)
class Panel:
    """Details of a row, which HTML shows in a separate sheet on demand. HTML only."""

    id: str
    eyebrow: str
    title: str
    lines: tuple[str, ...]
    """Small print below the title."""
    blocks: tuple[Block, ...]
    label: str
    """Accessible label of the button that opens it."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    cells: tuple[Value, ...]
    panel: Panel | None = None
    forms: frozenset[Form] = FORMS
    virtual: bool = False
    """Whether the row is about a virtual target, in a table that also has real ones."""
    of: Facets | None = None
    """The case that the row is about, if it is about one."""


@dataclass(frozen=True)
class Table(Block):
    """Rows under typed columns.

    The terminal joins tables of one name in neighbouring sections, and CSV joins tables of one file.
    """

    name: str
    """The kind of table, such as `kernels`; also a CSS class."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    note: str = ""
    """An explanation of how to read it."""
    style: Literal["stack", "dense", "cards"] = "stack"
    """`stack` turns its rows into cards on a phone, `dense` scrolls sideways, `cards` shows every row as a card."""
    hide_caption: bool = False
    """Whether the caption is only for screen readers."""
    panel_title: str = ""
    csv: str | None = None
    """File that takes its rows; None: no file."""


@dataclass(frozen=True)
class Subject:
    """The case that a remark is about, with the names that are used when remarks about several cases are joined."""

    label: str
    """The case's label within its model."""
    engine: str
    """Engine with its backend and the backend's options."""
    engine_name: str
    model: str


@dataclass(frozen=True)
class Remark:
    """The reason for a case's status."""

    subject: Subject
    status: Status
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Remarks(Block):
    """Reasons, each shown once with all the cases that share it."""

    name: str
    remarks: tuple[Remark, ...]
    what: str | None = None
    """The pass that they are about, such as `kernels`; None: the case itself."""
    style: Literal["list", "groups"] = "list"
    """HTML shows one line per remark, or a fold with one group per reason."""


@dataclass(frozen=True)
class Fold(Block):
    """Blocks that HTML folds behind a title."""

    title: Text
    blocks: tuple[Block, ...]
    open: bool = False
    inner: bool = False
    """Whether it is one of several within another fold."""
    of: Facets | None = None
    """The case that the fold is about, if it is about one."""


@dataclass(frozen=True)
class Group(Block):
    """Blocks that belong together: side by side, or under one rule."""

    blocks: tuple[Block, ...]
    style: Literal["columns", "block", "column"] = "block"


@dataclass(frozen=True)
class Section:
    """Blocks under a heading, and sections within it."""

    name: str
    """The kind of section; also its anchor, if it has no other."""
    title: str = ""
    """Empty: no heading."""
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    anchor: str = ""
    lead: Text | None = None
    summary: Text | None = None
    """Small print beside the title of a foldable section."""
    style: Literal["plain", "target", "model", "part"] = "plain"
    """`model` can be folded; a `part` has no frame of its own."""
    open: bool = True
    facet: str | None = None
    """The name of the target or model by which HTML filters everything inside."""
    mark: str | None = None
    """The SoC under which a virtual target's results are filed: every table, figure and panel inside is marked."""

    @property
    def id(self) -> str:
        return self.anchor or self.name


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    eyebrow: str
    """Suite, time and version: small print beside the title."""
    run_id: str
    footer: str
    sections: tuple[Section, ...]
    head: tuple[Block, ...] = ()
    """Blocks below the title."""
    many: bool = False
    """Whether it has so many cases that HTML offers a search and filters."""


def shown(blocks: Sequence[Block], form: Form) -> list[Block]:
    """The blocks that appear in this form."""
    return [block for block in blocks if form in block.forms]


def appears(section: Section, form: Form) -> bool:
    """Whether a section has anything to show in this form."""
    return bool(shown(section.blocks, form)) or any(appears(inner, form) for inner in section.sections)


def all_blocks(sections: Sequence[Section], form: Form) -> Iterator[Block]:
    """Every block that appears in this form, including those within folds and groups, in reading order."""
    for section in sections:
        yield from unfolded(section.blocks, form)
        yield from all_blocks(section.sections, form)


def unfolded(blocks: Sequence[Block], form: Form) -> Iterator[Block]:
    """The blocks that appear in this form, with those inside folds and groups instead of these."""
    for block in shown(blocks, form):
        if isinstance(block, Fold | Group):
            yield from unfolded(block.blocks, form)
        else:
            yield block


def columns(table: Table, form: Form) -> list[Column]:
    """The columns that appear in this form."""
    return [column for column in table.columns if form in column.forms]


def groups(table: Table, form: Form) -> list[tuple[str, int]]:
    """Each group of neighbouring columns with the number of them; empty if no column has a group."""
    found = [(name, len(list(own))) for name, own in groupby(columns(table, form), key=lambda column: column.group)]
    return found if any(name for name, _ in found) else []


def rows(table: Table, form: Form) -> list[Row]:
    """The rows that appear in this form."""
    return [row for row in table.rows if form in row.forms]


def cells(table: Table, row: Row, form: Form) -> Iterator[tuple[Column, Cell]]:
    """The cells of a row that appear in this form, each with its first column."""
    position = 0
    for value in row.cells:
        cell = as_cell(value)
        own = table.columns[position : position + cell.span]
        position += cell.span
        visible = [column for column in own if form in column.forms]
        if visible:
            yield visible[0], cell


def as_cell(value: Value) -> Cell:
    """A plain value as the cell that shows it."""
    if isinstance(value, Cell):
        return value
    return Cell("–" if value is None else str(value), value=value)


def by_reason(remarks: Sequence[Remark]) -> list[tuple[Status, str, list[Subject]]]:
    """Each status and reason with the cases that share it, in the order in which they first appear."""
    found: dict[tuple[Status, str], list[Subject]] = {}
    for remark in remarks:
        found.setdefault((remark.status, " ".join(remark.reasons)), []).append(remark.subject)
    return [(status, reason, subjects) for (status, reason), subjects in found.items()]


def plain(text: Text) -> str:
    """A text without styles."""
    return "".join(_word(span) for span in spans(text))


def _word(span: Span) -> str:
    if isinstance(span, str):
        return span
    if isinstance(span, StatusWord):
        return span.status
    return "virtual" if isinstance(span, VirtualMark) else span.text
