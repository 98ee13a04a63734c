"""One block's share of the page server: what can be fetched below its secret path, and the log of what was."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any

from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Encoding

SENT = (200, 206)
"""Statuses of answers with a file's content."""

_LOG_SECONDS = 2
_TCP_INFO_BYTES = 48
_LAST_DATA_SENT = struct.Struct("=44xI")
"""`tcpi_last_data_sent` of `struct tcp_info` (linux/tcp.h): milliseconds."""

Receiver = Callable[[bytes], Any]
"""Takes what a page sends, and gives a JSON value to answer; runs in a thread of its own."""


@dataclass(frozen=True)
class Served:
    """One request for a file, and what came of it."""

    name: str
    """As the page asked for it, below the visit's secret path."""
    file: Path
    """The file of this name, not compressed."""
    status: int
    bytes: int
    """Of the body that was sent, as it was encoded."""
    encoding: Encoding
    whole: bool
    """False when the connection ended before the last byte."""
    started: float
    first_byte: float
    ended: float
    """Seconds of `time.monotonic()`: the request is here, the answer begins, its last byte is handed to the system."""

    @property
    def sha256(self) -> str:
        """Of the whole file, not compressed."""
        return known_sha256(self.file)


class Visit:
    """One block's share of the server."""

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        encoding: Encoding = "identity",
        smaller: Mapping[Path, Path] | None = None,
        cacheable: bool = False,
        receivers: Mapping[str, Receiver] | None = None,
        turn_lapses_s: float | None = None,
    ) -> None:
        self.token = secrets.token_urlsafe(16)
        self.files = files
        self.encoding = encoding
        self.smaller = smaller or {}
        """File to what is sent of it to a browser that takes this encoding."""
        self.cacheable = cacheable
        self.receivers = receivers or {}
        self.turns: list[float] = []
        """Seconds that each of its turns took that it gave up by itself, in order."""
        self.turn_lapses_s = turn_lapses_s
        self._log: list[Served] = []
        self._under_way = 0
        self._quiet_since = time.monotonic()
        self._connections: list[Any] = []
        self._changed = Condition()

    @property
    def path(self) -> str:
        """Where its files lie on the server, with slashes on both ends."""
        return f"/{self.token}/"

    def served(self) -> list[Served]:
        """Every file that was sent whole so far.

        An answer that is under way is waited for: a page has the last byte before we know that.
        """
        return [one for one in self.requests() if one.whole and one.status in SENT]

    def requests(self) -> list[Served]:
        """Every request for a file so far, whatever came of it; those under way are waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _LOG_SECONDS)
            return list(self._log)

    @property
    def quiet_s(self) -> float:
        """Seconds in which nothing was sent to it. A browser may keep a connection of a page that is gone, and take
        nothing from it any more.
        """
        with self._changed:
            if self._connections:
                return min(_unsent_s(connection) for connection in self._connections)
            return 0.0 if self._under_way else time.monotonic() - self._quiet_since

    @contextmanager
    def over(self, connection: Any) -> Iterator[None]:
        """An answer goes out over this socket."""
        with self._changed:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._changed:
                self._connections.remove(connection)

    def begin(self) -> None:
        """An answer is under way."""
        with self._changed:
            self._under_way += 1

    def end(self, served: Served | None) -> None:
        """It has ended; with None, it was no answer to a request for a file's content."""
        with self._changed:
            self._under_way -= 1
            self._quiet_since = time.monotonic()
            if served is not None:
                self._log.append(served)
            self._changed.notify_all()


def _unsent_s(connection: Any) -> float:
    """Seconds since the system has sent the last piece of data; 0 where it does not tell."""
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return float(_LAST_DATA_SENT.unpack(told)[0]) / 1000
    except (AttributeError, OSError, struct.error):
        return 0.0
