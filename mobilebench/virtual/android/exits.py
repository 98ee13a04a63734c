"""Why processes of apps ended, as `dumpsys activity exit-info` shows it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from mobilebench.virtual.android.device import Device


def note_exit(device: Device, process: str, reason: str) -> None:
    """Note why a process ended, with Android's number of the reason."""
    now = datetime.fromtimestamp(time.time() + device.state.clock_ahead_s, UTC)
    text = f"{reason} {now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}"
    device.files.change(lambda state: replace(state, exits={**state.exits, process: text}))
    device.note("ActivityManager", f"Process {process} has died: reason {reason}")
