"""`getprop` and `setprop`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mobilebench.virtual.android.device import CommandOutput, Device, lines


async def getprop(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Print one property, or all as `[name]: [value]`."""
    known = {**device.config.properties, **device.state.properties}
    if arguments:
        default = arguments[1] if len(arguments) > 1 else ""
        return CommandOutput(lines(known.get(arguments[0]) or default))
    return CommandOutput(lines(*(f"[{name}]: [{value}]" for name, value in sorted(known.items()))))


async def setprop(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Set a property; `ro.` properties are read-only and come from the profile."""
    if len(arguments) != 2:
        return CommandOutput(stderr="usage: setprop NAME VALUE\n", code=1)
    name, value = arguments
    if name.startswith("ro."):
        return CommandOutput(
            stderr=f"Failed to set property '{name}' to '{value}'.\nSee dmesg for error reason.\n", code=1
        )
    device.files.change(lambda state: replace(state, properties={**state.properties, name: value}))
    return CommandOutput()
