"""adb port forwards from this computer to a phone (forward) and from a phone to this computer (reverse)."""

from __future__ import annotations

import socket
from contextlib import suppress

from mobilebench.targets.android import adb_protocol
from mobilebench.targets.limits import Limit

_TIMEOUT = 10


def free_port() -> int:
    """Return an unused loopback port of this computer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def forward(serial: str, local: str, remote: str) -> bool:
    """Forward `local` to the phone's `remote`; False if the port is taken."""
    limit = Limit(f"{serial}: leading {local} to {remote}", _TIMEOUT)
    try:
        with adb_protocol.connect() as stream:
            adb_protocol.ask(stream, serial, f"host-serial:{serial}:forward:norebind:{local};{remote}", limit)
            adb_protocol.okay(stream, serial, limit)
    except adb_protocol.AdbRefused:
        return False
    return True


def remove_forward(serial: str, local: str, remote: str) -> None:
    """Remove a forward, unless the port now leads elsewhere."""
    limit = Limit(f"{serial}: taking {local} away", _TIMEOUT)
    if f"{serial} {local} {remote}" not in adb_protocol.query("host:list-forward", limit, serial).splitlines():
        return
    with suppress(adb_protocol.AdbRefused), adb_protocol.connect() as stream:
        adb_protocol.ask(stream, serial, f"host-serial:{serial}:killforward:{local}", limit)


def reverse(serial: str, port: int, host_port: int) -> int | None:
    """Forward the phone's loopback `port` (0: a free one) to ours; return the phone's port, or None if it is taken."""
    limit = Limit(f"{serial}: leading its port {port} to {host_port}", _TIMEOUT)
    request = f"reverse:forward:norebind:tcp:{port};tcp:{host_port}"
    try:
        with adb_protocol.service(serial, request, limit) as stream:
            adb_protocol.okay(stream, serial, limit)
            return port or int(adb_protocol.block(stream, limit))
    except (adb_protocol.AdbRefused, ValueError):
        return None


def remove_reverse(serial: str, remote: str) -> None:
    """Remove a reverse; a missing one is not an error."""
    limit = Limit(f"{serial}: taking {remote} away", _TIMEOUT)
    with (
        suppress(adb_protocol.AdbRefused),
        adb_protocol.service(serial, f"reverse:killforward:{remote}", limit) as stream,
    ):
        adb_protocol.okay(stream, serial, limit)
