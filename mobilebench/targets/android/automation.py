"""Read and touch a phone's screen with uiautomator2.

uiautomator2 pushes a server to the phone and runs it there. The caller must have arranged the removal of both
(`DeviceChanges.lend_screen`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Any, TypeVar

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.android import server
from mobilebench.targets.limits import SLICE_SECONDS, Limit, either

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
        """Drop the connection to the server. `DeviceChanges` ends the server when it undoes `lend_screen`."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(BlockFailed):
                self._patiently(lambda: device.stop_uiautomator(wait=False), _CALL_SECONDS)

    def _connect(self) -> Any:
        client = server.client()
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
        limit = Limit(f"{self._serial}: touching the screen with uiautomator2", seconds, either(self._cancel))
        thread.start()
        while thread.is_alive():
            limit.check()
            thread.join(SLICE_SECONDS)
        if failed:
            said = " ".join(str(failed[0]).split())[:300] or type(failed[0]).__name__
            raise BlockFailed(
                f"{self._serial}: the screen could not be touched with uiautomator2: {said}",
                hint="Open the browser on the phone by hand, answer what it asks, and run again.",
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
