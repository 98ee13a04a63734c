"""Transfer whole files over adb's sync service; failures carry the phone's own message."""

from __future__ import annotations

import logging
import stat as modes
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from socket import socket
from threading import Event
from typing import BinaryIO

from mobilebench.core import log
from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.limits import Limit, either

_CHUNK = 1 << 16
_HEADER = 8
_PACKET = _HEADER + _CHUNK
_BATCH = 16
_STALLED_SECONDS = 30

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file's metadata, as the phone reports it."""

    mode: int
    """Permission bits."""
    size: int


class NoSpace(BlockFailed):
    """The phone's disk is full."""


class Sync:
    """File transfer with one phone."""

    def __init__(self, serial: str, cancel: Event | None = None) -> None:
        self.serial = serial
        self._cancel = cancel

    def stat(self, path: str) -> RemoteFile | None:
        """Metadata of the file at `path`, or None if there is none."""
        limit = self._limit(f"looking at {path}")
        with self._session(limit) as stream:
            self._request(stream, b"STAT", path.encode(), limit)
            answer = adb_protocol.receive(stream, 16, limit)
            if len(answer) < 16 or answer[:4] != b"STAT":
                raise self._cut(limit)
            mode, size, _ = struct.unpack("<III", answer[4:])
            return RemoteFile(modes.S_IMODE(mode), size) if mode else None

    def read(self, path: str) -> bytes:
        """Read a small file."""
        content = BytesIO()
        self.receive(path, content)
        return content.getvalue()

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a small file in place."""
        self.send(BytesIO(content), path, mode)

    def receive(self, path: str, into: BinaryIO) -> None:
        """Copy a file from the phone.

        Raises:
            BlockFailed: there is no such file, or it cannot be read.
        """
        limit = self._limit(f"reading {path}")
        with self._session(limit) as stream:
            self._request(stream, b"RECV", path.encode(), limit)
            while True:
                word, length = self._header(stream, limit)
                if word == b"DONE":
                    return
                data = adb_protocol.receive(stream, length, limit)
                if len(data) < length:
                    raise self._cut(limit)
                if word != b"DATA":
                    raise self._refused(data, limit)
                into.write(data)
                limit.restart()

    def send(self, source: BinaryIO, path: str, mode: int) -> int:
        """Copy a file to the phone, creating missing folders; return its size in bytes.

        Raises:
            NoSpace: the phone's disk is full.
            BlockFailed: the phone refused the file for another reason.
        """
        limit = self._limit(f"writing {path}")
        with self._session(limit) as stream:
            try:
                self._request(stream, b"SEND", f"{path},{modes.S_IFREG | mode}".encode(), limit)
                total = _stream_out(stream, source, limit)
            except OSError:
                total = -1
            word, length = self._header(stream, limit)
            if word == b"OKAY" and total >= 0:
                return total
            raise self._refused(adb_protocol.receive(stream, length, limit), limit)

    def _limit(self, doing: str) -> Limit:
        return Limit(f"{self.serial}: {doing}", _STALLED_SECONDS, either(self._cancel))

    @contextmanager
    def _session(self, limit: Limit) -> Iterator[socket]:
        with log.timed(_logger, f"adb sync {limit.doing}"), adb_protocol.service(self.serial, "sync:", limit) as stream:
            yield stream

    def _request(self, stream: socket, word: bytes, argument: bytes, limit: Limit) -> None:
        adb_protocol.send(stream, word + struct.pack("<I", len(argument)) + argument, limit)

    def _header(self, stream: socket, limit: Limit) -> tuple[bytes, int]:
        header = adb_protocol.receive(stream, 8, limit)
        if len(header) < 8:
            raise self._cut(limit)
        word, length = header[:4], struct.unpack("<I", header[4:])[0]
        if length > _CHUNK and word != b"DONE":
            raise BlockFailed(f"{limit.doing}: the phone announced a packet of {length} bytes, more than adb sends.")
        return word, length

    def _cut(self, limit: Limit) -> BlockFailed | TargetLost:
        cut = BlockFailed(f"{limit.doing}: the connection was cut.", fault="cut connection")
        return adb_protocol.lost_or(cut, self.serial, limit.doing.partition(": ")[2])

    def _refused(self, words: bytes, limit: Limit) -> BlockFailed:
        said = words.decode(errors="replace").strip() or "the phone refused without a word"
        kind = NoSpace if "no space left" in said.lower() else BlockFailed
        return kind(f"{limit.doing}: {said}")


def _stream_out(stream: socket, source: BinaryIO, limit: Limit) -> int:
    """Send the file in packets, many per write, because single adb packets are too small for fast cables."""
    buffer = bytearray(_BATCH * _PACKET)
    view = memoryview(buffer)
    total = 0
    while size := _fill(buffer, view, source):
        adb_protocol.send(stream, view[:size], limit)
        total += size - _HEADER * -(-size // _PACKET)
        limit.restart()
    adb_protocol.send(stream, b"DONE" + struct.pack("<I", int(time.time())), limit)
    return total


def _fill(buffer: bytearray, view: memoryview, source: BinaryIO) -> int:
    """Fill the buffer with packets; return their size in bytes. Only the file's last packet is not full."""
    at = 0
    while at < len(buffer):
        count = source.readinto(view[at + _HEADER : at + _PACKET])  # type: ignore[attr-defined]
        if not count:
            break
        struct.pack_into("<4sI", buffer, at, b"DATA", count)
        at += _HEADER + count
        if count < _CHUNK:
            break
    return at
