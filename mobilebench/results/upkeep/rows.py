"""The rows of a run in all tables, with a digest that is the same in every kind of database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from mobilebench.core.errors import BadInput
from mobilebench.results import tables
from mobilebench.results.store import Store

TABLES: tuple[Table, ...] = (
    tables.runs,
    tables.targets,
    tables.imports,
    tables.models,
    tables.cases,
    tables.planned,
    tables.blocks,
    tables.samples,
    tables.series,
    tables.events,
)
"""The tables that hold a run; each comes after those that it refers to."""
ROWS_AT_ONCE = 5_000
_SORTED_HERE = {"targets": "id", "models": "model", "cases": "key"}
"""Tables with few rows whose keys are texts, which each database sorts in its own way."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Contents:
    """What a store holds of a run."""

    rows: Mapping[str, int]
    """Table to its number of rows."""
    sha256: str


def of_run(table: Table) -> Any:
    """The column that names the run."""
    return table.c.id if table is tables.runs else table.c.run_id


def batches(connection: Connection, table: Table, run_id: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of a run in one table, some thousands at a time and in the same order in every database."""
    query = select(table).where(of_run(table) == run_id)
    if table.name in _SORTED_HERE:
        found = [dict(row._mapping) for row in connection.execute(query)]
        own = [column.name for column in table.primary_key if column.name != "id"] if table.name == "models" else []
        names = [*own, _SORTED_HERE[table.name]]
        yield sorted(found, key=lambda row: tuple(row[name] for name in names))
        return
    ordered = query.order_by(*table.primary_key.columns).execution_options(yield_per=ROWS_AT_ONCE)
    for rows in connection.execute(ordered).partitions():
        yield [dict(row._mapping) for row in rows]


class Digest:
    """Counts and digests rows as they come. The numbers that a database gives to rows are left out."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._rows: dict[str, int] = {}
        self._keys: dict[int, str] = {}

    def add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        self._rows[table.name] = self._rows.get(table.name, 0) + len(rows)
        if table is tables.cases:
            self._keys |= {row["id"]: row["key"] for row in rows}
        names = [column.name for column in table.columns if not self._is_number(table, column.name)]
        names.sort()
        for row in rows:
            values = [self._keys[row[name]] if name == "case_id" else row[name] for name in names]
            # PostgreSQL's texts hold no NUL; its adapter writes the symbol instead.
            self._sha256.update(f"{table.name} {values!r}\n".replace("\\x00", "␀").encode())

    def contents(self) -> Contents:
        return Contents(dict(self._rows), self._sha256.hexdigest())

    @staticmethod
    def _is_number(table: Table, name: str) -> bool:
        return name == "id" and table in (tables.cases, tables.events)


def contents(connection: Connection, run_id: str) -> Contents:
    """What the database holds of a run."""
    digest = Digest()
    for table in TABLES:
        for rows in batches(connection, table, run_id):
            digest.add(table, rows)
    return digest.contents()


def count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def folder_of(store: Store, run_id: str) -> Path:
    """The folder for the files of a run. Raises `BadInput` for an id that would be another path: ids may come from
    anyone."""
    if not _RUN_ID.fullmatch(run_id):
        raise BadInput(f"“{run_id[:40]}” in {store.name} is no id of a run.", hint="The store was changed by hand.")
    return store.run_folder(run_id)
