"""The PostgreSQL adapter: connections, waiting for a database that is away, COPY, and errors.

Each run has one writer: its connection holds an advisory lock, and writes the run through that same connection, so no
transaction of the run can be committed without the lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from mobilebench.core import log
from mobilebench.core.errors import BadInput
from mobilebench.results.databases import schema
from mobilebench.results.databases.base import Database, Work

AWAY_SECONDS = 300.0
"""How long an owned run's writing waits for a database that went away: a restart, or a network that is cut."""
CONNECT_SECONDS = 10
LOCK_SECONDS = 60
"""How long to wait for another process that changes the schema."""
_PAUSES = (0.25, 15.0)
"""The first pause before another attempt, which doubles from pause to pause, and the longest one, in seconds."""
_SESSION = (
    "-c synchronous_commit=on -c client_encoding=UTF8 -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 "
    f"-c tcp_keepalives_count=3 -c lock_timeout={LOCK_SECONDS * 1000}"
)
"""Settings of each session. What is committed is on disk; a server gives up a client that is gone within a minute."""
_NUMBER = "mobilebench:number"
_COPIED = {"samples", "series"}
_LEAST_VERSION = 13
_AWAY = {"57P01", "57P02", "57P03", "57P05", "53300", "40001", "40P01"}
"""SQLSTATEs after which the same work may succeed later: shutdown, crash, start, idle, connections, conflicts."""
_RESTORE = "Restore a backup, or name another database with --store."
_logger = logging.getLogger(__name__)
T = TypeVar("T")


