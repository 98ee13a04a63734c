"""Streams to phones through the adb server: opened, read and written with a limit; a lost phone is told apart.

adbutils finds and starts adb and connects to its server. Its own shell and sync are not used:
they sleep 10 ms for every connection that they close, and cannot be cancelled.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from mobilebench.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.limits import SLICE_SECONDS, Limit

LOST = re.compile(
    r"device .*not found|device offline|device unauthorized|device still|no devices|transport|closed", re.IGNORECASE
)
_START_SECONDS = 20
_SETTLE_SECONDS = 1.0


class Refused(BlockFailed):
    """The adb server or the phone answered a request with FAIL."""


@cache
def start_server() -> None:
    """Start the adb server unless it runs: adb of PATH, else the one inside adbutils; `ANDROID_ADB_SERVER_PORT` counts.

    Raises:
        BadInput: there is no adb, or its server does not start.
    """
    import adbutils

    client = adbutils.AdbClient()
    with suppress(OSError), socket.create_connection((client.host, client.port), timeout=1):
        return
    hint = "Install it (on Debian or Ubuntu: apt-get install adb) and run `adb devices`."
    try:
        adb = adbutils.adb_path()
    except adbutils.AdbError:
        raise BadInput("There is no adb on this computer.", hint=hint) from None
    try:
        started = subprocess.run(
            [adb, "start-server"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"The adb server could not be started ({adb}): {error}", hint=hint) from None
    if started.returncode != 0:
        raise BadInput(f"The adb server could not be started ({adb}, exit code {started.returncode}).", hint=hint)


def connect() -> socket.socket:
    """A fresh connection to the adb server."""
    import adbutils

    start_server()
    try:
        connection: socket.socket = adbutils.AdbClient().make_connection().conn
    except (adbutils.AdbError, OSError) as error:
        start_server.cache_clear()
        raise TargetLost(f"The adb server cannot be reached: {error}", hint="Run `adb devices` to see why.") from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(SLICE_SECONDS)
    return connection


@contextmanager
def service(serial: str, name: str, limit: Limit) -> Iterator[socket.socket]:
    """A stream to a service of the phone, such as `sync:`.

    Raises:
        TargetLost: the phone is not there, offline or not authorised.
        Refused: the phone does not offer the service.
    """
    with connect() as stream:
        ask(stream, serial, f"host:transport:{serial}", limit)
        ask(stream, serial, name, limit)
        yield stream


def ask(stream: socket.socket, serial: str, request: str, limit: Limit) -> None:
    """Send one request to the adb server and read its OKAY."""
    data = request.encode()
    if len(data) > 0xFFFF:
        raise BlockFailed(f"{serial}: a request of {len(data)} bytes is longer than adb can carry.")
    send(stream, f"{len(data):04x}".encode() + data, limit)
    okay(stream, serial, limit)


def okay(stream: socket.socket, serial: str, limit: Limit) -> None:
    """Read one OKAY; FAIL becomes `TargetLost` or `Refused` with adb's words."""
    status = receive(stream, 4, limit)
    if status == b"OKAY":
        return
    words = block(stream, limit).decode(errors="replace") if status == b"FAIL" else "the connection was cut"
    if status != b"FAIL" or LOST.search(words):
        raise lost_or(Refused(f"{limit.doing}: {words}"), serial, words)
    raise Refused(f"{limit.doing}: {words}")


def query(request: str, limit: Limit, serial: str = "adb") -> str:
    """What the adb server itself answers to a `host:…` request."""
    with connect() as stream:
        ask(stream, serial, request, limit)
        return block(stream, limit).decode(errors="replace")


def state(serial: str) -> str:
    """adb's word for the phone: `device`, `offline`, `unauthorized` … or `absent`."""
    try:
        for line in query("host:devices", Limit(f"{serial}: asking adb for its devices", 5)).splitlines():
            name, _, word = line.partition("\t")
            if name == serial:
                return word.strip()
    except (BlockFailed, TargetLost):
        return "absent"
    return "absent"


def lost_or(error: BlockFailed, serial: str, why: str) -> BlockFailed | TargetLost:
    """The given error, or `TargetLost` when the phone turns out to be away (adb may take a moment to notice)."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (word := state(serial)) == "device":
        if time.monotonic() > deadline:
            return error
        time.sleep(SLICE_SECONDS)
    return TargetLost(
        f"{serial} went away ({word}): {why}",
        hint="Check its cable and screen; `mobilebench run --resume` measures what is left.",
    )


def receive(stream: socket.socket, count: int, limit: Limit) -> bytes:
    """Exactly `count` bytes, or fewer where the stream ends."""
    parts = []
    while count > 0:
        part = receive_some(stream, count, limit)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive_some(stream: socket.socket, most: int, limit: Limit) -> bytes:
    """What has come, at most `most` bytes; nothing at the stream's end."""
    while True:
        try:
            return stream.recv(most)
        except TimeoutError:
            limit.check()
        except OSError:
            return b""


def receive_all(stream: socket.socket, limit: Limit) -> bytes:
    """Everything until the stream ends."""
    parts = []
    while part := receive_some(stream, 1 << 16, limit):
        parts.append(part)
        limit.check()
    return b"".join(parts)


def block(stream: socket.socket, limit: Limit) -> bytes:
    """A text that its length precedes, as four hex digits."""
    digits = receive(stream, 4, limit)
    try:
        return receive(stream, int(digits, 16), limit)
    except ValueError:
        return b""


def send(stream: socket.socket, data: bytes | memoryview, limit: Limit) -> None:
    """Send everything; raises `OSError` when the other side closed."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[stream.send(rest) :]
        except TimeoutError:
            limit.check()
