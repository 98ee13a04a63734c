"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


_LATE_CONTROLS = re.compile("[\x7f-\x9f]")
"""Control characters that JSON need not escape."""


def say(text: object, *, err: bool = False) -> None:
    """Print a line that may contain text from a device, a page or a file."""
    typer.echo(harmless(str(text)), err=err)


def console() -> Console:
    """Standard output without control characters. If it is piped, it is wide enough that no cell is cut."""
    from rich.console import Console
    from rich.segment import Segment

    class Harmless(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
            for segment in super().render(*arguments, **options):
                yield segment if segment.control else Segment(harmless(segment.text), segment.style)

    plain = Harmless()
    return plain if plain.is_terminal else Harmless(width=160)


def harmless(text: str) -> str:
    """Text from a device or a page, with characters that a terminal obeys (control, change of direction) shown as �."""
    return "".join(
        "\ufffd" if unicodedata.category(one) in ("Cc", "Cf") and one not in "\n\t" else one
        for one in text.replace("\r\n", "\n")
    )


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    text = json.dumps(value, indent=2, ensure_ascii=not unicode)
    typer.echo(_LATE_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a plain table; see `table`."""
    console().print(table(columns, rows, title=title))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """A plain table; None is shown as an en dash. Cells are not parsed as markup: they may come from a device."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text("–" if cell is None or cell == "" else harmless(str(cell))) for cell in row))
    return made


def split(values: Sequence[str] | None) -> tuple[str, ...]:
    """Split values at commas: `--model a --model b` and `--model a,b` mean the same."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


def duration(seconds: float) -> str:
    """A time in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
