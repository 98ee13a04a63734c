"""The states of a phone: those that adb names, and those that only mobilebench can tell."""

from __future__ import annotations

from mobilebench.core.errors import Loss

READY = "device"
ABSENT = "absent"
"""adb does not list the phone."""
NO_SERVER = "out of reach"
"""No adb server answers, so nothing is known of the phone."""
SILENT = "not answering"
"""adb lists the phone as ready, but it does not answer."""
MOVED = "attached as "
"""Start of the state of a phone that can only be reached under another serial, such as over Wi-Fi."""
BLOCKED = "blocked "
"""Start of the state of a phone that a run leaves out because of what the doctor found, such as `blocked (storage: 4 MB
are free)`."""
TWIN = "another phone has the same serial"
"""adb lists the serial twice, and refuses it for either phone."""

_LOSSES: dict[str, Loss] = {
    ABSENT: "absent",
    "detached": "absent",
    "host": "absent",
    "unauthorized": "unauthorised",
    "authorizing": "unauthorised",
    "bootloader": "not Android",
    "recovery": "not Android",
    "rescue": "not Android",
    "sideload": "not Android",
    SILENT: "no answer",
    NO_SERVER: "no adb server",
    TWIN: "other phone",
}


def loss_of(state: str) -> Loss:
    """The kind of loss that a state other than `device` is, for a phone that was ready before."""
    if state.startswith("no permissions"):
        return "unauthorised"
    return "other serial" if state.startswith(MOVED) else _LOSSES.get(state, "offline")
