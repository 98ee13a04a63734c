"""A cable between us and a browser, which a test can cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Cable:
    """Carries everything from its address to the browser's until it is cut."""

    address: str
    ends: list[socket.socket] = field(default_factory=list)
    whole: bool = True

    def cut(self) -> None:
        self.whole = False
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(address: str) -> Iterator[Cable]:
    """A cable to the browser that is driven at `address`."""
    parts = urlsplit(address)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        cable = Cable(f"{parts.scheme}://127.0.0.1:{listener.getsockname()[1]}{parts.path}")

        def accept() -> None:
            with suppress(OSError):
                while cable.whole:
                    near, _ = listener.accept()
                    far = socket.create_connection((parts.hostname or "", parts.port or 0))
                    cable.ends += [near, far]
                    for source, sink in ((near, far), (far, near)):
                        threading.Thread(target=_carry, args=(source, sink), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield cable
        cable.cut()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
