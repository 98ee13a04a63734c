"""The schema of a store's database: its version, and bringing it up to date. Nothing here depends on the database."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput
from mobilebench.results.tables import axis_column

SCHEMA = "0014"
"""The schema that this version reads and writes: the newest module in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_OTHERS = {"id", "run_id", "key"}


def version(connection: Connection) -> str | None:
    """The schema of the database; None if it is not that of a store."""
    if not _versioned(names(connection)):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def is_up_to_date(connection: Connection) -> bool:
    """Whether the database is a store with the schema and the axes of this version; only reads."""
    return version(connection) == SCHEMA and _columns_of_cases(connection) - _OTHERS == {
        axis.column for axis in AXES.values()
    }


def bring_up_to_date(connection: Connection, name: str, elsewhere: str) -> None:
    """Create the tables, or upgrade an older schema, within the transaction of `connection`.

    Args:
        connection: a connection that may write.
        name: the database, for the messages.
        elsewhere: how the user names another store, as a clause.

    Raises:
        BadInput: the database is not a store, or belongs to a newer mobilebench. It is left unchanged.
    """
    if not names(connection):
        _upgrade(connection)
        add_missing(connection, name, elsewhere)
        return
    schema = version(connection)
    if schema is None or not schema.isdigit():
        raise BadInput(
            f"{name} is a database, but not a store of mobilebench.", hint=f"{elsewhere[0].upper()}{elsewhere[1:]}."
        )
    if int(schema) > int(SCHEMA):
        raise BadInput(
            f"{name} has schema {schema}, written by a newer mobilebench; this one knows schemas up to {SCHEMA}.",
            hint=f"Upgrade mobilebench, or {elsewhere}. Nothing in it was changed.",
        )
    if int(schema) < int(SCHEMA):
        _upgrade(connection)
    add_missing(connection, name, elsewhere)


def differences(connection: Connection) -> list[str]:
    """How the tables differ from those of this version, as clauses."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from mobilebench.results import tables

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [_as_words(one) for one in compare_metadata(context, tables.metadata)]


def _as_words(difference: object) -> str:
    kind, *rest = difference if isinstance(difference, tuple) else difference[0]  # type: ignore[index]
    return (
        f"{str(kind).replace('_', ' ')} {' '.join(str(getattr(one, 'name', one)) for one in rest if one is not None)}"
    )


def names(connection: Connection) -> set[str]:
    """The tables of the database."""
    return set(sa.inspect(connection).get_table_names())


def _versioned(found: set[str]) -> bool:
    return {"alembic_version", "runs"} <= found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _columns_of_cases(connection: Connection) -> set[str]:
    return {column["name"] for column in sa.inspect(connection).get_columns("cases")}


def add_missing(connection: Connection, name: str, elsewhere: str) -> None:
    """Add a column for each axis that a store lacks; its cases get the axis's default value.

    Raises:
        BadInput: the store has an axis that this version does not know. Without it, different cases would look alike.
    """
    there = _columns_of_cases(connection)
    columns = {axis.column: axis for axis in AXES.values()}
    if strange := sorted(there - _OTHERS - columns.keys()):
        raise BadInput(
            f"{name} has cases with the axis {strange[0]}, which a newer mobilebench wrote and this one does not know.",
            hint=f"Upgrade mobilebench, or {elsewhere}. Nothing in it was changed.",
        )
    missing = [axis for column, axis in columns.items() if column not in there]
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