class PostgreSQL(Database):
    """A database on a server."""

    kind = "PostgreSQL"
    elsewhere = "name another store with --store"

    def __init__(self, url: str) -> None:
        """Raises `BadInput` for a URL that cannot be used, and where the driver is missing."""
        super().__init__(log.without_passwords(url), _engine(url))
        self._turn = threading.RLock()
        self._owned: list[str] = []
        self._cancel = threading.Event()
        self._writer: Connection | None = None
        """The connection that holds the locks of the owned runs."""

    def exists(self) -> bool:
        with self._connected() as connection:
            return bool(schema.names(connection))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        def begun() -> Connection:
            connection = self.engine.connect().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            try:
                connection.begin()
                connection.exec_driver_sql("SELECT 1")
            except BaseException:
                connection.close()
                raise
            return connection

        connection = self._patiently(begun) if self._owned else begun()
        with connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._turn:
            if not self._owned:
                with self.engine.connect() as connection, connection.begin():
                    yield connection
                return
            connection = self._owner()
            try:
                with connection.begin():
                    yield connection
            except DBAPIError as error:
                if _is_away(error):
                    self._drop_owner()
                raise

    def bring_up_to_date(self) -> None:
        with self._connected() as connection:
            number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
            ready = schema.is_up_to_date(connection)
        if int(number) // 10_000 < _LEAST_VERSION:
            raise BadInput(
                f"{self.name} is PostgreSQL {int(number) // 10_000}; a store needs {_LEAST_VERSION} or newer.",
                hint="Upgrade the server, or use another one.",
            )
        if not ready:
            with self.writing() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_key('schema')})")
                schema.bring_up_to_date(connection, self.name, self.elsewhere)

    def write(self, work: Work, *, repeatable: bool = True) -> None:
        """As in the base class. Each write of an owned run leaves a token in the same transaction. If the connection is
        lost while the work is being committed, the token tells afterwards whether it was; so nothing is stored twice.
        """
        if not (self._owned and repeatable):
            super().write(work)
            return
        values = {"run_id": self._owned[-1], "token": secrets.token_hex(16)}
        attempts = 0

        def attempt() -> None:
            nonlocal attempts
            attempts += 1
            with self.writing() as connection:
                if attempts > 1 and connection.execute(_IS_WRITTEN, values).scalar():
                    return
                work(connection)
                connection.execute(_LEAVE_TOKEN, values)

        self._patiently(attempt)

    def insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Samples and series go by COPY."""
        rows = [_storable(row) for row in rows]
        if table.name in _COPIED and rows:
            _copy(connection, table, rows)
        else:
            super().insert(connection, table, rows)

    @contextmanager
    def owning(self, run_id: str, cancel: threading.Event) -> Iterator[None]:
        """Be the only writer of a run, by an advisory lock that ends with this process's connection.

        Until the end, writing and reading wait up to `AWAY_SECONDS` for a database that is away, or until `cancel`.

        Raises:
            BadInput: another process is writing the run.
        """
        with self._turn:
            self._owned.append(run_id)
            self._cancel = cancel
            try:
                if self._writer is None:
                    self._owner()
                else:
                    _lock(self._writer, run_id)
            except BaseException:
                self._disown(run_id)
                raise
        try:
            yield
        finally:
            with self._turn:
                self._disown(run_id)

    def close(self) -> None:
        self._drop_owner()
        super().close()

    # -- errors ----------------------------------------------------------------------------------------------------

    def explain(self, error: DBAPIError) -> tuple[str, str]:
        orig = error.orig
        state, words = getattr(orig, "sqlstate", None), log.without_passwords(_first_line(orig))
        if isinstance(orig, _OwnedByAnother):
            return str(orig), "Wait until it ends, or end it there."
        if state is None and isinstance(error, OperationalError) and not error.connection_invalidated:
            return self._explain_connection(words, bool(getattr(getattr(orig, "pgconn", None), "used_password", False)))
        if state in _AWAY or error.connection_invalidated:
            return (
                f"{self.name} went away ({words})",
                "See that the server runs, then try again. What was stored stays.",
            )
        known = {
            "53100": ("has no space left on its disk", "Free some space on the server. What was stored stays."),
            "42501": (
                f"allows this user too little ({words})",
                "Let the database's owner say: GRANT ALL ON SCHEMA public TO your user.",
            ),
            "25006": ("can only be read now", "Is it a standby? Name the primary server."),
            "55P03": (
                f"has been locked by another program for more than {LOCK_SECONDS} s",
                "Another mobilebench may be upgrading it: try again later.",
            ),
            "23505": (
                "already contains this block",
                "Another mobilebench may be resuming this run: wait until it ends.",
            ),
            "42P01": (
                f"lacks a table of a store ({words})",
                _RESTORE,
            ),
            "42703": (
                f"lacks a column of a store ({words})",
                _RESTORE,
            ),
        }
        if state in known:
            what, hint = known[state]
            return f"{self.name} {what}", hint
        return (
            f"{self.name} could not be used ({words})",
            "Name another store with --store, or report this as a defect.",
        )

    def _explain_connection(self, words: str, with_password: bool) -> tuple[str, str]:
        lower = words.lower()
        if "does not exist" in lower and "database" in lower:
            return f"{self.name}: there is no such database", "Create it on the server: createdb NAME."
        if with_password or "password" in lower or "authentication" in lower or "role" in lower:
            return (
                f"{self.name} refuses this user or password ({words})",
                "Check the user and the password; libpq's file ~/.pgpass and PGPASSWORD work, too.",
            )
        return (
            f"{self.name} cannot be reached ({words})",
            "Check host and port, and that the server runs. What was stored stays.",
        )

    def damage(self, connection: Connection) -> list[str]:
        """PostgreSQL finds damage when rows are read, which the check of the digests does."""
        wrong = connection.exec_driver_sql("SELECT conname FROM pg_constraint WHERE NOT convalidated").scalars()
        return [f"constraint {name} was never validated" for name in wrong]

    def facts(self, connection: Connection) -> dict[str, str | int]:
        return {
            "version": str(connection.exec_driver_sql("SHOW server_version").scalar_one()),
            "bytes": int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()),
        }

    # -- how -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def _owner(self) -> Connection:
        """The connection with the locks of the owned runs, which are taken again after it was lost."""
        if self._writer is None:
            connection = self.engine.connect()
            try:
                for run_id in self._owned:
                    _lock(connection, run_id)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._writer = connection
        return self._writer

    def _drop_owner(self) -> None:
        connection, self._writer = self._writer, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()
            with suppress(SQLAlchemyError):
                connection.close()

    def _disown(self, run_id: str) -> None:
        """Give up the lock of a run. It is not left to the end of the session, which the server notices later."""
        self._owned.remove(run_id)
        if self._writer is not None:
            with suppress(SQLAlchemyError), self._writer.begin():
                self._writer.exec_driver_sql(f"SELECT pg_advisory_unlock({_key(run_id)})")
        if not self._owned:
            self._drop_owner()

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """The result of an attempt, which is repeated with growing pauses while the database is away."""
        until = time.monotonic() + AWAY_SECONDS
        pause, longest = _PAUSES
        told = False
        while True:
            try:
                found = attempt()
            except DBAPIError as error:
                left = until - time.monotonic()
                if not _is_away(error) or left <= 0 or self._cancel.is_set():
                    raise
                if not told:
                    _logger.warning("%s: waiting for up to %g s.", self.explain(error)[0], AWAY_SECONDS)
                    told = True
                self._cancel.wait(min(pause, left))
                pause = min(2 * pause, longest)
                continue
            if told:
                _logger.warning("%s is back.", self.name)
            return found


class _OwnedByAnother(Exception):
    """Another process writes the run."""


def _engine(url: str) -> Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "PostgreSQL's driver is not installed here.", hint="Install it: pip install 'mobilebench[rack]'"
        ) from error
    parsed = _parsed(url)
    name = f"mobilebench {socket.gethostname()} {os.getpid()}"[:63]
    given = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": name,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    own = {key: value for key, value in given.items() if key not in parsed.query}
    options = " ".join([_SESSION, *([str(parsed.query["options"])] if "options" in parsed.query else [])])
    return create_engine(
        parsed.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        connect_args={**own, "options": options},
        json_serializer=_to_json,
        json_deserializer=_from_json,
        pool_pre_ping=True,
    )


def _parsed(url: str) -> URL:
    shown = log.without_passwords(url)
    form = "postgresql://user@host/database"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput(f"{shown} is no URL of a database.", hint=f"Its form is {form}.") from None
    if not parsed.database:
        raise BadInput(f"{shown} names no database.", hint=f"Its form is {form}.")
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo

        make_conninfo("", **{key: str(value) for key, value in parsed.query.items()})
    except ProgrammingError:
        raise BadInput(
            f"{shown} has a parameter that PostgreSQL's library does not know.",
            hint="After the `?` are parameters of libpq, such as sslmode=verify-full.",
        ) from None
    return parsed


_LEAVE_TOKEN = text(
    "INSERT INTO last_writes (run_id, token) SELECT id, :token FROM runs WHERE id = :run_id "
    "ON CONFLICT (run_id) DO UPDATE SET token = excluded.token"
)
_IS_WRITTEN = text("SELECT count(*) FROM last_writes WHERE run_id = :run_id AND token = :token")
_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
    "AND granted AND objsubid = 1 AND classid::bigint = :high AND objid::bigint = :low"
)


def _lock(connection: Connection, run_id: str) -> None:
    """Take the lock of a run for this session.

    Raises:
        DBAPIError: another session has it.
    """
    key = _key(run_id)
    with connection.begin():
        if connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})").scalar():
            return
        parts = {"high": key >> 32 & 0xFFFFFFFF, "low": key & 0xFFFFFFFF}
        holder = connection.execute(_HOLDER, parts).scalar()
    by = f" ({holder})" if holder else ""
    raise OperationalError("", None, _OwnedByAnother(f"Run {run_id} is being written by another mobilebench{by}"))


def _key(name: str) -> int:
    """A key for an advisory lock: 64 bits with sign."""
    return int.from_bytes(hashlib.sha256(f"mobilebench {name}".encode()).digest()[:8], signed=True)


def _is_away(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return bool(
        error.connection_invalidated
        or state in _AWAY
        or (state or "").startswith("08")
        or isinstance(error.orig, _OwnedByAnother)
        or (state is None and isinstance(error, OperationalError))
    )


def _first_line(error: object) -> str:
    return " ".join(str(error).strip().split("\n")[0].split())


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the character NUL, which PostgreSQL's texts cannot hold."""
    if any(isinstance(value, str) and "\0" in value for value in row.values()):
        return {name: value.replace("\0", "␀") if isinstance(value, str) else value for name, value in row.items()}
    return row


def _copy(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    import psycopg
    from psycopg import sql

    names = list(rows[0])
    dialect = connection.dialect
    convert = [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([one(row[name]) if one else row[name] for name, one in convert])
    except psycopg.Error as error:
        raise DBAPIError.instance(
            f"COPY {table.name}",
            None,
            error,
            psycopg.Error,
            connection_invalidated=bool(driver.closed),
            dialect=dialect,
        ) from error


def _to_json(value: Any) -> str:
    """JSON, which has no numbers that are not finite; these are written as objects."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_without_non_finite(value), allow_nan=False)


def _without_non_finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    if isinstance(value, dict):
        return {name: _without_non_finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_non_finite(one) for one in value]
    return value


def _from_json(found: str | bytes) -> Any:
    words = found if isinstance(found, str) else bytes(found).decode()
    return json.loads(words, object_hook=_number_or_object if _NUMBER in words else None)


def _number_or_object(found: dict[str, Any]) -> Any:
    return float(found[_NUMBER]) if found.keys() == {_NUMBER} else found
