"""Browsers on a phone: started with our flags, reached through a forward, and put back as they were.

The phone is somebody's: of a browser nothing is cleared, and no other app than a Chrome is ended, because all Chromes
share one socket.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from threading import Event

from mobilebench.browsers.chrome import AWAKE
from mobilebench.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android.apps import DRIVEN, BrowserApp
from mobilebench.targets.android.conditions import Conditions
from mobilebench.targets.android.restore import Step
from mobilebench.targets.base import BrowserHandle
from mobilebench.targets.limits import Limit, either

FLAGS_FILE = "/data/local/tmp/chrome-command-line"

_ALWAYS = ("--disable-fre", "--no-first-run", "--no-default-browser-check", "--disable-sync", *AWAKE)
_START_SECONDS = 30
_SOCKET_SECONDS = 15
_POLL_SECONDS = 0.05


class PhoneBrowsers:
    """The browsers of one phone, of which one runs at a time. It stays open between blocks that want it the same."""

    def __init__(self, serial: str, conditions: Conditions, installed: Mapping[str, str], cancel: Event | None) -> None:
        self._serial = serial
        self._conditions = conditions
        self._installed = installed
        self._cancel = cancel
        self._handle: BrowserHandle | None = None
        self._changes: list[Step] = []

    def running(self, name: str, flags: Sequence[str] = ()) -> BrowserHandle:
        """The browser `name` with these flags: the one that runs, or a fresh one.

        Raises:
            Unsupported: it is not on the phone, cannot be driven, or takes no flags.
            BlockFailed: it did not start.
        """
        app = self._app(name)
        wanted = (*_ALWAYS, *_checked(flags)) if app.is_chrome else ()
        if flags and not app.is_chrome:
            raise Unsupported(f"{app.title} on phone {self._serial} cannot be started with flags.")
        handle = self._handle
        if handle and (handle.name, handle.flags) == (name, wanted) and _version(handle.address, app.package):
            return handle
        self.end()
        try:
            self._handle = self._start(name, app, wanted)
        except BaseException:
            self.end()
            raise
        return self._handle

    def end(self) -> None:
        """End the browser and put back everything that starting it has changed."""
        changes, self._changes, self._handle = self._changes, [], None
        self._conditions.put_back(changes)

    def _app(self, name: str) -> BrowserApp:
        app = DRIVEN.get(name)
        if app is None:
            raise Unsupported(
                f"{name} on phone {self._serial} cannot be driven.", hint=f"These can: {', '.join(DRIVEN)}."
            )
        if name not in self._installed:
            raise Unsupported(
                f"There is no {app.title} on phone {self._serial} ({app.package}).",
                hint="Install it from the Play Store, or measure native engines only (--engine).",
            )
        return app

    def _start(self, name: str, app: BrowserApp, flags: tuple[str, ...]) -> BrowserHandle:
        conditions, changes = self._conditions, self._changes
        changes.append(conditions.set_setting("global", "stay_on_while_plugged_in", "7"))
        if app.is_chrome:
            changes.append(conditions.change_file(FLAGS_FILE, f"_ {' '.join(flags)}\n".encode()))
            changes.append(conditions.set_debug_app(app.package))
            self._stop_other_chromes(app)
        conditions.wake_screen()
        changes.append(conditions.start_app(app.package, app.start))
        limit = Limit(f"{self._serial}: starting {app.title}", _START_SECONDS, either(self._cancel))
        address, version = self._reach(app, limit)
        return BrowserHandle(name, version, address, flags, app.package)

    def _stop_other_chromes(self, app: BrowserApp) -> None:
        """Only one of them can listen at the socket that they share."""
        for name, other in DRIVEN.items():
            if other.is_chrome and other != app and name in self._installed:
                self._conditions.stop_app(other.package)

    def _reach(self, app: BrowserApp, limit: Limit) -> tuple[str, str]:
        """The address behind which the browser answers, and its version."""
        if app.socket:
            address = self._forward(app.socket)
            while (version := _version(address, app.package)) is None:
                limit.check()
                time.sleep(_POLL_SECONDS)
            return address, version
        tried: set[str] = set()
        deadline = time.monotonic() + _SOCKET_SECONDS
        while time.monotonic() < deadline:
            limit.check()
            for socket in _devtools_sockets(self._conditions.listening()):
                if socket not in tried:
                    address = self._forward(socket)
                    if _package(address) == app.package and (version := _version(address, app.package)):
                        return address, version
                    tried.add(socket)
            time.sleep(_POLL_SECONDS)
        raise Unsupported(
            f"{app.title} on phone {self._serial} opens no DevTools socket.",
            hint="Allow remote debugging in its own settings, where it has them.",
        )

    def _forward(self, socket: str) -> str:
        forwarded = self._conditions.forward(f"localabstract:{socket}")
        self._changes.append(forwarded)
        return f"http://127.0.0.1:{forwarded.local.removeprefix('tcp:')}"


def _devtools_sockets(names: Sequence[str]) -> list[str]:
    """Those behind which a browser may be, of all abstract sockets; a name that adb could not be given is left out."""
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    return [name for name in names if "devtools_remote" in name and set(name) <= allowed and "webview" not in name]


def _checked(flags: Sequence[str]) -> tuple[str, ...]:
    for flag in flags:
        if not flag.startswith("--") or any(letter.isspace() or letter in "\"'\\" for letter in flag):
            raise BadInput(f"“{flag}” cannot be written into Chrome's command-line file on a phone.")
    return tuple(flags)


def _version(address: str, package: str) -> str | None:
    """The browser's version, or None while it does not answer.

    Raises:
        BlockFailed: another browser answers at its socket.
    """
    answer = _told(address)
    browser = answer.get("Browser")
    if browser is None:
        return None
    if (other := answer.get("Android-Package", package)) != package:
        raise BlockFailed(f"{other} answers at the phone's DevTools socket, not {package}.", hint="Close that app.")
    return str(browser).rpartition("/")[2]


def _package(address: str) -> str | None:
    return _told(address).get("Android-Package")


def _told(address: str) -> dict[str, str]:
    """What the browser says of itself; nothing while it does not answer."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/json/version")
        answer = json.loads(connection.getresponse().read(1 << 16))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return {key: value for key, value in answer.items() if isinstance(value, str)} if isinstance(answer, dict) else {}
