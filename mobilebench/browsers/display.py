"""Check that there is a screen for a browser window before the browser is started."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from pathlib import Path

from mobilebench.core.errors import Unsupported

HINT = "Run without --headed, in a desktop session, or on a screen in memory (xvfb-run mobilebench …)."

_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - where every X server has them
_FIRST_PORT = 6000
_SECONDS = 3.0
_DISPLAY = re.compile(r"(?P<host>.*):(?P<number>\d{1,5})(\.\d+)?")


def why_none() -> str | None:
    """Why no window can be shown, as a clause; None if a screen answers."""
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not display and not wayland:
        return "there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if (wayland and _wayland_answers(wayland)) or (display and _x_answers(display)):
        return None
    named = [
        f"{name} is {value[:100]}" for name, value in (("DISPLAY", display), ("WAYLAND_DISPLAY", wayland)) if value
    ]
    return f"the screen that is named does not answer ({', '.join(named)})"


def demand(browser: str) -> None:
    """Raise `Unsupported` if there is no screen for this browser's window."""
    if reason := why_none():
        raise Unsupported(f"{browser} cannot show a window: {reason}.", hint=HINT)


def _wayland_answers(name: str) -> bool:
    return _socket_answers(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))


def _x_answers(display: str) -> bool:
    """Whether the X server `[host]:number[.screen]` answers; no host, or `unix`, means a local socket."""
    named = _DISPLAY.fullmatch(display)
    if named is None:
        return False
    host, number = named["host"], int(named["number"])
    if host not in ("", "unix"):
        return _port_answers(host, _FIRST_PORT + number)
    path = str(_SOCKETS / f"X{number}")
    return any(_socket_answers(place) for place in (f"\0{path}", path))


def _socket_answers(place: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(_SECONDS)
        probe.connect(place)
        return True
    return False


def _port_answers(host: str, port: int) -> bool:
    with suppress(OSError, OverflowError, UnicodeError), socket.create_connection((host, port), _SECONDS):
        return True
    return False
