"""A phone as adbutils and uiautomator2 see it, and how the calls of their documentation are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbutils
import uiautomator2

CHROME = "com.android.chrome"
BAR = f"{CHROME}:id/url_bar"
ICON = "android.widget.TextView"
TMP = "/data/local/tmp"


@dataclass(frozen=True)
class Both:
    """The same phone in both libraries."""

    client: adbutils.AdbClient
    adb: adbutils.AdbDevice
    ui: uiautomator2.Device
    folder: Path


Call = Callable[[Both], Any]


def browsing(call: Call) -> Call:
    """The call, while Chrome is in front."""

    def in_chrome(both: Both) -> Any:
        both.ui.app_start(CHROME, wait=True)
        return call(both)

    return in_chrome


def then(*calls: Call) -> Call:
    """The calls one after the other; what the last one returns."""

    def all_calls(both: Both) -> Any:
        return [call(both) for call in calls][-1]

    return all_calls
