"""The TCP port on which a phone listens after `adb tcpip`.

The phone is in a network of its own, where adb cannot reach it. So a small process outside (`port_opener`) opens the
socket and hands it over. Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from mobilebench.virtual.port_opener import ANSWER, REQUEST, listener

_ANSWERS_WITHIN_S = 10.0


class CannotListen(Exception):
    """The port cannot be opened; the text says why."""


class AdbPort:
    """The port on which adbd listens besides the cable; none at first."""

    def __init__(self, address: str, opener: socket.socket | None, serve: Callable[[], asyncio.Protocol]) -> None:
        """`opener` leads to the process outside; None if the phone shares this computer's network."""
        self._address = address
        self._opener = opener
        self._serve = serve
        self._server: asyncio.Server | None = None
        if opener is not None:
            opener.settimeout(_ANSWERS_WITHIN_S)

    async def open(self, port: int) -> None:
        """Listen on this port instead of an earlier one. Raises `CannotListen`; then it listens on none."""
        self.close()
        loop = asyncio.get_running_loop()
        try:
            sock = await loop.run_in_executor(None, self._opened, port)
            self._server = await loop.create_server(self._serve, sock=sock)
        except OSError as error:
            raise CannotListen(error.strerror or str(error)) from None

    def close(self) -> None:
        """Listen on no port; connections stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _opened(self, port: int) -> socket.socket:
        if self._opener is None:
            return listener(self._address, port)
        self._opener.send(REQUEST.pack(port))
        answer, descriptors, _, _ = socket.recv_fds(self._opener, ANSWER.size, 1)
        if not descriptors:
            number = ANSWER.unpack(answer)[0] if answer else errno.EPIPE
            raise OSError(number, os.strerror(number))
        return socket.socket(fileno=descriptors[0])
