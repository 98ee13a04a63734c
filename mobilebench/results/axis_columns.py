"""Adds columns for new axes to the table `cases` automatically, so that a new axis needs no migration."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from mobilebench.core.axes import AXES
from mobilebench.core.errors import BadInput
from mobilebench.results.tables import axis_column

_OTHERS = {"id", "run_id", "key"}


def add_missing(connection: Connection, path: Path) -> None:
    """Add a column for each axis that a store lacks; its cases get the axis's default value.

    Raises:
        BadInput: the store has an axis that this version does not know. Without it, different cases would look alike.
    """
    there = {column["name"] for column in sa.inspect(connection).get_columns("cases")}
    columns = {axis.column: axis for axis in AXES.values()}
    if strange := sorted(there - _OTHERS - columns.keys()):
        raise BadInput(
            f"{path} has cases with the axis {strange[0]}, which a newer mobilebench wrote and this one does not know.",
            hint="Upgrade mobilebench, or choose another folder by --out. Nothing in the file was changed.",
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
