"""Requests to the adb server: streams to phones and port forwards, with time limits; a lost phone has its own error.

The shell and sync of adbutils are not used: they sleep 10 ms for every connection that they close, and cannot be
cancelled.
"""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from mobilebench.core import log
from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import states
from mobilebench.targets.android.adb_server import Server, chosen, program
from mobilebench.targets.limits import SLICE_SECONDS, Limit

LOST = re.compile(
    r"device .*not found|device offline|device unauthorized|device still|no devices|transport|closed", re.IGNORECASE
)
_START_SECONDS = 20
_GREET_SECONDS = 8.0
_SETTLE_SECONDS = 1.0
_CUT = "the connection was cut"

_logger = logging.getLogger(__name__)
_starting = threading.Lock()
"""Held while a server is started, so that the workers of a run start one together."""
_used: set[Server] = set()
"""Servers that have answered this process."""


class AdbRefused(BlockFailed):
    """The adb server or the phone answered a request with FAIL."""


@cache
def start_server() -> None:
    """Make sure that an adb server answers where the environment says; if none listens, start one as adb would.

    Another program may start one at the same moment; the server that then answers is used.

    Raises:
        BadInput: adb is missing, its server does not start, or what listens there is not an adb server.
    """
    with _starting:
        if server_runs():
            return
        server = chosen()
        try:
            _start(server)
        except BadInput:
            if not server_runs():
                raise
        if not server_runs():
            raise _unreachable(server, ConnectionRefusedError("nothing listens there"))


def server_runs() -> bool:
    """Whether an adb server answers where the environment says; False where adb would start one.

    Raises:
        BadInput: the environment names no server, or an unreachable one, or what listens there is not an adb server.
    """
    server = chosen()
    try:
        stream = server.connect()
    except OSError as error:
        if server.starts_here and isinstance(error, ConnectionRefusedError | FileNotFoundError):
            return False
        raise _unreachable(server, error) from None
    with stream:
        stream.settimeout(SLICE_SECONDS)
        _check_version(stream, server)
    return True


def _start(server: Server) -> None:
    adb = program()
    hint = "Run `adb devices` to see why."
    try:
        with log.timed(_logger, f"{adb} start-server") as outcome:
            started = subprocess.run(
                [adb, "start-server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_START_SECONDS,
                check=False,
            )
            outcome.append(f"exit code {started.returncode}")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"The adb server could not be started ({adb}): {error}", hint=hint) from None
    if started.returncode != 0:
        place = f"{server.place}{server.chosen_by}"
        problem = f"The adb server could not be started at {place} ({adb}, exit code {started.returncode})."
        raise BadInput(problem, hint=hint)


def _unreachable(server: Server, error: OSError) -> BadInput:
    why = error.strerror or str(error) or "no answer"
    where = "" if server.starts_here else ", and adb starts no server on another host"
    return BadInput(
        f"No adb server can be reached at {server.place}{server.chosen_by}: {why}{where}.",
        hint="Start it on that computer, such as with `adb -a nodaemon server`. " + server.advice,
    )


def _check_version(stream: socket.socket, server: Server) -> None:
    """Ask for the version; every adb server answers this at once."""
    try:
        send(stream, b"000chost:version", limit := Limit("asking for its version", _GREET_SECONDS))
        answer = receive(stream, 12, limit)
    except BlockFailed:
        problem = f"it did not answer within {_GREET_SECONDS:g} s"
    except OSError:
        problem = "it closed the connection"
    else:
        if re.fullmatch(rb"OKAY0004[0-9a-fA-F]{4}", answer):
            return
        problem = f"it answered {answer.decode(errors='replace')!r}" if answer else "it closed the connection"
    raise BadInput(
        f"The program that listens at {server.place}{server.chosen_by} is not an adb server: {problem}.",
        hint=server.advice,
    )


