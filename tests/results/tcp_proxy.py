"""A proxy from a port of loopback to a PostgreSQL server's socket, which loses connections when a test says so."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

_COMMIT = b"COMMIT\0"
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset instead of an orderly end."""
Lost = Literal["commit", "answer"]
"""What is lost with the connection: the client's COMMIT, or the server's answer to it."""


class Proxy:
    """Forwards bytes between clients, by TCP, and the server, by its socket."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._held: list[socket.socket] = []
        self._lose: Lost | None = None
        self._hold = False
        self._refuse = 0
        self.refused = 0
        """Connections that were reset at once."""
        self.lost = 0
        """Connections that were lost at a COMMIT."""
        self.stopped = threading.Event()
        """Set while a COMMIT waits for a network that forwards nothing."""
        self._flowing = threading.Event()
        self._flowing.set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, of_socket: str) -> str:
        """The URL of a database through this proxy, given its URL by the server's socket."""
        before, _, rest = of_socket.partition("@")
        return f"{before}@127.0.0.1:{self.port}{rest.partition('?')[0]}"

    def lose(self, what: Lost, *, refuse: int = 0, hold: bool = False) -> None:
        """Lose the next connection that commits, and reset so many further ones.

        With `hold` the server is not told that its client is gone, as where a network is cut, until the last of these
        further connections was tried.
        """
        with self._lock:
            self._lose, self._refuse, self._hold = what, refuse, hold

    def stop_forwarding(self) -> None:
        """Forward no COMMIT, and reset nothing, until `forward`."""
        self._flowing.clear()

    def forward(self) -> None:
        self.stopped.clear()
        self._flowing.set()

    def close(self) -> None:
        self._flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            found = [*self._open, *self._held]
        for one in found:
            _end(one)
        for thread in self._threads:
            thread.join(300)
        assert not any(thread.is_alive() for thread in self._threads)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_refused():
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            with self._lock:
                self._open |= {client, server}
            lost = threading.Event()
            for source, sink, of_client in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._forward, args=(source, sink, of_client, lost), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _is_refused(self) -> bool:
        with self._lock:
            if self._lose is not None or self._refuse == 0:
                return False
            self._refuse -= 1
            self.refused += 1
            done, self._held = (self._held, []) if self._refuse == 0 else ([], self._held)
        for one in done:
            _end(one)
        return True

    def _forward(self, source: socket.socket, sink: socket.socket, of_client: bool, lost: threading.Event) -> None:
        """Forward one direction until its end; `lost` is set when this connection's COMMIT was forwarded and its answer
        is to be lost."""
        client, server = (source, sink) if of_client else (sink, source)
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if of_client and data.endswith(_COMMIT):
                    if not self._flowing.is_set():
                        self.stopped.set()
                        self._flowing.wait()
                    with self._lock:
                        what, self._lose = self._lose, None
                    if what == "commit":
                        self._cut(client, server)
                        break
                    if what == "answer":
                        lost.set()
                elif not of_client and lost.is_set():
                    self._cut(client, server)
                    break
                sink.sendall(data)
        with self._lock:
            held = server in self._held
        _end(client)
        if not held:
            _end(server)

    def _cut(self, client: socket.socket, server: socket.socket) -> None:
        with self._lock:
            self.lost += 1
            if self._hold:
                self._held.append(server)
        with suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _end(one: socket.socket) -> None:
    """Wake whoever reads from it, and close it."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RD)
    one.close()


@contextmanager
def proxied(server: Path) -> Iterator[Proxy]:
    made = Proxy(server)
    try:
        yield made
    finally:
        made.close()
