"""What a store needs of its database."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.exc import DBAPIError

Work = Callable[[Connection], None]


class Database(ABC):
    """A database that holds a store. Errors are SQLAlchemy's `DBAPIError`, which `explain` turns into sentences."""

    kind: str
    """The name of the database system."""
    elsewhere: str
    """How the user names another store, as a clause."""

    def __init__(self, name: str, engine: Engine) -> None:
        """`name` is what people know the database by, without a password."""
        self.name = name
        self.engine = engine

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a database with anything in it."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it was at its first statement. It never holds up a writer."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that may write."""

    @abstractmethod
    def bring_up_to_date(self) -> None:
        """Create the tables, or upgrade an older schema, where that is needed. Raises `BadInput` as the schema does."""

    @abstractmethod
    def explain(self, error: DBAPIError) -> tuple[str, str]:
        """The meaning of an error for the user, without full stop, and what to do next."""

    @abstractmethod
    def damage(self, connection: Connection) -> list[str]:
        """What the database's own check finds, as clauses."""

    @abstractmethod
    def facts(self, connection: Connection) -> dict[str, str | int]:
        """The version of the database system, and the size of the database in bytes."""

    def write(self, work: Work, *, repeatable: bool = True) -> None:  # noqa: ARG002
        """Do work in one transaction.

        Args:
            work: writes with the connection that it is given.
            repeatable: whether the work may be done again when the database went away meanwhile, if the run is owned.
        """
        with self.writing() as connection:
            work(connection)

    def insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, which all have the same columns, in the quickest way there is."""
        if rows:
            connection.execute(insert(table), rows)

    @contextmanager
    def owning(self, run_id: str, cancel: threading.Event) -> Iterator[None]:  # noqa: ARG002
        """Be the only writer of a run. A database that is a file here leaves that to the locks of devices."""
        yield

    def close(self) -> None:
        self.engine.dispose()
