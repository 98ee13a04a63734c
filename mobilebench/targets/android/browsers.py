"""Start browsers on a phone with our flags, reach them through an adb forward, and restore their state.

The phone may be in personal use: no browser data is cleared, and no other app is ended except Chrome builds, which all
share one socket.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any, TypeVar

from mobilebench.browsers import chrome, firefox
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android import first_run
from mobilebench.targets.android.apps import KNOWN_BROWSERS, BrowserApp, browser_app
from mobilebench.targets.android.device_changes import DeviceChanges
from mobilebench.targets.android.first_run import Automation
from mobilebench.targets.android.restore import Step
from mobilebench.targets.android.shell import ALLOW_HINT
from mobilebench.targets.base import BrowserHandle
from mobilebench.targets.limits import Limit, given_events

_STAY_ON = "stay_on_while_plugged_in"
_START_SECONDS = 30
_SOCKET_SECONDS = 15
_PAGE_SECONDS = 5.0
"""Seconds after which a browser that answers is accepted even if it shows no page."""
_QUIET_SECONDS = 3.0
"""Seconds before the first check for first-run questions."""
_LOOK_SECONDS = 2.0
_POLL_SECONDS = 0.05

T = TypeVar("T")


class PhoneBrowsers:
    """The browsers of one phone. One runs at a time, and stays open between blocks that need the same one."""

    def __init__(self, serial: str, changes: DeviceChanges, installed: Mapping[str, str], cancel: Event | None) -> None:
        self._serial = serial
        self._changes = changes
        self._installed = installed
        self._cancel = cancel
        self._handle: BrowserHandle | None = None
        self._steps: list[Step] = []

    def running(self, name: str, flags: Sequence[str] = ()) -> BrowserHandle:
        """Return browser `name` with these flags, reusing the running one if it fits; Firefox is always started anew.

        Raises:
            Unsupported: the browser is not on the phone, cannot be driven, or takes no flags.
            BadInput: a flag cannot be passed to it.
            BlockFailed: it did not start, or asks a question that cannot be answered.
        """
        app = self._app(name)
        all_flags = self._flags(app, (*app.flags, *flags))
        handle = self._handle
        fits = handle is not None and (handle.name, handle.flags) == (name, all_flags) and not app.is_firefox
        if handle and fits and devtools_version(handle.address, app.package):
            return handle
        self.end()
        try:
            self._handle = self._start(name, app, all_flags)
        except BaseException:
            self.end()
            raise
        return self._handle

    def end(self) -> None:
        """End the browser and undo everything that was changed to start it."""
        steps, self._steps, self._handle = self._steps, [], None
        self._changes.put_back(steps)

    def _app(self, name: str) -> BrowserApp:
        app = browser_app(name)
        if app is None:
            raise Unsupported(
                f"mobilebench cannot drive {name} on phone {self._serial}.",
                hint=f"It can drive {', '.join(KNOWN_BROWSERS)}; name others by --browser-path {name}=PACKAGE.",
            )
        if name not in self._installed:
            raise Unsupported(
                f"There is no usable {app.title} on phone {self._serial} ({app.package}).",
                hint="Install it from the Play Store, or measure native engines only (--engine).",
            )
        return app

    def _flags(self, app: BrowserApp, flags: Sequence[str]) -> tuple[str, ...]:
        """All flags that the browser is started with."""
        if app.is_chrome:
            return (*CHROME_FLAGS, *checked_chrome_flags(flags))
        if app.is_firefox:
            all_flags = (*FIREFOX_FLAGS, *flags)
            gecko_config(0, all_flags)
            return all_flags
        if flags:
            raise Unsupported(
                f"{app.title} on phone {self._serial} cannot be started with flags: only Chrome and Chromium are known"
                f" to read {CHROME_FLAGS_FILE}."
            )
        return ()

    def _start(self, name: str, app: BrowserApp, flags: tuple[str, ...]) -> BrowserHandle:
        doubts = self._keep_awake()
        if app.is_firefox:
            address, version, notes = self._start_firefox(app, flags, self._installed[name])
        else:
            address, version, notes = self._start_chromium(app, flags)
        return BrowserHandle(name, version, address, flags, app.package, notes=(*doubts, *notes))

    def _keep_awake(self) -> list[str]:
        """Keep the screen on; if the phone does not let adb change this, return a note, and measure anyway."""
        try:
            step = self._changes.set_setting("global", _STAY_ON, "7")
        except BlockFailed as error:
            return [f"the screen may go off: {error.text_with_hint}"]
        if step is not None:
            self._steps.append(step)
        return []

    def _wake(self) -> list[str]:
        refused = self._changes.wake_screen()
        return [f"the screen could not be switched on: {refused}. {ALLOW_HINT}"] if refused else []

    def _start_chromium(self, app: BrowserApp, flags: tuple[str, ...]) -> tuple[str, str, list[str]]:
        changes, steps = self._changes, self._steps
        if app.is_chrome:
            steps.append(changes.change_file(CHROME_FLAGS_FILE, chrome_command_line(flags)))
            steps.append(changes.set_debug_app(app.package))
            self._stop_other_chromes(app)
        doubts = self._wake()
        steps.append(changes.start_app(app.package, app.starts))
        check = _FirstRunCheck(self._serial, app, changes, self._cancel)
        address, version = self._reach(app, check)
        check.now()
        return address, version, [*doubts, *check.answered]

    def _stop_other_chromes(self, app: BrowserApp) -> None:
        """Stop other Chrome builds: only one can listen on the shared socket."""
        for name, other in KNOWN_BROWSERS.items():
            if other.is_chrome and other.package != app.package and name in self._installed:
                self._changes.stop_app(other.package)

    def _reach(self, app: BrowserApp, check: _FirstRunCheck) -> tuple[str, str]:
        """Return the address at which the browser answers, and its version."""
        if app.socket is None:
            return self._search(app, check)
        address = self._forward(app.socket)
        version = self._awaited(app, lambda: devtools_version(address, app.package), check, _START_SECONDS)
        deadline = time.monotonic() + _PAGE_SECONDS
        while not shows_page(address) and time.monotonic() < deadline:
            check.at_intervals()
            time.sleep(_POLL_SECONDS)
        return address, version

    def _search(self, app: BrowserApp, check: _FirstRunCheck) -> tuple[str, str]:
        """Find a browser whose socket name is unknown: try each listening socket until one identifies itself as it."""
        tried: set[str] = set()

        def look() -> tuple[str, str] | None:
            for socket in devtools_sockets(self._changes.listening()):
                if socket not in tried:
                    address = self._forward(socket)
                    if devtools_package(address) == app.package:
                        version = devtools_version(address, app.package)
                        return (address, version) if version else None
                    tried.add(socket)
            return None

        try:
            return self._awaited(app, look, check, _SOCKET_SECONDS)
        except _NotReached:
            raise Unsupported(
                f"{app.title} on phone {self._serial} does not open a DevTools socket.",
                hint="Allow remote debugging in its settings, if they offer it.",
            ) from None

    def _start_firefox(self, app: BrowserApp, flags: tuple[str, ...], version: str) -> tuple[str, str, list[str]]:
        changes, steps = self._changes, self._steps
        # Firefox accepts only requests that name its own port, so both ends of the forward need the same number.
        forwarded = changes.forward()
        steps.append(forwarded)
        port = int(forwarded.local.removeprefix("tcp:"))
        steps.append(changes.change_file(gecko_config_file(app.package), gecko_config(port, flags)))
        steps.append(changes.set_debug_app(app.package))
        doubts = self._wake()
        steps.append(changes.start_app(app.package, app.starts))
        check = _FirstRunCheck(self._serial, app, changes, self._cancel)
        self._awaited(app, lambda: firefox_listens(port) or None, check, _START_SECONDS)
        return f"ws://127.0.0.1:{port}", version, [*doubts, *check.answered]

    def _awaited(self, app: BrowserApp, look: Callable[[], T | None], check: _FirstRunCheck, seconds: float) -> T:
        limit = Limit(f"{self._serial}: starting {app.title}", seconds, given_events(self._cancel))
        while (result := look()) is None:
            if limit.left <= 0:
                front = self._changes.front() or "an activity that the phone does not name"
                raise _NotReached(
                    f"{app.title} on phone {self._serial} cannot be reached {seconds:g} s after its start;"
                    f" the screen shows {front}."
                )
            limit.check()
            if check.at_intervals():
                limit.restart()
            time.sleep(_POLL_SECONDS)
        return result

    def _forward(self, socket: str) -> str:
        forwarded = self._changes.forward(f"localabstract:{socket}")
        self._steps.append(forwarded)
        return f"http://127.0.0.1:{forwarded.local.removeprefix('tcp:')}"


class _NotReached(BlockFailed):
    """The browser was started but did not answer in time."""


class _FirstRunCheck:
    """Checks whether a browser that was just started asks first-run questions, and answers them."""

    def __init__(self, serial: str, app: BrowserApp, changes: DeviceChanges, cancel: Event | None) -> None:
        self._serial = serial
        self._app = app
        self._changes = changes
        self._cancel = cancel
        self._next = time.monotonic() + _QUIET_SECONDS
        self.answered: list[str] = []

    def at_intervals(self) -> bool:
        """Check at intervals; return whether a question had to be answered."""
        if time.monotonic() < self._next:
            return False
        answered = self.now()
        self._next = time.monotonic() + _LOOK_SECONDS
        return answered

    def now(self) -> bool:
        """Check now, as above. Raises `BlockFailed` if a question cannot be answered."""
        changes, package = self._changes, self._app.package
        if not first_run.asks(changes.front(), package):
            return False
        lent = changes.prepare_automation()
        screen = Automation(self._serial, self._cancel)
        try:
            subject = f"{self._app.title} on phone {self._serial}"
            self.answered += first_run.answer(screen, changes.front, package, subject)
        finally:
            screen.close()
            changes.put_back([lent])
        return True


# Chrome's command-line file

CHROME_FLAGS_FILE = "/data/local/tmp/chrome-command-line"
"""All Chrome builds on the phone share this file; each reads it at start if it is set as the debug app.