def connect() -> socket.socket:
    """A fresh connection to the adb server.

    Raises:
        BadInput: there is no server; see `start_server`.
        TargetLost: the server was there before and is gone.
    """
    server = chosen()
    try:
        start_server()
        _used.add(server)
        connection = server.connect()
    except BadInput as error:
        if server not in _used:
            raise
        raise TargetLost(error.message, hint=error.hint, loss="no adb server") from None
    except OSError as error:
        start_server.cache_clear()
        raise TargetLost(
            f"The adb server cannot be reached: {error}", hint="Run `adb devices` to see why.", loss="no adb server"
        ) from None
    connection.settimeout(SLICE_SECONDS)
    return connection


@contextmanager
def service(serial: str, name: str, limit: Limit) -> Iterator[socket.socket]:
    """A stream to a service of the phone, such as `sync:`.

    Raises:
        TargetLost: the phone is not there, offline or not authorised.
        AdbRefused: the phone does not offer the service.
    """
    with connect() as stream:
        ask(stream, serial, f"host:transport:{serial}", limit)
        ask(stream, serial, name, limit)
        yield stream


def ask(stream: socket.socket, serial: str, request: str, limit: Limit) -> None:
    """Send one request that concerns a phone to the adb server and read its OKAY."""
    with suppress(OSError):  # the server's message, or the end of the stream, says why
        _request(stream, serial, request, limit)
    read_okay(stream, serial, limit)


def read_okay(stream: socket.socket, serial: str, limit: Limit) -> None:
    """Read one OKAY; raise `TargetLost` or `AdbRefused` with adb's message on FAIL."""
    refusal = _refusal(stream, limit)
    if refusal is None:
        return
    if refusal == _CUT or LOST.search(refusal):
        raise lost_phone_or(AdbRefused(f"{limit.doing}: {refusal}", fault="cut connection"), serial, refusal)
    raise AdbRefused(f"{limit.doing}: {refusal}")


def query(request: str, limit: Limit, serial: str | None = None) -> str:
    """Return the adb server's own answer to a `host…` request; `serial` names the phone that it concerns."""
    with log.timed(_logger, f"adb {request}"), connect() as stream:
        try:
            _request(stream, serial or "adb", request, limit)
        except OSError:
            raise AdbRefused(f"{limit.doing}: {_CUT}") from None
        if serial is not None:
            read_okay(stream, serial, limit)
        elif (refusal := _refusal(stream, limit)) is not None:
            raise AdbRefused(f"{limit.doing}: {refusal}", hint=chosen().advice)
        return read_text(stream, limit).decode(errors="replace")


def _request(stream: socket.socket, serial: str, request: str, limit: Limit) -> None:
    data = request.encode()
    if len(data) > 0xFFFF:
        raise BlockFailed(f"{serial}: a request of {len(data)} bytes is longer than adb accepts.")
    send(stream, f"{len(data):04x}".encode() + data, limit)


def _refusal(stream: socket.socket, limit: Limit) -> str | None:
    """Read why the adb server refuses a request; None when it answers OKAY."""
    status = receive(stream, 4, limit)
    if status == b"OKAY":
        return None
    if status == b"FAIL":
        return read_text(stream, limit).decode(errors="replace")
    return _CUT if len(status) < 4 else f"the adb server answered {status!r}"


def listings(limit: Limit) -> Iterator[None]:
    """Yield each time that the adb server's list of devices may have changed, first at once, until the server ends.

    Raises:
        BadInput, TargetLost: no server can be reached.
        AdbRefused: the server does not offer this.
    """
    with connect() as stream:
        try:
            _request(stream, "adb", "host:track-devices", limit)
        except OSError:
            return
        if (refusal := _refusal(stream, limit)) is not None:
            raise AdbRefused(f"{limit.doing}: {refusal}", hint=chosen().advice)
        while True:
            try:
                read_text(stream, limit)
            except AdbRefused:
                return
            yield


def state(serial: str) -> str:
    """The phone's state as adb names it: `device`, `offline`, `unauthorized` …, or as in `states`."""
    try:
        for line in query("host:devices", Limit(f"{serial}: asking adb for its devices", 5)).splitlines():
            name, _, word = line.partition("\t")
            if name == serial:
                return word.strip()
    except (BlockFailed, TargetLost, BadInput):
        return states.NO_SERVER
    return states.ABSENT


