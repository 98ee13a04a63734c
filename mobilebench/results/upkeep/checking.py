"""Checks a store: the database itself, its schema, rows without the rows they belong to, and each run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, ForeignKeyConstraint, and_, func, select

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.results import tables, traces
from mobilebench.results.databases import schema
from mobilebench.results.store import Store
from mobilebench.results.transfer.content import content_sha256
from mobilebench.results.upkeep import rows
from mobilebench.results.upkeep.rows import Contents


@dataclass(frozen=True)
class CheckedRun:
    """A run that was read wholly."""

    run_id: str
    contents: Contents
    findings: tuple[str, ...]
    """What is wrong with it, as sentences."""


def of_database(store: Store) -> list[str]:
    """What is wrong with the database and its tables, as sentences. Reads no run."""
    with store.reading() as connection:
        found = [f"The database is damaged: {words}." for words in store.database.damage(connection)]
        found += [f"The schema is not that of this version: {words}." for words in schema.differences(connection)]
        found += _orphans(connection)
    return found


def runs(store: Store) -> Iterator[CheckedRun]:
    """Every run, oldest first, with what is wrong with it."""
    for info in store.runs():
        with store.reading() as connection:
            contents = rows.contents(connection, info.id)
        findings: list[str] = []
        try:
            run = store.load(info.id, strict=True)
        except BadInput as error:
            findings.append(error.message)
        else:
            latest = run.info.imports[-1] if run.info.imports else None
            if latest and content_sha256(run) != latest.content_sha256:
                findings.append(
                    f"Its content is not that of {latest.file}, from which it was imported; it may have been resumed."
                )
            found = traces.stored(run, rows.folder_of(store, info.id))
            if wrong := [one.file.name for one in found if not _is_whole(one)]:
                findings.append(
                    f"{len(wrong)} of its {len(found)} traces are not in {store.folder}, or were changed: "
                    f"{', '.join(wrong[:3])}."
                )
        yield CheckedRun(info.id, contents, tuple(findings))


def _is_whole(trace: traces.StoredTrace) -> bool:
    return trace.is_there and sha256_of(trace.path) == trace.file.sha256


def _orphans(connection: Connection) -> Iterator[str]:
    """Rows that belong to no row, which the database should have refused."""
    for table in tables.metadata.sorted_tables:
        for key in (one for one in table.constraints if isinstance(one, ForeignKeyConstraint)):
            parent = key.referred_table
            pairs = [(one.parent, one.column) for one in key.elements]
            joined = table.outerjoin(parent, and_(*(own == other for own, other in pairs)))
            query = select(func.count()).select_from(joined).where(pairs[0][1].is_(None))
            if count := connection.execute(query).scalar_one():
                yield f"{count} rows of `{table.name}` belong to no row of `{parent.name}`."
