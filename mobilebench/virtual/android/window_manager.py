"""`wm`: size and density of the display, and its lock screen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.inputs import dismiss_keyguard
from mobilebench.virtual.android.screens import (
    FORCED_DENSITY,
    FORCED_SIZE,
    PHYSICAL_DENSITY,
    forced_density,
    forced_size,
)
from mobilebench.virtual.state import with_value

_SMALLEST_SIZE = 200
_LARGEST_SCALE = 2
"""A forced side is at most so many times the display's own."""
_SMALLEST_DENSITY = 72


async def wm(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Show, change and reset size and density; leave the lock screen."""
    match list(arguments):
        case ["size"]:
            return CommandOutput(_size(device))
        case ["size", "reset"]:
            return _set(device, FORCED_SIZE, None)
        case ["size", text]:
            found = re.fullmatch(r"(\d{1,6})(?:px)?x(\d{1,6})(?:px)?", text)
            if not found:
                return _refusal(f"Error: bad size {text}")
            screen = device.state.screen
            sides = zip(map(int, found.groups()), (screen.width, screen.height), strict=True)
            width, height = (min(max(side, _SMALLEST_SIZE), own * _LARGEST_SCALE) for side, own in sides)
            is_own = (width, height) == (screen.width, screen.height)
            return _set(device, FORCED_SIZE, None if is_own else f"{width},{height}")
        case ["density"]:
            return CommandOutput(_density(device))
        case ["density", "reset"]:
            return _set(device, FORCED_DENSITY, None)
        case ["density", text]:
            if not re.fullmatch(r"\d{1,6}", text):
                return _refusal(f"Error: bad number {text}")
            if int(text) < _SMALLEST_DENSITY:
                return _refusal(f"Error: density must be >= {_SMALLEST_DENSITY}")
            return _set(device, FORCED_DENSITY, None if int(text) == PHYSICAL_DENSITY else text)
        case ["dismiss-keyguard"]:
            await dismiss_keyguard(device)
            return CommandOutput()
    return _refusal(f"Unknown command: {' '.join(arguments[:1])}")


def _size(device: Device) -> str:
    screen, forced = device.state.screen, forced_size(device.state)
    override = f"Override size: {forced[0]}x{forced[1]}\n" if forced else ""
    return f"Physical size: {screen.width}x{screen.height}\n{override}"


def _density(device: Device) -> str:
    forced = forced_density(device.state)
    override = f"Override density: {forced}\n" if forced else ""
    return f"Physical density: {PHYSICAL_DENSITY}\n{override}"


def _set(device: Device, setting: str, value: str | None) -> CommandOutput:
    device.files.change(lambda state: with_value(state, f"settings.{setting}", value))
    return CommandOutput()


def _refusal(text: str) -> CommandOutput:
    return CommandOutput(stderr=f"{text}\n", code=255)