def lost_phone_or(error: BlockFailed, serial: str, why: str) -> BlockFailed | TargetLost:
    """Return `error`, or `TargetLost` if the phone turns out to be gone (adb may take a moment to notice)."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (word := state(serial)) == states.READY:
        if time.monotonic() > deadline:
            return error
        time.sleep(SLICE_SECONDS)
    return TargetLost(
        f"{serial} went away ({word}): {why}",
        hint="Check its cable and its screen.",
        loss=states.loss_of(word),
    )


def receive(stream: socket.socket, count: int, limit: Limit) -> bytes:
    """Read exactly `count` bytes, or fewer if the stream ends."""
    parts = []
    while count > 0:
        part = receive_some(stream, count, limit)
        if not part:
            break
        parts.append(part)
        count -= len(part)
        if count:
            limit.check()
    return b"".join(parts)


def receive_some(stream: socket.socket, most: int, limit: Limit) -> bytes:
    """Read the bytes that have arrived, at most `most`; empty at the end of the stream."""
    while True:
        try:
            return stream.recv(most)
        except TimeoutError:
            limit.check()
        except OSError:
            return b""


def receive_all(stream: socket.socket, limit: Limit) -> bytes:
    """Read everything until the stream ends."""
    parts = []
    while part := receive_some(stream, 1 << 16, limit):
        parts.append(part)
        limit.check()
    return b"".join(parts)


def read_text(stream: socket.socket, limit: Limit) -> bytes:
    """Read a text that is preceded by its length as four hex digits.

    Raises:
        AdbRefused: the data is not such a text, or ends too early.
    """
    digits = receive(stream, 4, limit)
    if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
        raise AdbRefused(f"{limit.doing}: the adb server answered {digits!r}, which is not a length.")
    text = receive(stream, int(digits, 16), limit)
    if len(text) < int(digits, 16):
        raise AdbRefused(f"{limit.doing}: {_CUT}")
    return text


def send(stream: socket.socket, data: bytes | memoryview, limit: Limit) -> None:
    """Send all of `data`. Raises `OSError` if the other side has closed the stream."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[stream.send(rest) :]
        except TimeoutError:
            limit.check()


# Forwards from this computer to a phone (forward) and from a phone to this computer (reverse)

_FORWARD_SECONDS = 10


def free_port() -> int:
    """Return an unused loopback port of this computer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def forward(serial: str, local: str, remote: str) -> bool:
    """Forward `local` to the phone's `remote`; False if the port is taken."""
    limit = Limit(f"{serial}: forwarding {local} to {remote}", _FORWARD_SECONDS)
    try:
        with connect() as stream:
            ask(stream, serial, f"host-serial:{serial}:forward:norebind:{local};{remote}", limit)
            read_okay(stream, serial, limit)
    except AdbRefused:
        return False
    return True


def remove_forward(serial: str, local: str, remote: str) -> None:
    """Remove a forward, unless the port now leads elsewhere."""
    limit = Limit(f"{serial}: removing the forward of {local}", _FORWARD_SECONDS)
    if f"{serial} {local} {remote}" not in query("host:list-forward", limit, serial).splitlines():
        return
    with suppress(AdbRefused), connect() as stream:
        ask(stream, serial, f"host-serial:{serial}:killforward:{local}", limit)


def reverse(serial: str, port: int, host_port: int) -> int | None:
    """Forward the phone's loopback `port` (0: a free one) to ours; return the phone's port, or None if it is taken."""
    limit = Limit(f"{serial}: forwarding its port {port} to port {host_port} of this computer", _FORWARD_SECONDS)
    request = f"reverse:forward:norebind:tcp:{port};tcp:{host_port}"
    try:
        with service(serial, request, limit) as stream:
            read_okay(stream, serial, limit)
            return port or int(read_text(stream, limit))
    except (AdbRefused, ValueError):
        return None


def remove_reverse(serial: str, remote: str) -> None:
    """Remove a reverse; a missing one is not an error."""
    limit = Limit(f"{serial}: removing the forward of its port {remote}", _FORWARD_SECONDS)
    with (
        suppress(AdbRefused),
        service(serial, f"reverse:killforward:{remote}", limit) as stream,
    ):
        read_okay(stream, serial, limit)
