"""One of the byte streams that share an adb connection, with adb's flow control."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from mobilebench.virtual.wire import CLSE, OKAY, WRTE, Packet

HIGH_WATER = 2 << 20
"""Bytes that may be buffered for reading before the sender has to wait."""


class StreamClosed(ConnectionError):
    """The other side closed the stream, or the connection is gone."""


class Stream:
    """Both directions of one stream. Each side has at most one unacknowledged packet on its way."""

    def __init__(self, local_id: int, remote_id: int, send: Callable[[Packet], None], max_payload: int) -> None:
        self.local_id = local_id
        self.remote_id = remote_id
        self._send = send
        self._max_payload = max_payload
        self._received: deque[bytes] = deque()
        self._waiting = 0
        self._acknowledge_later = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._write_turn = asyncio.Lock()
        self.closed = asyncio.Event()
        """Set once the other side has closed the stream."""

    # Called by the connection.

    def accepted(self) -> None:
        """The other side is ready for the next packet."""
        self._writable.set()

    def received(self, payload: bytes) -> None:
        """Buffer a packet; an empty one is acknowledged and ends nothing."""
        if not payload:
            self._send(Packet(OKAY, self.local_id, self.remote_id))
            return
        self._received.append(payload)
        self._waiting += len(payload)
        self._readable.set()
        if self._waiting < HIGH_WATER:
            self._send(Packet(OKAY, self.local_id, self.remote_id))
        else:
            self._acknowledge_later = True

    def lost(self) -> None:
        """The other side closed, or the connection ended."""
        self.closed.set()
        self._readable.set()
        self._writable.set()

    # Called by services.

    async def read(self) -> bytes:
        """Return the next bytes, in any number; empty at the end."""
        while not self._received:
            if self.closed.is_set():
                return b""
            self._readable.clear()
            await self._readable.wait()
        data = self._received.popleft()
        self._waiting -= len(data)
        if self._acknowledge_later and self._waiting < HIGH_WATER:
            self._acknowledge_later = False
            self._send(Packet(OKAY, self.local_id, self.remote_id))
        return data

    async def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            StreamClosed: the other side has closed the stream.
        """
        async with self._write_turn:
            for start in range(0, len(data), self._max_payload):
                await self._writable.wait()
                if self.closed.is_set():
                    raise StreamClosed
                self._writable.clear()
                chunk = data[start : start + self._max_payload]
                self._send(Packet(WRTE, self.local_id, self.remote_id, chunk))

    def close(self) -> None:
        if not self.closed.is_set():
            self._send(Packet(CLSE, self.local_id, self.remote_id))
            self.lost()


class Buffered:
    """Exact reads over a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._data = b""
        self._at = 0

    async def exactly(self, count: int) -> bytes:
        """Read `count` bytes. Raises `StreamClosed` if the stream ends before."""
        end = self._at + count
        if end > len(self._data):
            await self._more(end - len(self._data))
            end = count
        taken = self._data[end - count : end]
        self._at = end
        return taken

    async def _more(self, missing: int) -> None:
        chunks = [self._data[self._at :]]
        while missing > 0:
            chunk = await self._stream.read()
            if not chunk:
                raise StreamClosed
            chunks.append(chunk)
            missing -= len(chunk)
        self._data = b"".join(chunks)
        self._at = 0
