"""Connect and disconnect virtual phones at this computer's adb server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time

from mobilebench.core.errors import BadInput, TargetLost

_CONNECTS_WITHIN_S = 20.0
_SETTLES_WITHIN_S = 1.0


def program() -> str:
    """The adb on PATH, else the one inside adbutils.

    Raises:
        BadInput: there is no adb.
    """
    if on_path := shutil.which("adb"):
        return on_path
    try:
        import adbutils

        return str(adbutils.adb_path())
    except (ImportError, OSError, RuntimeError):
        raise BadInput("There is no adb on this computer.", hint="Install it: apt install adb.") from None


def connect(serial: str, *, expect: str = "device") -> None:
    """Connect the phone, and wait until adb lists it in the expected state.

    A phone that is starting may refuse; then adb is asked again.

    Raises:
        TargetLost: the phone does not reach that state in time.
    """
    until = time.monotonic() + _CONNECTS_WITHIN_S
    while True:
        disconnect(serial)
        # adb waits ten seconds for a phone that does not answer, so its result is not awaited.
        connecting = subprocess.Popen(
            [program(), "connect", serial],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if _reaches(serial, expect, until, connecting):
                return
        finally:
            connecting.terminate()
            connecting.wait()
        if time.monotonic() > until:
            raise _unexpected(serial, expect)


def wait_for(serial: str, expect: str) -> None:
    """Wait until adb lists the phone in the expected state. Raises `TargetLost`."""
    if not _reaches(serial, expect, time.monotonic() + _CONNECTS_WITHIN_S):
        raise _unexpected(serial, expect)


def _reaches(serial: str, expect: str, until: float, connecting: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the phone reaches the state in time, and soon after adb has ended its attempt to connect."""
    while state(serial) != expect:
        if connecting is not None and connecting.poll() is not None:
            until = min(until, time.monotonic() + _SETTLES_WITHIN_S)
            connecting = None
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _unexpected(serial: str, expect: str) -> TargetLost:
    return TargetLost(
        f"adb sees the virtual phone {serial} as “{state(serial)}”, not as “{expect}”.",
        hint="See its daemon.log, then run `mobilebench virtual down` and `mobilebench virtual up`.",
    )


def disconnect(serial: str) -> None:
    """Disconnect the phone, and wait until adb no longer lists it."""
    _run(program(), "disconnect", serial)
    _reaches(serial, "absent", time.monotonic() + _SETTLES_WITHIN_S)


def state(serial: str) -> str:
    """The phone's state as adb names it: `device`, `offline`, `unauthorized`, or `absent`."""
    for line in _run(program(), "devices").splitlines():
        name, _, word = line.partition("\t")
        if name == serial:
            return word.strip()
    return "absent"


def _run(*argv: str) -> str:
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except subprocess.TimeoutExpired:
        return ""


def server_address() -> tuple[str, int]:
    """Host and port of the adb server that adb's environment variables name."""
    socket_name = os.environ.get("ADB_SERVER_SOCKET", "")
    found = re.fullmatch(r"tcp:(?:(.+):)?(\d{1,5})", socket_name)
    if found:
        return found[1] or "127.0.0.1", int(found[2])
    host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS") or "127.0.0.1"
    port = os.environ.get("ANDROID_ADB_SERVER_PORT", "")
    return host, int(port) if port.isdecimal() else 5037
