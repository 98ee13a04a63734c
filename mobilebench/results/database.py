"""The SQLite adapter: transactions, schema versions, and errors. All SQL that is specific to SQLite is here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput
from mobilebench.results.tables import axis_column

SCHEMA = "0013"
"""The schema that this version reads and writes: the newest module in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 4.0
"""How long to wait for another process's transaction; less than the 5 s that Ctrl-C may take."""


def connect(path: Path) -> Engine:
    """Connect to SQLite in WAL mode. Transactions are begun here, not by Python's driver, so that schema changes are
    atomic too."""
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


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write. It takes the write lock at once, so that it cannot fail to get it later."""
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        yield connection


def is_up_to_date(connection: Connection) -> bool:
    """Whether the file is a store with the schema and the axes of this version; only reads."""
    if not _versioned(_names(connection)):
        return False
    schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return schema == SCHEMA and _columns_of_cases(connection) - _OTHERS == {axis.column for axis in AXES.values()}


def bring_up_to_date(connection: Connection, path: Path) -> None:
    """Create the tables, or upgrade an older schema, within the transaction of `connection`.

    Raises:
        BadInput: the file is not a store, or belongs to a newer mobilebench. It is left unchanged.
    """
    names = _names(connection)
    if not names:
        _upgrade(connection)
        add_missing(connection, path)
        return
    schema = (
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if _versioned(names) else None
    )
    if schema is None or not str(schema).isdigit():
        raise BadInput(
            f"{path} is a database, but not a store of mobilebench.", hint="Choose another folder with --out."
        )
    if int(schema) > int(SCHEMA):
        raise BadInput(
            f"{path} has schema {schema}, written by a newer mobilebench; this one knows schemas up to {SCHEMA}.",
            hint="Upgrade mobilebench, or choose another folder with --out. Nothing in the file was changed.",
        )
    if int(schema) < int(SCHEMA):
        _upgrade(connection)
    add_missing(connection, path)


def explain(error: DBAPIError, path: Path) -> tuple[str, str]:
    """The meaning of SQLite's error for the user, without full stop, and what to do next."""
    text = str(error.orig).lower()
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
    return f"{path} could not be used ({error.orig})", "Choose another folder with --out, or report this as a defect."


def _names(connection: Connection) -> set[str]:
    """The tables of a database."""
    return set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())


def _versioned(names: set[str]) -> bool:
    return {"alembic_version", "runs"} <= names


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


_OTHERS = {"id", "run_id", "key"}


def _columns_of_cases(connection: Connection) -> set[str]:
    return {column["name"] for column in sa.inspect(connection).get_columns("cases")}


def add_missing(connection: Connection, path: Path) -> None:
    """Add a column for each axis that a store lacks; its cases get the axis's default value.

    Raises:
        BadInput: the store has an axis that this version does not know. Without it, different cases would look alike.
    """
    there = _columns_of_cases(connection)
    columns = {axis.column: axis for axis in AXES.values()}
    if strange := sorted(there - _OTHERS - columns.keys()):
        raise BadInput(
            f"{path} has cases with the axis {strange[0]}, which a newer mobilebench wrote and this one does not know.",
            hint="Upgrade mobilebench, or choose another folder with --out. Nothing in the file was changed.",
        )
    missing = [axis for name, axis in columns.items() if name not in there]
    if not missing:
        return
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(connection))
    for axis in missing:
        column = axis_column(axis)
        if axis.default is not None:
            column.server_default = sa.DefaultClause(str(axis.default))
        operations.add_column("cases", column)
