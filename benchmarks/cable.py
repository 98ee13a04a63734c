"""A second way to a virtual phone, which adb takes for an emulator: its serial is no address, and it can be cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from mobilebench.targets.android import adb_protocol
from mobilebench.targets.limits import Limit

_CHUNK = 1 << 16


class Cable:
    """Carries connections from a port of its own to a phone's, until it is cut; it can be plugged in again."""

    def __init__(self, phone_port: int) -> None:
        self._phone_port = phone_port
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._ends: set[socket.socket] = set()
        self.port = 0
        self.plug_in()

    @property
    def serial(self) -> str:
        """The serial under which adb lists the phone at this cable."""
        return f"emulator-{self.port - 1}"

    def plug_in(self) -> None:
        """Listen, on the same port as before, and tell adb."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        with self._lock:
            self._listener = listener
        threading.Thread(target=self._accept, args=[listener], name="cable", daemon=True).start()
        request = f"host:emulator:{self.port}"
        with adb_protocol.connect() as server:  # which gives no answer to this
            limit = Limit("Telling adb of an emulator", 5)
            adb_protocol.send(server, f"{len(request):04x}{request}".encode(), limit)
            adb_protocol.receive_all(server, limit)

    def cut(self) -> None:
        """End every connection, and take no more."""
        with self._lock:
            ends, self._ends = {*self._ends, *([self._listener] if self._listener else [])}, set()
            self._listener = None
        _end(ends)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._phone_port))
                with self._lock:
                    if self._listener is not listener:
                        near.close()
                        far.close()
                        return
                    self._ends |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[source, sink], name="cable", daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        with self._lock:
            self._ends -= {source, sink}
        _end({source, sink})


def _end(ends: set[socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
