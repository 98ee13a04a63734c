"""Do-not-disturb, fixed performance, and phones that refuse changes of settings.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.state import with_value

POWER_HAL = "android.hardware.power"
"""`services.android.hardware.power` = `missing`: a phone whose maker does not implement Android's power modes."""

_ZEN_MODES = {"all": "0", "off": "0", "priority": "1", "none": "2", "on": "2", "alarms": "3"}
_PERMISSION = "android.permission.WRITE_SECURE_SETTINGS"


def notification(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`cmd notification set_dnd MODE`; a mode that it does not know changes nothing, as on Android."""
    match list(arguments):
        case ["set_dnd" | "set-dnd", mode]:
            if mode in _ZEN_MODES:
                device.files.change(lambda state: with_value(state, "settings.global.zen_mode", _ZEN_MODES[mode]))
            return CommandOutput()
    return CommandOutput(f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


def set_fixed_performance(device: Device, value: str) -> CommandOutput:
    """`cmd power set-fixed-performance-mode-enabled VALUE`: anything but `true` switches it off."""
    if device.state.services.get(POWER_HAL) == "missing":
        why = "This is likely because Power HAL AIDL is not implemented on this device"
        return CommandOutput(stderr=lines("Failed to set FIXED_PERFORMANCE mode", why), code=255)
    device.files.change(lambda state: replace(state, fixed_performance=value.lower() == "true"))
    return CommandOutput()


def settings_refusal(device: Device, words: Sequence[str]) -> CommandOutput | None:
    """How `settings` fails on a phone with the fault `services.settings`: `denied`, as some makers refuse changes to
    adb, or `missing`, as while the phone starts.
    """
    fault = device.state.services.get("settings")
    if fault == "missing":
        return CommandOutput(lines("cmd: Can't find service: settings"), code=20)
    if fault == "denied" and words[:1] in (["put"], ["delete"]):
        denied = f"java.lang.SecurityException: Permission denial: writing to settings requires:{_PERMISSION}"
        return CommandOutput(stderr=lines("", f"Exception occurred while executing '{words[0]}':", denied), code=255)
    return None
