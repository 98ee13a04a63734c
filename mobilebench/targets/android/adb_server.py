"""The adb server that `adb` of the same shell would use, chosen by adb's own variables and rules."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobilebench.core.errors import BadInput

SOCKET = "ADB_SERVER_SOCKET"
ADDRESS = "ANDROID_ADB_SERVER_ADDRESS"
PORT = "ANDROID_ADB_SERVER_PORT"

_DEFAULT_PORT = 5037
_DEFAULT_PORT_OF_A_HOST = 5555
"""Default port that adb uses for `tcp:HOST`, which it takes for a phone's address."""
_CONNECT_SECONDS = 5.0
_INTEGER = re.compile(r"\s*[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)")
_LEADING_INTEGER = re.compile(r"\s*([+-]?[0-9]+)")
_LOCAL = ("localfilesystem:", "local:", "localabstract:")


@dataclass(frozen=True)
class Server:
    """Address of an adb server."""

    host: str | None = None
    """Host name; None: this computer's loopback, or a local socket."""
    port: int = 0
    path: str | None = None
    """Path of a local socket; an abstract one begins with a null character."""
    vsock: tuple[int, int] | None = None
    variables: tuple[str, ...] = ()
    """Environment variables that chose it."""

    @property
    def starts_here(self) -> bool:
        """Whether adb starts a server there if none runs: only without a host or at `localhost`."""
        return self.vsock is None and self.host in (None, "localhost")

    @property
    def is_elsewhere(self) -> bool:
        """Whether it runs on another computer: the ports that it forwards and reverses are that computer's."""
        if self.vsock is not None:
            return True
        if self.path is not None or self.host in (None, "localhost"):
            return False
        try:
            addresses = socket.getaddrinfo(self.host, 0, type=socket.SOCK_STREAM)
        except OSError:
            return True
        return not any(_is_ours(family, address) for family, _, _, _, address in addresses)

    @property
    def place(self) -> str:
        """The address for messages."""
        if self.vsock is not None:
            return "vsock:{}:{}".format(*self.vsock)
        if self.path is not None:
            return f"localabstract:{self.path[1:]}" if self.path.startswith("\0") else self.path
        host = self.host or "127.0.0.1"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def chosen_by(self) -> str:
        """The variables that chose it, in brackets; empty if none did."""
        return f" ({', '.join(self.variables)})" if self.variables else ""

    @property
    def advice(self) -> str:
        """What to do if this is not the intended server."""
        if self.variables:
            them = "it" if len(self.variables) == 1 else "them"
            return f"Unset {' and '.join(self.variables)}, or set {them} to the server that `adb devices` uses."
        return f"Set {PORT} to the port of your adb server, or end the program that listens there."

    def connect(self) -> socket.socket:
        """Open a connection without a timeout.

        Raises:
            OSError: nothing listens there, or the host cannot be reached.
        """
        if self.vsock is not None:
            stream = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
            return _connected(stream, self.vsock)
        if self.path is not None:
            return _connected(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), self.path)
        if self.host not in (None, "localhost"):
            stream = socket.create_connection((self.host, self.port), timeout=_CONNECT_SECONDS)
        else:
            try:
                stream = socket.create_connection(("127.0.0.1", self.port), timeout=_CONNECT_SECONDS)
            except ConnectionRefusedError as refused:
                try:
                    stream = socket.create_connection(("::1", self.port), timeout=_CONNECT_SECONDS)
                except OSError:
                    raise refused from None
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.settimeout(None)
        return stream


def chosen(environment: Mapping[str, str] | None = None) -> Server:
    """The server that the environment names.

    If `ADB_SERVER_SOCKET` is set, the other two variables are ignored.

    Raises:
        BadInput: a variable has a value that adb refuses too.
    """
    variables = os.environ if environment is None else environment
    spec = variables.get(SOCKET)
    if spec is not None:
        return _of_socket(spec)
    given = variables.get(PORT) or None
    port = _DEFAULT_PORT if given is None else _integer(given)
    if port is None or not 1 <= port <= 65535:
        raise _refused(PORT, given or "", "it is not a number from 1 to 65535")
    used = () if given is None else (PORT,)
    address = variables.get(ADDRESS)
    if address is None:
        return Server(port=port, variables=used)
    host, port = _net_address(f"{address}:{port}", ADDRESS, address)
    return Server(host=host, port=port, variables=(ADDRESS, *used))