WebView reads another file, and none on retail phones; other browsers built on Chromium may read any file or none.
"""
CHROME_FLAGS = ("--disable-fre", "--no-first-run", "--no-default-browser-check", "--disable-sync", *chrome.AWAKE)
"""Flags against first-run questions and against throttling of the page."""

_LONGEST_COMMAND_LINE = 90_000
"""Limit in bytes; Chromium ignores a file larger than 96 KiB."""


def checked_chrome_flags(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags if the file can hold them all.

    Raises:
        BadInput: one is not a flag, or Chrome could parse it as something else.
    """
    for flag in flags:
        if not flag.startswith("--") or not flag.isprintable() or any(letter in "\"'\\" for letter in flag):
            raise BadInput(
                f"“{flag}” cannot be written into Chrome's command-line file on a phone.",
                hint="A flag begins with -- and holds no quotes, backslashes or control characters.",
            )
    if len(chrome_command_line(flags)) > _LONGEST_COMMAND_LINE:
        raise BadInput("There are more flags than Chrome's command-line file can hold on a phone.")
    return tuple(flags)


def chrome_command_line(flags: Sequence[str]) -> bytes:
    """Content of the file: one ignored word, then the flags; flags with blanks are quoted."""
    quoted = (f'"{flag}"' if " " in flag else flag for flag in flags)
    return f"_ {' '.join(quoted)}\n".encode()


