"""The phone's network: sockets under their names in adb's notation, and the service `reverse:`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mobilebench.virtual.adb_transport import Connection, Stream, StreamClosed

_LIMIT = 1 << 20
_KINDS = frozenset({"tcp", "local", "localabstract", "localfilesystem", "localreserved"})

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class BadAddress(ValueError):
    """A socket name that a phone does not support."""


@dataclass(frozen=True)
class Network:
    """The phone's sockets: in its own network namespace, or under its own name prefix and loopback address."""

    address: str
    abstract_prefix: str
    path: Callable[[str], str]

    async def connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a socket. Raises `BadAddress`, or `OSError` if nothing listens."""
        kind, rest = _split(name)
        if kind == "tcp":
            return await asyncio.open_connection(self.address, _port(rest), limit=_LIMIT)
        return await asyncio.open_unix_connection(self._unix(kind, rest), limit=_LIMIT)

    async def listen(self, name: str, serve: Serve) -> tuple[asyncio.Server, str]:
        """Return a listener and its full name (`tcp:0` becomes the chosen port). Raises `BadAddress` or `OSError`."""
        kind, rest = _split(name)
        if kind == "tcp":
            server = await asyncio.start_server(serve, self.address, _port(rest), limit=_LIMIT)
            return server, f"tcp:{server.sockets[0].getsockname()[1]}"
        return await asyncio.start_unix_server(serve, self._unix(kind, rest), limit=_LIMIT), name

    def _unix(self, kind: str, rest: str) -> str:
        if not rest:
            raise BadAddress(f"{kind}: without a name")
        if kind in {"localabstract", "local"} and not rest.startswith("/"):
            return f"\0{self.abstract_prefix}{rest}"
        if kind == "localreserved":
            return self.path(f"/dev/socket/{rest}")
        return self.path(rest)


async def join(stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes both ways until one side ends, because adb closes both directions together."""

    async def to_phone() -> None:
        while data := await stream.read():
            writer.write(data)
            await writer.drain()

    async def to_computer() -> None:
        while data := await reader.read(_LIMIT):
            await stream.write(data)

    ways = {asyncio.ensure_future(to_phone()), asyncio.ensure_future(to_computer())}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()


def is_address(name: str) -> bool:
    """Whether adb would accept this as a socket's name."""
    return name.partition(":")[0] in _KINDS


def _split(name: str) -> tuple[str, str]:
    kind, _, rest = name.partition(":")
    if kind not in _KINDS:
        raise BadAddress(f"unknown socket specification '{name}'")
    return kind, rest


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 0xFFFF:
        raise BadAddress(f"bad port number '{text}'")
    return int(text)


# The service `reverse:`


@dataclass
class _Listener:
    server: asyncio.Server
    remote: str
    """Destination of connections; may be changed while it listens."""


class Reverses:
    """The listeners requested over one adb connection; they end with it."""

    def __init__(self, connection: Connection, network: Network) -> None:
        self._connection = connection
        self._network = network
        self._listeners: dict[str, _Listener] = {}
        connection.on_lost.append(self.close)

    async def serve(self, request: str, stream: Stream) -> None:
        """Answer one request, such as `forward:tcp:0;tcp:8000`."""
        try:
            await stream.write(await self._answer(request))
        except (BadAddress, OSError) as error:
            message = getattr(error, "strerror", None) or str(error)
            await stream.write(b"FAIL" + _counted(message))

    def close(self) -> None:
        for listener in self._listeners.values():
            listener.server.close()
        self._listeners.clear()

    async def _answer(self, request: str) -> bytes:
        verb, _, rest = request.partition(":")
        if verb == "forward":
            return await self._forward(rest)
        if verb == "list-forward":
            lines = (f"host-1 {local} {entry.remote}\n" for local, entry in self._listeners.items())
            return _counted("".join(lines))
        if verb == "killforward-all":
            self.close()
            return b"OKAY"
        if verb == "killforward":
            if rest not in self._listeners:
                raise BadAddress(f"listener '{rest}' not found")
            self._listeners.pop(rest).server.close()
            return b"OKAY"
        raise BadAddress(f"unknown reverse request '{request}'")

    async def _forward(self, rest: str) -> bytes:
        norebind = rest.startswith("norebind:")
        local, semicolon, remote = rest.removeprefix("norebind:").partition(";")
        if not semicolon or not is_address(remote):
            raise BadAddress(f"bad forward: {rest}")
        if local in self._listeners:
            if norebind:
                raise BadAddress("cannot rebind existing socket")
            self._listeners[local].remote = remote
            return b"OKAY"

        async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._carry(listener.remote, reader, writer)

        try:
            server, name = await self._network.listen(local, arrived)
        except OSError as error:
            raise BadAddress(f"cannot bind listener: {error.strerror}") from None
        self._listeners[name] = listener = _Listener(server, remote)
        return b"OKAY" + (_counted(name.removeprefix("tcp:")) if local == "tcp:0" else b"")

    async def _carry(self, remote: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stream = await self._connection.open_on_host(remote)
        except StreamClosed:
            writer.close()
            return
        try:
            with contextlib.suppress(ConnectionError):
                await join(stream, reader, writer)
        finally:
            self._connection.release(stream)


def _counted(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")[:0xFFFF]
    return f"{len(data):04x}".encode() + data