def plain_environment() -> None:
    """Rewrite variables that adb accepts but adbutils does not: an empty or hexadecimal port breaks its import."""
    if PORT not in os.environ:
        return
    port = _integer(os.environ[PORT])
    if port is None:
        del os.environ[PORT]
    else:
        os.environ[PORT] = str(port)


def client() -> Any:
    """An adbutils client for this server; adbutils by itself reads other variables, and starts servers."""
    plain_environment()
    import adbutils

    server = chosen()

    class Connection(adbutils.AdbConnection):  # type: ignore[misc]
        def _safe_connect(self) -> socket.socket:
            try:
                return server.connect()
            except OSError as error:
                raise adbutils.AdbError(f"the adb server at {server.place} cannot be reached: {error}") from None

    class Client(adbutils.AdbClient):  # type: ignore[misc]
        def make_connection(self, timeout: float | None = None) -> Any:
            connection = Connection(self.host, self.port)
            if timeout:
                connection.conn.settimeout(timeout)
            return connection

    return Client(host=server.host or "127.0.0.1", port=server.port or _DEFAULT_PORT)


def program() -> str:
    """The adb on PATH, else the one inside adbutils.

    Raises:
        BadInput: there is no adb.
    """
    plain_environment()
    import adbutils

    try:
        return str(adbutils.adb_path())
    except adbutils.AdbError:
        raise BadInput(
            "There is no adb on this computer.",
            hint="Install it (on Debian or Ubuntu: apt-get install adb) and run `adb devices`.",
        ) from None


def _of_socket(spec: str) -> Server:
    used = (SOCKET,)
    for prefix in _LOCAL:
        if spec.startswith(prefix) and len(spec) > len(prefix):
            name = spec.removeprefix(prefix)
            return Server(path=f"\0{name}" if prefix == "localabstract:" else name, variables=used)
    if spec.startswith("tcp:"):
        rest = spec.removeprefix("tcp:")
        port = _integer(rest)
        if port is not None:
            if not 1 <= port <= 65535:
                raise _refused(SOCKET, spec, f"{rest} is not a number from 1 to 65535")
            return Server(port=port, variables=used)
        host, port = _net_address(rest, SOCKET, spec)
        return Server(host=host, port=port, variables=used)
    if match := re.fullmatch(r"vsock:(\d+):(\d+)", spec):
        return Server(vsock=(int(match[1]), int(match[2])), variables=used)
    raise _refused(
        SOCKET, spec, "it is not of the form tcp:PORT, tcp:HOST:PORT, localfilesystem:PATH or localabstract:NAME"
    )


def _net_address(address: str, variable: str, value: str) -> tuple[str, int]:
    """Split host and port as adb does: several colons without a dot are an IPv6 address without a port."""
    port_text: str | None = None
    colons = address.count(":")
    if address.startswith("["):
        host, closed, port_text = address[1:].partition("]:")
        if not closed:
            raise _refused(variable, value, "an IPv6 address is written [ADDRESS]:PORT")
    elif "." not in address and 2 <= colons <= 7:
        host = address
    elif colons <= 1:
        host, colon, rest = address.partition(":")
        port_text = rest if colon else None
    else:
        host = ""
    if not host:
        raise _refused(variable, value, "it names no host")
    if port_text is None:
        return host, _DEFAULT_PORT_OF_A_HOST
    match = _LEADING_INTEGER.match(port_text)
    if not match or not 1 <= int(match[1]) <= 65535:
        raise _refused(variable, value, f"“{port_text}” is not a port")
    return host, int(match[1])


def _integer(text: str) -> int | None:
    """Parse a number as adb does: hexadecimal with 0x, spaces only before it."""
    if not _INTEGER.fullmatch(text):
        return None
    plain = text.strip()
    return int(plain, 16 if "x" in plain.lower() else 10)


def _refused(variable: str, value: str, why: str) -> BadInput:
    return BadInput(
        f"{variable} is {value!r}, which names no adb server: {why}.",
        hint=f"Set it to what `adb devices` accepts, or unset {variable}.",
    )


def _is_ours(family: int, address: Any) -> bool:
    """Whether an address belongs to this computer, tested by binding a socket to it."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def _connected(stream: socket.socket, address: Any) -> socket.socket:
    stream.settimeout(_CONNECT_SECONDS)
    try:
        stream.connect(address)
    except BaseException:
        stream.close()
        raise
    stream.settimeout(None)
    return stream