# Firefox's GeckoView file: its settings apply to one start only and are not saved in the user's profile

FIREFOX_FLAGS = (
    *firefox.AWAKE,
    # Firefox would change dozens of preferences for an automated browser, and keep them.
    "remote.prefs.recommended=false",
    # The user's profile keeps nothing from the measurement.
    "browser.cache.disk.enable=false",
)


def gecko_config_file(package: str) -> str:
    """Path of the file that GeckoView reads if this package is the debug app."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


def gecko_config(port: int, flags: Sequence[str]) -> bytes:
    """Content of the file, as JSON, which is valid YAML.

    Args:
        port: port of the phone's loopback on which Firefox listens.
        flags: flags of the three kinds in `browsers.firefox`.

    Raises:
        BadInput: a flag is of none of these kinds.
    """
    start = firefox.sorted_out(flags)
    parts = {
        "args": ["--remote-debugging-port", str(port), *start.arguments],
        "prefs": start.preferences,
        "env": start.environment,
    }
    return (json.dumps({name: part for name, part in parts.items() if part}, indent=1) + "\n").encode()


def firefox_listens(port: int) -> bool:
    """Whether Firefox answers on this port of this computer; it does so with an error, as the path does not exist."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read(1 << 10)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


# Queries to the browser behind a DevTools socket

_LONGEST_ANSWER = 1 << 20
_SAFE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def devtools_sockets(names: Sequence[str]) -> list[str]:
    """Select the abstract sockets that a browser may listen on; skip names that cannot be passed to adb."""
    return [
        name for name in names if "devtools_remote" in name and set(name) <= _SAFE_LETTERS and "webview" not in name
    ]


def devtools_version(address: str, package: str) -> str | None:
    """Return the browser's version, or None while it does not answer.

    Raises:
        BlockFailed: another browser answers on its socket.
    """
    answer = _version_record(address)
    browser = answer.get("Browser")
    if browser is None:
        return None
    if (other := answer.get("Android-Package", package)) != package:
        raise BlockFailed(f"{other} answers at the phone's DevTools socket, not {package}.", hint="Close that app.")
    return str(browser).rpartition("/")[2]


def devtools_package(address: str) -> str | None:
    """Package of the app that owns the socket, if it reports one."""
    return _version_record(address).get("Android-Package")


def shows_page(address: str) -> bool:
    """Whether the browser has a tab; it may have none until its first-run questions are answered."""
    pages = _get_json(address, "/json/list")
    return isinstance(pages, list) and any(isinstance(page, dict) and page.get("type") == "page" for page in pages)


def _version_record(address: str) -> dict[str, str]:
    """The browser's version record; empty while it does not answer."""
    answer = _get_json(address, "/json/version")
    return {key: value for key, value in answer.items() if isinstance(value, str)} if isinstance(answer, dict) else {}


def _get_json(address: str, path: str) -> Any:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read(_LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
