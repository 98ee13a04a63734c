"""The device side of adb's transport: packets, the byte streams that share a connection, and the handshake.

A packet is 24 bytes of header, then the payload.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mobilebench.virtual.adb_keys import TOKEN_BYTES

VERSION = 0x01000001
"""Protocol version from which neither side computes checksums."""
MAX_PAYLOAD = 1 << 20

SYNC = 0x434E5953
CNXN = 0x4E584E43
AUTH = 0x48545541
OPEN = 0x4E45504F
OKAY = 0x59414B4F
CLSE = 0x45534C43
WRTE = 0x45545257

COMMANDS = frozenset({SYNC, CNXN, AUTH, OPEN, OKAY, CLSE, WRTE})

_HEADER = struct.Struct("<6I")


class ProtocolError(Exception):
    """The other side does not speak adb; nothing after this byte can be trusted."""


@dataclass(frozen=True)
class Packet:
    """One message; the meaning of the arguments depends on the command."""

    command: int
    arg0: int = 0
    arg1: int = 0
    payload: bytes = b""

    def encode(self, *, checksum: bool = False) -> bytes:
        """The packet's bytes; `checksum` is for peers older than `VERSION`."""
        total = sum(self.payload) & 0xFFFFFFFF if checksum else 0
        magic = self.command ^ 0xFFFFFFFF
        return _HEADER.pack(self.command, self.arg0, self.arg1, len(self.payload), total, magic) + self.payload


class PacketParser:
    """Splits a byte stream into packets, regardless of its chunks."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._have = 0
        self._header: tuple[int, int, int, int] | None = None

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that these bytes complete.

        Raises:
            ProtocolError: a header is not valid; the parser must not be used afterwards.
        """
        self._chunks.append(data)
        self._have += len(data)
        packets = []
        while (packet := self._next()) is not None:
            packets.append(packet)
        return packets

    def _next(self) -> Packet | None:
        if self._header is None:
            if self._have < _HEADER.size:
                return None
            self._header = _checked(self._take(_HEADER.size))
        command, arg0, arg1, length = self._header
        if self._have < length:
            return None
        self._header = None
        return Packet(command, arg0, arg1, self._take(length))

    def _take(self, count: int) -> bytes:
        joined = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        rest = joined[count:]
        self._chunks = [rest] if rest else []
        self._have = len(rest)
        return joined[:count]


def _checked(header: bytes) -> tuple[int, int, int, int]:
    command, arg0, arg1, length, _checksum, magic = _HEADER.unpack(header)
    if command not in COMMANDS or magic != command ^ 0xFFFFFFFF:
        raise ProtocolError(f"unknown command {command:#010x}")
    if length > MAX_PAYLOAD:
        raise ProtocolError(f"a payload of {length} bytes is larger than {MAX_PAYLOAD}")
    return command, arg0, arg1, length


# Streams

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


# Connections

_AUTH_TOKEN = 1
_AUTH_SIGNATURE = 2
_AUTH_PUBLIC_KEY = 3
_ATTEMPTS = 256
"""Wrong signatures after which each further one costs a second, as in adbd."""
_LOOKS_EVERY_S = 0.1
"""Seconds between two looks whether the user has answered the question about a key."""

Service = Callable[[Stream], Awaitable[None]]


class ServiceRefused(Exception):
    """The phone lacks this service, or nothing listens there."""


class Phone(Protocol):
    """The part of a phone that a connection uses."""

    def answers(self) -> bool:
        """Whether adbd answers at all; if not, adb shows the phone as offline."""
        ...

    def authenticates(self) -> bool:
        """Whether a computer has to prove that it has an accepted key."""
        ...

    def knows(self, token: bytes, signature: bytes) -> bool:
        """Whether the signature of the token was made with an accepted key."""
        ...

    def allows(self, key: bytes) -> bool:
        """Whether the user has allowed the computer with this public key; False while the question is unanswered.

        Raises:
            ValueError: it is not a key.
        """
        ...

    def features(self) -> Sequence[str]:
        """Features of the phone's adbd."""
        ...

    def mode(self) -> str:
        """What runs on the phone: `device` for Android, or `recovery`, `sideload` …"""
        ...

    def banner(self) -> Mapping[str, str]:
        """Properties in the phone's connection banner."""
        ...

    async def open_service(self, name: str, connection: Connection) -> Service:
        """Open a service such as `shell:ls`. Raises `ServiceRefused`."""
        ...


