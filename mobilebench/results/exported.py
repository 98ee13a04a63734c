"""Reads exported tables, including tables that earlier releases wrote."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilebench.core import old_names
from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput
from mobilebench.results.columns import COLUMNS, SCHEMA, TABLES, Column
from mobilebench.results.export import frame_of
from mobilebench.results.names import TableName

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

_OLD = {**old_names.COLUMNS, "setting": None}
"""Old to current names of columns. A setting stands for several axes."""


def read(path: Path | str) -> pd.DataFrame:
    """Read an exported table (`.csv`, `.json` or `.parquet`), with the columns and types of a current export.

    The columns determine which table it is. An export of an earlier release gets the current names of columns, and the
    axes for which its settings stood; missing values are empty, or have the default value of the axis. The column
    `schema` keeps the version of the file, which is 1 if the file states none. A JSON file without rows has no columns,
    and is read as an empty table `samples`.

    Raises:
        BadInput: the file cannot be read, is not an export, or has a newer schema than this version knows.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise BadInput(f"{path} has none of the endings of exports: {known}.", hint="Rename it after its format.")
    try:
        columns, rows = reader(path)
        _refuse_newer(path, rows)
        table = _table_of(columns)
        if table is None:
            raise ValueError("its columns are not those of any table")
        if path.suffix.lower() == ".csv":
            rows = [_typed(row, COLUMNS[table]) for row in rows]
        return frame_of([_in_todays_columns(row) for row in rows], table)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", hint="Check the path.") from error
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise BadInput(
            f"{path} is not a table that `mobilebench results` exported: {error}.",
            hint="If a newer mobilebench wrote it, upgrade this one.",
        ) from error


def _refuse_newer(path: Path, rows: Iterable[Row]) -> None:
    newest = max((int(row["schema"]) for row in rows if row.get("schema")), default=SCHEMA)
    if newest > SCHEMA:
        raise BadInput(
            f"{path} has tables of schema {newest}; this mobilebench reads schemas up to {SCHEMA}.",
            hint="Upgrade mobilebench.",
        )


def _table_of(columns: Iterable[str]) -> TableName | None:
    """The table that has all of these columns and the fewest others; None when no table has them."""
    found = {_OLD.get(column, column) for column in columns} - {None}
    fitting = [table for table in TABLES if found and found <= COLUMNS[table].keys()]
    return min(fitting, key=lambda table: len(COLUMNS[table]), default=None)


def _in_todays_columns(row: Row) -> Row:
    found = {_OLD.get(column) or column: value for column, value in row.items()}
    found.setdefault("schema", 1)
    for axis in AXES.values():
        if axis.column not in row:
            found.setdefault(axis.column, axis.default)
    setting = found.pop("setting", None)
    if setting is not None:
        engine, backend = found["engine"], found["backend"]
        found["backend"] = old_names.backend_of(engine, backend, setting)
        found |= old_names.axes_of(engine, backend, setting)
    return found


def _from_csv(path: Path) -> tuple[list[str], list[Row]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        rows = list(reader)
    columns = list(reader.fieldnames or [])
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a line has more or fewer fields than the first one")
    return columns, rows


def _from_json(path: Path) -> tuple[list[str], list[Row]]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not a list of objects")
    columns = dict.fromkeys(column for row in rows for column in row)
    return list(columns if rows else COLUMNS["samples"]), rows


def _from_parquet(path: Path) -> tuple[list[str], list[Row]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return table.column_names, table.to_pylist()


_READERS: dict[str, Callable[[Path], tuple[list[str], list[Row]]]] = {
    ".csv": _from_csv,
    ".json": _from_json,
    ".parquet": _from_parquet,
}


def _typed(row: Row, columns: dict[str, Column]) -> Row:
    """A line of CSV with typed values; an empty field is an unknown value."""
    return {name: _value(text, columns[name].kind if name in columns else str) for name, text in row.items()}


def _value(text: str, kind: type) -> Any:
    if text == "":
        return None
    if kind is bool:
        return {"true": True, "false": False}[text]
    return kind(text)
