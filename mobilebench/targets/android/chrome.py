"""Chrome on a phone: started with our flags, reached through a forward, and put back as it was."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from threading import Event

from mobilebench.browsers.chrome import AWAKE
from mobilebench.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android.conditions import Conditions
from mobilebench.targets.android.restore import Step
from mobilebench.targets.base import BrowserHandle
from mobilebench.targets.limits import Limit, either

PACKAGE = "com.android.chrome"
FLAGS_FILE = "/data/local/tmp/chrome-command-line"
SOCKET = "localabstract:chrome_devtools_remote"

_ALWAYS = ("--disable-fre", "--no-first-run", "--no-default-browser-check", "--disable-sync", *AWAKE)
_START = f"am start -n {PACKAGE}/com.google.android.apps.chrome.Main -a android.intent.action.VIEW -d about:blank"
_START_SECONDS = 30
_POLL_SECONDS = 0.05


class PhoneChrome:
    """The Chrome of one phone. It stays open between blocks that want the same flags."""

    def __init__(self, serial: str, conditions: Conditions, installed: str | None, cancel: Event | None) -> None:
        self._serial = serial
        self._conditions = conditions
        self._installed = installed
        self._cancel = cancel
        self._handle: BrowserHandle | None = None
        self._changes: list[Step] = []

    def with_flags(self, flags: Sequence[str]) -> BrowserHandle:
        """Chrome with these flags: the one that runs, or a fresh one.

        Raises:
            Unsupported: there is no Chrome on the phone.
            BlockFailed: it did not start.
        """
        if self._installed is None:
            raise Unsupported(
                f"There is no Chrome on phone {self._serial} ({PACKAGE}).",
                hint="Install it from the Play Store, or measure native engines only (--engine).",
            )
        wanted = (*_ALWAYS, *_checked(flags))
        if self._handle is not None and self._handle.flags == wanted and _version(self._handle.devtools):
            return self._handle
        self.end()
        try:
            self._handle = self._start(wanted)
        except BaseException:
            self.end()
            raise
        return self._handle

    def end(self) -> None:
        """End Chrome and put back everything that starting it has changed."""
        changes, self._changes, self._handle = self._changes, [], None
        self._conditions.put_back(changes)

    def _start(self, flags: tuple[str, ...]) -> BrowserHandle:
        conditions, changes = self._conditions, self._changes
        changes.append(conditions.set_setting("global", "stay_on_while_plugged_in", "7"))
        changes.append(conditions.change_file(FLAGS_FILE, f"_ {' '.join(flags)}\n".encode()))
        changes.append(conditions.set_debug_app(PACKAGE))
        conditions.wake_screen()
        changes.append(conditions.start_app(PACKAGE, _START))
        forwarded = conditions.forward(SOCKET)
        changes.append(forwarded)
        devtools = f"http://127.0.0.1:{forwarded.local.removeprefix('tcp:')}"
        return BrowserHandle("chrome", self._wait_for(devtools), devtools, flags)

    def _wait_for(self, devtools: str) -> str:
        limit = Limit(f"{self._serial}: starting Chrome", _START_SECONDS, either(self._cancel))
        while (version := _version(devtools)) is None:
            limit.check()
            time.sleep(_POLL_SECONDS)
        return version


def _checked(flags: Sequence[str]) -> tuple[str, ...]:
    for flag in flags:
        if not flag.startswith("--") or any(letter.isspace() or letter in "\"'\\" for letter in flag):
            raise BadInput(f"“{flag}” cannot be written into Chrome's command-line file on a phone.")
    return tuple(flags)


def _version(devtools: str) -> str | None:
    """Chrome's version, or None while it does not answer.

    Raises:
        BlockFailed: another browser answers at Chrome's socket.
    """
    connection = http.client.HTTPConnection(devtools.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/json/version")
        answer = json.loads(connection.getresponse().read(1 << 16))
        package, browser = answer.get("Android-Package", PACKAGE), answer["Browser"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError):
        return None
    finally:
        connection.close()
    if package != PACKAGE:
        raise BlockFailed(
            f"{package} answers at the phone's DevTools socket instead of Chrome.", hint="Close that app."
        )
    return str(browser).rpartition("/")[2]