class Connection(asyncio.Protocol):
    """The phone's end of one TCP connection from an adb server."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._parser = PacketParser()
        self._streams: dict[int, Stream] = {}
        self._answers: dict[int, asyncio.Future[Stream]] = {}
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self._checksum = False
        self._max_payload = 4096
        self._connected = False
        self._token = b""
        self._wrong_signatures = 0
        self._asking = False
        self.on_lost: list[Callable[[], None]] = []
        """Called once when the connection ends."""

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=8 << 20)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for packet in self._parser.feed(data):
                self._dispatch(packet)
        except ProtocolError:
            self.drop(at_once=True)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        for stream in list(self._streams.values()):
            stream.lost()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(StreamClosed())
        for callback in self.on_lost:
            callback()

    # called by the phone

    def drop(self, *, at_once: bool = False) -> None:
        """End the connection; what was sent still arrives, unless it ends at once, as when a cable is cut."""
        if self._transport is not None:
            if at_once:
                self._transport.abort()
            else:
                self._transport.close()

    # called by services

    async def open_on_host(self, destination: str) -> Stream:
        """Open a stream to a socket on the computer, such as `tcp:8000`.

        Raises:
            StreamClosed: the computer refused the stream, or is gone.
        """
        local_id = next(self._ids)
        answer: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
        self._answers[local_id] = answer
        self._send(Packet(OPEN, local_id, 0, destination.encode() + b"\0"))
        try:
            return await answer
        finally:
            self._answers.pop(local_id, None)

    def release(self, stream: Stream) -> None:
        """Close a stream and forget it."""
        stream.close()
        self._streams.pop(stream.local_id, None)

    def _start_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # packets

    def _send(self, packet: Packet) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet.encode(checksum=self._checksum))

    def _dispatch(self, packet: Packet) -> None:
        if packet.command in {CNXN, AUTH}:
            if self._phone.answers():
                self._shake_hands(packet)
        elif not self._connected:
            return
        elif packet.command == OPEN:
            self._open(packet)
        elif packet.command == OKAY:
            self._okay(packet)
        elif packet.command == WRTE:
            self._write(packet)
        elif packet.command == CLSE:
            self._close(packet)

    def _shake_hands(self, packet: Packet) -> None:
        if packet.command == CNXN:
            self._checksum = packet.arg0 < VERSION
            self._max_payload = max(1, min(packet.arg1, MAX_PAYLOAD))
            if self._phone.authenticates():
                self._challenge()
            else:
                self._welcome()
        elif not self._token:
            raise ProtocolError("an answer to a question that was not asked")
        elif packet.arg0 == _AUTH_SIGNATURE:
            self._check_signature(packet.payload)
        elif packet.arg0 == _AUTH_PUBLIC_KEY and not self._asking:
            self._start_task(self._ask_user(packet.payload))

    def _challenge(self) -> None:
        self._connected = False
        self._token = os.urandom(TOKEN_BYTES)
        self._send(Packet(AUTH, _AUTH_TOKEN, 0, self._token))

    def _check_signature(self, signature: bytes) -> None:
        if self._phone.knows(self._token, signature):
            self._welcome()
            return
        self._wrong_signatures += 1
        if self._wrong_signatures > _ATTEMPTS:
            asyncio.get_running_loop().call_later(1.0, self._challenge)
        else:
            self._challenge()

    async def _ask_user(self, key: bytes) -> None:
        """Wait until the user allows this key; meanwhile adb shows the phone as unauthorised."""
        self._asking = True
        try:
            while self._transport is not None and not self._connected:
                if self._phone.answers() and self._phone.allows(key):
                    self._welcome()
                    return
                await asyncio.sleep(_LOOKS_EVERY_S)
        except ValueError:
            return  # adbd does not answer either
        finally:
            self._asking = False

    def _welcome(self) -> None:
        self._connected = True
        self._token = b""
        properties = "".join(f"{name}={value};" for name, value in self._phone.banner().items())
        banner = f"{self._phone.mode()}::{properties}features={','.join(self._phone.features())}"
        self._send(Packet(CNXN, VERSION, MAX_PAYLOAD, banner.encode()))

    def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if packet.arg0 != 0:
            self._start_task(self._serve(name, packet.arg0))

    async def _serve(self, name: str, remote_id: int) -> None:
        try:
            service = await self._phone.open_service(name, self)
        except ServiceRefused:
            self._send(Packet(CLSE, 0, remote_id))
            return
        stream = self._new_stream(next(self._ids), remote_id)
        self._send(Packet(OKAY, stream.local_id, remote_id))
        stream.accepted()
        try:
            with contextlib.suppress(ConnectionError):
                await service(stream)
        finally:
            self.release(stream)

    def _new_stream(self, local_id: int, remote_id: int) -> Stream:
        stream = Stream(local_id, remote_id, self._send, self._max_payload)
        self._streams[local_id] = stream
        if self._transport is None:
            stream.lost()
        return stream

    def _okay(self, packet: Packet) -> None:
        answer = self._answers.get(packet.arg1)
        if answer is not None and not answer.done():
            stream = self._new_stream(packet.arg1, packet.arg0)
            stream.accepted()
            answer.set_result(stream)
        elif stream_known := self._streams.get(packet.arg1):
            stream_known.accepted()

    def _write(self, packet: Packet) -> None:
        stream = self._streams.get(packet.arg1)
        if stream is None or stream.closed.is_set():
            self._send(Packet(CLSE, packet.arg1, packet.arg0))
        else:
            stream.received(packet.payload)

    def _close(self, packet: Packet) -> None:
        answer = self._answers.get(packet.arg1)
        if answer is not None and not answer.done():
            answer.set_exception(StreamClosed())
        elif stream := self._streams.pop(packet.arg1, None):
            stream.close()
