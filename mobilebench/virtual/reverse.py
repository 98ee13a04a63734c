"""The service `reverse:`, which makes the computer's ports reachable on the phone."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from mobilebench.virtual.connection import Connection
from mobilebench.virtual.sockets import BadAddress, Network, is_address, join
from mobilebench.virtual.stream import Stream, StreamClosed


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
    data = text.encode()
    return b"%04x" % len(data) + data
