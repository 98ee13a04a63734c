"""Answer the first-run screens that a browser shows before its first page, by touches with uiautomator2.

Flags suppress these screens if the browser reads them. Remaining screens are answered with the least that lets the
browser go on: no account, no synchronisation, no notifications.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.android import adb_server
from mobilebench.targets.limits import SLICE_SECONDS, Limit, given_events


@dataclass(frozen=True)
class DialogButton:
    """A button to press, identified by the last part of its resource id."""

    button: str
    says: str
    """Its label in English; phones show it in their own language."""
    to: str


ANSWERS = (
    DialogButton("signin_fre_dismiss_button", "Use without an account", "sign in, Chrome since 93"),
    DialogButton("terms_accept", "Accept & continue", "terms of service, older Chromes"),
    DialogButton("next_button", "Next", "data saver, Chrome before 100"),
    DialogButton("negative_button", "No thanks", "synchronisation, notifications, default browser"),
    DialogButton("button_secondary", "No thanks", "synchronisation of history, search engine"),
    DialogButton("no_button", "No thanks", "topics for advertisements"),
    DialogButton("more_button", "More", "privacy of advertisements, whose other buttons are further down"),
    DialogButton("ack_button", "Got it", "privacy of advertisements"),
    DialogButton("help_intro_legal_agree_button", "Agree", "terms of service, Samsung Internet"),
    DialogButton("permission_deny_button", "Don't allow", "a permission, asked by Android"),
    DialogButton("permission_deny_and_dont_ask_again_button", "Don't allow", "a permission, asked by Android again"),
)
BUTTONS = rf".*:id/({'|'.join(answer.button for answer in ANSWERS)})"
"""Regular expression that matches the resource ids of all buttons."""

_ASKING = re.compile(
    r"first_?run|\.fre\.|signin|welcome|intro|onboarding|privacysandbox|notification_?permission|grantpermissions", re.I
)
_DIALOGS = re.compile(r"^(com\.google\.)?(com\.)?android\.(permissioncontroller|packageinstaller)/")
_SETTLE_SECONDS = 0.5
_PATIENCE_SECONDS = 20.0
_MOST = 20
_LONGEST = 60


class Screen(Protocol):
    """A phone's screen that can be touched; see `automation.Automation`."""

    def press(self, buttons: str) -> str | None:
        """Press the first button whose resource id matches; return its text, or None if there is none."""
        ...


def asks(component: str, package: str) -> bool:
    """Whether a first-run screen or permission dialog blocks this browser."""
    owner, _, activity = component.partition("/")
    if _DIALOGS.match(component):
        return "GrantPermissions" in activity
    return owner == package and _ASKING.search(activity) is not None


def answer(screen: Screen, front: Callable[[], str], package: str, subject: str) -> list[str]:
    """Answer all first-run screens; return what was answered, for the proof.

    Raises:
        BlockFailed: a screen is not known here, or does not go away.
    """
    answered: list[str] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while asks(component := front(), package):
        pressed = screen.press(BUTTONS)
        if pressed is not None:
            label = "".join(letter for letter in pressed if letter.isprintable())[:_LONGEST]
            answered.append(f"first-run screen {component.rpartition('.')[2]} was answered with “{label}”")
            deadline = time.monotonic() + _PATIENCE_SECONDS
        if len(answered) > _MOST or time.monotonic() > deadline:
            raise BlockFailed(
                f"{subject} shows a first-run screen that could not be dismissed ({component}).",
                hint="Unlock the phone, open the browser by hand, answer its questions, and run again.",
            )
        time.sleep(_SETTLE_SECONDS)
    return answered


# uiautomator2: it pushes a server to the phone and runs it there. The caller must have arranged the removal of both
# (`DeviceChanges.prepare_automation`).

JAR = "/data/local/tmp/u2.jar"
"""uiautomator2's server, the only file that it pushes for the calls made here."""
PROCESS = "com.wetest.uia2.Main"

_CONNECT_SECONDS = 60
_CALL_SECONDS = 15

T = TypeVar("T")


class Automation:
    """The screen of one phone; connected when it is first needed."""

    def __init__(self, serial: str, cancel: Event | None) -> None:
        self._serial = serial
        self._cancel = cancel
        self._device: Any = None

    def press(self, buttons: str) -> str | None:
        """Press the first button whose resource id matches the regular expression.

        Returns:
            The button's text, else the last part of its resource id; None if there is no such button.

        Raises:
            BlockFailed: uiautomator2 does not work on this phone, or `cancel` was set.
        """
        if self._device is None:
            self._device = self._patiently(self._connect, _CONNECT_SECONDS)
        return self._patiently(lambda: _press(self._device, buttons), 3 * _CALL_SECONDS)

    def close(self) -> None:
        """Drop the connection to the server. `DeviceChanges` ends the server when it undoes `prepare_automation`."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(BlockFailed):
                self._patiently(lambda: device.stop_uiautomator(wait=False), _CALL_SECONDS)

    def _connect(self) -> Any:
        client = adb_server.client()
        import uiautomator2

        # The serial alone is not enough: adbutils fixes its adb server when it is first imported.
        return uiautomator2.connect(client.device(self._serial))

    def _patiently(self, work: Callable[[], T], seconds: float) -> T:
        """Run `work` in its own thread, because uiautomator2 cannot be cancelled."""
        done: list[T] = []
        failed: list[Exception] = []

        def run() -> None:
            try:
                done.append(work())
            except Exception as error:
                failed.append(error)

        thread = Thread(target=run, daemon=True, name=f"screen of {self._serial}")
        limit = Limit(f"{self._serial}: touching the screen with uiautomator2", seconds, given_events(self._cancel))
        thread.start()
        while thread.is_alive():
            limit.check()
            thread.join(SLICE_SECONDS)
        if failed:
            reason = " ".join(str(failed[0]).split())[:300] or type(failed[0]).__name__
            raise BlockFailed(
                f"{self._serial}: the screen could not be touched with uiautomator2: {reason}",
                hint="Open the browser on the phone by hand, answer its questions, and run again.",
            ) from failed[0]
        return done[0]


def _press(device: Any, buttons: str) -> str | None:
    from uiautomator2.exceptions import UiObjectNotFoundError

    selector = device(resourceIdMatches=buttons).selector
    try:
        info = device.jsonrpc.objInfo(selector, http_timeout=_CALL_SECONDS)
    except UiObjectNotFoundError:
        return None
    bounds = info.get("visibleBounds") or info["bounds"]
    x, y = (bounds["left"] + bounds["right"]) / 2, (bounds["top"] + bounds["bottom"]) / 2
    device.jsonrpc.click(x, y, http_timeout=_CALL_SECONDS)
    return str(info.get("text") or str(info.get("resourceName", "")).rpartition("/")[2])
