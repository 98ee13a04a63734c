"""Which phones are attached, and what they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mobilebench.errors import BadInput, BlockFailed, TargetLost
from mobilebench.results.records import TargetInfo
from mobilebench.targets.android import properties, wire
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.limits import Limit

READY = "device"
SILENT = "not answering"
"""adb holds it for ready, but it does not answer."""

_REMEDIES = {
    "unauthorized": "Unlock the phone and allow USB debugging for this computer in the dialog that it shows.",
    "authorizing": "Unlock the phone and allow USB debugging for this computer in the dialog that it shows.",
    "offline": "Unplug the phone and plug it in again, or switch USB debugging off and on.",
    "no permissions": "Let your user reach USB devices (on Debian: apt-get install android-sdk-platform-tools-common).",
    "recovery": "Restart the phone into Android.",
    "sideload": "Restart the phone into Android.",
    "bootloader": "Restart the phone into Android.",
}


def attached() -> dict[str, str]:
    """Serials and adb's word for their state, in adb's order.

    Raises:
        BadInput: there is no adb.
    """
    answer = wire.query("host:devices", Limit("Asking adb for its devices", 10))
    rows = (line.partition("\t") for line in answer.splitlines() if "\t" in line)
    return {serial: state.strip() for serial, _, state in rows}


def phones(serials: dict[str, str]) -> list[TargetInfo]:
    """Describe phones, all at once; one that cannot be used keeps adb's word as its state."""
    if not serials:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(serials))) as pool:
        return list(pool.map(lambda item: phone(*item), serials.items()))


def phone(serial: str, state: str) -> TargetInfo:
    """Describe one phone."""
    if state != READY:
        return properties.unusable(serial, state)
    try:
        return properties.read(DeviceShell(serial))
    except (BlockFailed, TargetLost):
        word = wire.state(serial)
        return properties.unusable(serial, SILENT if word == READY else word)


def not_ready(info: TargetInfo) -> BadInput:
    """What is wrong with a phone that was asked for by name, and what to do about it."""
    hint = next((remedy for word, remedy in _REMEDIES.items() if info.state.startswith(word)), None)
    return BadInput(
        f"Phone {info.id} cannot be measured: it is {info.state}.",
        hint=hint or "Unlock the phone, look at its screen, and try `adb devices` again.",
    )
