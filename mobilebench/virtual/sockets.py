"""Socket names in adb's notation, and the phone's network that they refer to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mobilebench.virtual.stream import Stream

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
    if not text.isdigit() or int(text) > 0xFFFF:
        raise BadAddress(f"bad port number '{text}'")
    return int(text)
