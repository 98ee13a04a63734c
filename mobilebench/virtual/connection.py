"""One computer's adb connection to the phone: handshake, and packets to and from streams."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol

from mobilebench.virtual.stream import Stream, StreamClosed
from mobilebench.virtual.wire import (
    AUTH,
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Packet,
    PacketParser,
    ProtocolError,
)

_AUTH_TOKEN = 1
_AUTH_SIGNATURE = 2

Service = Callable[[Stream], Awaitable[None]]


class ServiceRefused(Exception):
    """The phone lacks this service, or nothing listens there."""


class Phone(Protocol):
    """The part of a phone that a connection uses."""

    def fault(self) -> str | None:
        """`offline` or `unauthorized` if the phone has to simulate that state, else None."""
        ...

    def features(self) -> Sequence[str]:
        """Features of the phone's adbd."""
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
        self._known = False
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
            self._abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        for stream in list(self._streams.values()):
            stream.lost()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(StreamClosed())
        for callback in self.on_lost:
            callback()

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

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # packets

    def _send(self, packet: Packet) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet.encode(checksum=self._checksum))

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _dispatch(self, packet: Packet) -> None:
        if packet.command in {CNXN, AUTH}:
            self._shake_hands(packet)
        elif not self._known:
            raise ProtocolError("a stream before the hand-shake")
        elif packet.command == OPEN:
            self._open(packet)
        elif packet.command == OKAY:
            self._okay(packet)
        elif packet.command == WRTE:
            self._write(packet)
        elif packet.command == CLSE:
            self._close(packet)

    def _shake_hands(self, packet: Packet) -> None:
        fault = self._phone.fault()
        if fault == "offline":
            return
        if fault == "unauthorized":
            # The phone knows no signature, and when the key itself is sent, no user accepts it.
            if packet.command == CNXN or packet.arg0 == _AUTH_SIGNATURE:
                self._send(Packet(AUTH, _AUTH_TOKEN, 0, os.urandom(20)))
            return
        if packet.command == AUTH:
            raise ProtocolError("an answer to a question that was not asked")
        self._checksum = packet.arg0 < VERSION
        self._max_payload = max(1, min(packet.arg1, MAX_PAYLOAD))
        self._known = True
        properties = "".join(f"{name}={value};" for name, value in self._phone.banner().items())
        banner = f"device::{properties}features={','.join(self._phone.features())}"
        self._send(Packet(CNXN, VERSION, MAX_PAYLOAD, banner.encode()))

    def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if packet.arg0 == 0:
            raise ProtocolError("a stream without a number")
        self._keep(self._serve(name, packet.arg0))

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
