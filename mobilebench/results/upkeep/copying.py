"""Copies a store into another one, of any kind: run by run, each in one transaction and verified."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from mobilebench.core.errors import BadInput
from mobilebench.results import tables
from mobilebench.results.store import Store, StoreError
from mobilebench.results.upkeep import rows
from mobilebench.results.upkeep.rows import Contents, Digest


@dataclass(frozen=True)
class Copied:
    """What became of one run."""

    run_id: str
    outcome: Literal["copied", "already there", "differs"]
    """`differs`: the other store holds something else under this id; it was left as it is."""
    contents: Contents
    """What the source holds."""


def copy(source: Store, target: Store) -> Iterator[Copied]:
    """Copy every run and quarantine of a store that another one lacks. It can be ended and repeated at any time.

    A run is copied with its files, if the two stores keep files in different folders.

    Raises:
        BadInput: both are the same store, or the source cannot be read.
        StoreError: a run could not be stored, or what was stored is not what was read; it is removed again.
    """
    if source.place.database == target.place.database:
        raise BadInput(f"{source.name} cannot be copied to itself.", hint="Name another store.")
    _copy_quarantines(source, target)
    there = {info.id for info in target.runs()}
    for info in source.runs():
        if info.id in there:
            yield _compared(source, target, info.id)
        else:
            yield _copied(source, target, info.id)


def _compared(source: Store, target: Store, run_id: str) -> Copied:
    with source.reading() as connection:
        ours = rows.contents(connection, run_id)
    with target.reading() as connection:
        theirs = rows.contents(connection, run_id)
    return Copied(run_id, "already there" if ours == theirs else "differs", ours)


def _copied(source: Store, target: Store, run_id: str) -> Copied:
    folder = rows.folder_of(source, run_id)
    digest = Digest()
    with source.reading() as reader:

        def work(writer: Connection) -> None:
            cases: dict[int, int] = {}
            for table in rows.TABLES:
                for batch in rows.batches(reader, table, run_id):
                    digest.add(table, batch)
                    target.database.insert(writer, table, [_for_target(table.name, row, cases) for row in batch])
                    if table is tables.cases:
                        cases |= _numbers(writer, run_id, batch)
            if folder.is_dir() and source.folder.resolve() != target.folder.resolve():
                _copy_files(source, target, run_id)
            stored = rows.contents(writer, run_id)
            if stored != digest.contents():
                raise StoreError(
                    f"Run {run_id} was not copied: {target.name} would hold something else than {source.name}.",
                    hint="Check both with `mobilebench store check`.",
                )

        target.write(f"run {run_id} was not copied", work, repeatable=False)
    return Copied(run_id, "copied", digest.contents())


def _for_target(table: str, row: dict[str, Any], cases: dict[int, int]) -> dict[str, Any]:
    """The row without the numbers of the source database."""
    if table == "planned":
        return {**row, "case_id": cases[row["case_id"]]}
    return {name: value for name, value in row.items() if name != "id"} if table in ("cases", "events") else row


def _numbers(writer: Connection, run_id: str, batch: list[dict[str, Any]]) -> dict[int, int]:
    """The number of each case in the source to its number in the target."""
    found = writer.execute(select(tables.cases.c.key, tables.cases.c.id).where(tables.cases.c.run_id == run_id))
    new = {row.key: row.id for row in found}
    return {row["id"]: new[row["key"]] for row in batch}


def _copy_files(source: Store, target: Store, run_id: str) -> None:
    try:
        shutil.copytree(rows.folder_of(source, run_id), rows.folder_of(target, run_id), dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise StoreError(
            f"The files of run {run_id} could not be copied to {target.folder}: {error}.",
            hint="Free some space, or choose another folder with --out.",
        ) from error


def _copy_quarantines(source: Store, target: Store) -> None:
    known = target.quarantines()
    new = [one for one in source.quarantines() if one not in known]
    if new:
        target.write(
            "the quarantines were not copied",
            lambda connection: target.database.insert(
                connection, tables.quarantines, [one.model_dump() for one in new]
            ),
        )
