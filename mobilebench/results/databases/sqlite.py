"""The SQLite adapter: transactions, copies and errors. All SQL that is specific to SQLite is here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from mobilebench.core.errors import BadInput
from mobilebench.results.databases import schema
from mobilebench.results.databases.base import Database

BUSY_SECONDS = 4.0
"""How long to wait for another process's transaction; less than the 5 s that Ctrl-C may take."""
_MOST_FINDINGS = 20


class SQLite(Database):
    """A file in WAL mode. Transactions are begun here, not by Python's driver, so that schema changes are atomic."""

    kind = "SQLite"
    elsewhere = "choose another folder with --out"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _connect(path))
        self._path = path

    def exists(self) -> bool:
        return self._path.is_file()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write. It takes the write lock at once, so that it cannot fail to get it later."""
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    def bring_up_to_date(self) -> None:
        """A store that is up to date is only read, so opening it neither waits for a run that writes nor holds one
        up."""
        with self.reading() as connection:
            ready = schema.is_up_to_date(connection)
        if not ready:
            with self.writing() as connection:
                schema.bring_up_to_date(connection, self.name, self.elsewhere)

    def explain(self, error: DBAPIError) -> tuple[str, str]:
        path, text = self.name, str(error.orig).lower()
        if "full" in text:
            return (
                f"The disk of {path} is full",
                "Free some space. What was stored stays.",
            )
        if "locked" in text or "busy" in text:
            return (
                f"{path} has been locked by another program for more than {BUSY_SECONDS:g} s",
                "Close the program that has it open (an SQLite browser?) and try again.",
            )
        if "not a database" in text or "malformed" in text or "no such table" in text or "no such column" in text:
            return (
                f"{path} is damaged ({error.orig})",
                "Restore a copy of it, move it away to start a new store, or choose another folder with --out.",
            )
        if "readonly" in text or "read-only" in text or "unable to open" in text:
            return f"{path} cannot be opened for writing", "Choose a folder that you may write with --out."
        if "unique constraint" in text:
            return (
                f"{path} already contains this block",
                "Another mobilebench may be resuming this run: wait until it ends.",
            )
        return (
            f"{path} could not be used ({error.orig})",
            "Choose another folder with --out, or report this as a defect.",
        )

    def damage(self, connection: Connection) -> list[str]:
        found = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_FINDINGS})").scalars()
        return [str(one) for one in found if one != "ok"]

    def facts(self, connection: Connection) -> dict[str, str | int]:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return {
            "version": sqlite3.sqlite_version,
            "bytes": int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one()),
        }


def copy(source: Path, target: Path) -> None:
    """Copy a database that may be in use, with what other programs have written to it so far. `source` is unchanged.

    Raises:
        BadInput: `source` cannot be read, or is no database.
    """
    with ExitStack() as stack:
        try:
            there = stack.enter_context(closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)))
            copied = stack.enter_context(closing(sqlite3.connect(target)))
            there.backup(copied)
        except sqlite3.Error as error:
            raise BadInput(f"{source} cannot be read ({error}).", hint="Check the file and its folder.") from error


def _connect(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
