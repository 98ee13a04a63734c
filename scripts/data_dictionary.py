"""Writes `docs/data_dictionary.md`, from `mobilebench/results/columns.py`.

`python scripts/data_dictionary.py`, from the repository's root; `--check` only says whether the file is up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from mobilebench.results.columns import COLUMNS, HOLDS, SCHEMA, SHARED, Column

DOCUMENT = Path("docs/data_dictionary.md")
BEGIN = "<!-- Made by scripts/data_dictionary.py. Do not edit. -->"


def text() -> str:
    """The document: the columns that all tables share, then the further columns of each table."""
    lines = [
        "# Data dictionary",
        "",
        BEGIN,
        "",
        "The columns of the tables that `mobilebench results RUN --format csv|json|parquet --data TABLE` exports: "
        f"schema version {SCHEMA}. The column `schema` states the version in every row, and Parquet files also in "
        "their metadata (`mobilebench.schema`). `mobilebench describe columns` prints the same list. Unknown values "
        "are empty. [Data](data.md) shows how to read the tables.",
        "",
        "## Columns of every table",
        "",
        *_table(SHARED),
    ]
    for table, columns in COLUMNS.items():
        own = {name: column for name, column in columns.items() if name not in SHARED}
        lines += ["", f"## `{table}`", "", HOLDS[table], "", *_table(own)]
    return "\n".join(lines) + "\n"


def _table(columns: Mapping[str, Column]) -> Iterator[str]:
    yield "| column | type | unit | meaning |"
    yield "|---|---|---|---|"
    for name, column in columns.items():
        yield f"| `{name}` | {column.type_name} | {column.unit} | {column.meaning} |"


def main() -> int:
    """Write or check the document."""
    new = text()
    if "--check" in sys.argv[1:]:
        return int(DOCUMENT.read_text(encoding="utf-8") != new)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
