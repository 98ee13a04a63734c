"""One block's session on the page server: the files below its secret path, and the log of their requests."""

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

from mobilebench.core import log
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Encoding

SENT = (200, 206)
"""HTTP statuses of responses with a file's content."""

_LOG_SECONDS = 10
_TCP_INFO_BYTES = 48
_LAST_DATA_SENT = struct.Struct("=44xI")
"""Reads `tcpi_last_data_sent` (milliseconds) from `struct tcp_info` (linux/tcp.h)."""

Receiver = Callable[[bytes], Any]
"""Takes the JSON that a page sends and returns a JSON value for the response; runs in its own thread."""


@dataclass(frozen=True)
class Served:
    """One request for a file, and its outcome."""

    name: str
    """Requested name, below the visit's secret path."""
    file: Path
    """The uncompressed file of this name."""
    status: int
    bytes: int
    """Bytes of the body that was sent, as encoded."""
    encoding: Encoding
    whole: bool
    """False if the connection ended before the last byte."""
    started: float
    first_byte: float
    ended: float
    """Times of `time.monotonic()` in seconds: request received, response begun, last byte handed to the system."""

    @property
    def sha256(self) -> str:
        """Digest of the whole uncompressed file."""
        return known_sha256(self.file)


class Visit:
    """One block's session on the server."""

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        encoding: Encoding = "identity",
        smaller: Mapping[Path, Path] | None = None,
        cacheable: bool = False,
        isolated: bool = True,
        receivers: Mapping[str, Receiver] | None = None,
        turn_lapses_s: float | None = None,
    ) -> None:
        self.token = log.hide(secrets.token_urlsafe(16))
        self.files = files
        self.encoding = encoding
        self.smaller = smaller or {}
        """Maps a file to its compressed copy, for browsers that accept the encoding."""
        self.cacheable = cacheable
        self.isolated = isolated
        """Whether its pages are cross-origin isolated."""
        self.receivers = receivers or {}
        self.turns: list[float] = []
        """Seconds of each download turn that the page gave up by itself, in order."""
        self.turn_lapses_s = turn_lapses_s
        self._log: list[Served] = []
        self._under_way = 0
        self._quiet_since = time.monotonic()
        self._connections: list[Any] = []
        self._changed = Condition()

    @property
    def path(self) -> str:
        """Path of its files on the server, with slashes at both ends."""
        return f"/{self.token}/"

    def served(self) -> list[Served]:
        """Return every file that was sent completely so far.

        Waits for responses under way, because a page has the last byte before the server knows.
        """
        return [one for one in self.requests() if one.whole and one.status in SENT]

    def requests(self) -> list[Served]:
        """Return every request for a file so far, with any outcome; waits for those under way."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _LOG_SECONDS)
            return list(self._log)

    @property
    def quiet_s(self) -> float:
        """Seconds since data was last sent to the page. A browser may keep open the connection of a closed page
        without reading from it.
        """
        with self._changed:
            if self._connections:
                return min(_unsent_s(connection) for connection in self._connections)
            return 0.0 if self._under_way else time.monotonic() - self._quiet_since

    @contextmanager
    def over(self, connection: Any) -> Iterator[None]:
        """Mark this socket as sending a response within the context."""
        with self._changed:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._changed:
                self._connections.remove(connection)

    def begin(self) -> None:
        """Count a response as under way."""
        with self._changed:
            self._under_way += 1

    def end(self, served: Served | None) -> None:
        """Count a response as ended and log it; None if it did not carry a file's content."""
        with self._changed:
            self._under_way -= 1
            self._quiet_since = time.monotonic()
            if served is not None:
                self._log.append(served)
            self._changed.notify_all()


def _unsent_s(connection: Any) -> float:
    """Seconds since the system last sent data on the socket; 0 if unknown."""
    try:
        tcp_info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return float(_LAST_DATA_SENT.unpack(tcp_info)[0]) / 1000
    except (AttributeError, OSError, struct.error):
        return 0.0
