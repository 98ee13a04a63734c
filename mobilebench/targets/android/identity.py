"""Identity of a phone. A serial names a connection to a phone (USB, Wi-Fi, an emulator's port), not the phone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mobilebench.core.records import TargetInfo

SERIAL_NUMBER = "ro.serialno"
BOOT = "boot_id"
RACK_HOST = "rack_host"
"""Names of facts in `TargetInfo.facts`; the last one says to which host of a rack a phone is attached."""

BOOT_QUESTION = "cat /proc/sys/kernel/random/boot_id; readlink /proc/self/ns/pid"
"""The kernel's boot id and the pid namespace (containers share a kernel)."""

SAME_PHONE = "the same phone as "
"""Start of the state of a target that is a second connection to a listed phone."""

_BOOT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMESPACE = re.compile(r"pid:\[\d+\]")
_NETWORK = re.compile(r":\d+$|\._adb(?:-tls-connect)?\._tcp\.?$")
_DUMMIES = frozenset(
    {"unknown", "none", "null", "(null)", "default", "serial", "serialno", "not_available", "n/a", "1234567890abcdef"}
)
_DIGITS = "0123456789abcdef"


def serial_number(properties: Mapping[str, str]) -> str | None:
    """The phone's own serial number; None if it is a placeholder left by the manufacturer."""
    for name in (SERIAL_NUMBER, "ro.boot.serialno"):
        number = properties.get(name, "").strip()
        if number and not _is_dummy(number):
            return number
    return None


def boot(answer: str) -> str | None:
    """Unique id of the phone's current boot, from the answer to `QUESTION`; None if the phone does not report it."""
    kernel = _BOOT_ID.search(answer.lower())
    if kernel is None:
        return None
    namespace = _NAMESPACE.search(answer)
    return f"{kernel[0]} {namespace[0]}" if namespace else kernel[0]


def key(info: TargetInfo) -> str:
    """A unique name of the phone, shared by all connections to it if it reports its kernel's id."""
    boot = info.facts.get(BOOT)
    return f"{boot} {info.facts.get(SERIAL_NUMBER, '')}" if boot else info.id


def is_same(first: TargetInfo, second: TargetInfo) -> bool:
    """Whether two connections lead to one phone. Only the kernel's id proves it: cheap phones share serial numbers."""
    boots = first.facts.get(BOOT), second.facts.get(BOOT)
    numbers = first.facts.get(SERIAL_NUMBER), second.facts.get(SERIAL_NUMBER)
    return boots[0] is not None and boots[0] == boots[1] and numbers[0] == numbers[1]


def mark_duplicates(phones: Sequence[TargetInfo], preferred: Sequence[str] = ()) -> list[TargetInfo]:
    """Return the phones in the given order; a second connection to a ready phone is marked so in its state.

    Args:
        phones: the descriptions of all connections.
        preferred: serials that the user named; the first of them is kept, else USB is preferred to network.
    """
    ranked = sorted(phones, key=lambda info: _rank(info.id, preferred))
    distinct: list[TargetInfo] = []
    marked: dict[str, TargetInfo] = {}
    for info in ranked:
        if info.state != "device":
            marked[info.id] = info
            continue
        listed = next((other for other in distinct if is_same(other, info)), None)
        if listed is None:
            distinct.append(info)
            marked[info.id] = info
        else:
            marked[info.id] = info.model_copy(update={"state": f"{SAME_PHONE}{listed.id}"})
    names = [other.machine for other in distinct if not other.virtual]
    for other in distinct:
        if not other.virtual and names.count(other.machine) > 1:
            marked[other.id] = other.model_copy(update={"machine": f"{other.machine} at {other.id}"})
    return [marked[info.id] for info in phones]


def is_on_network(serial: str) -> bool:
    """Whether a serial names a connection over the network, not a cable or an emulator."""
    return _NETWORK.search(serial) is not None


def _rank(serial: str, preferred: Sequence[str]) -> tuple[int, bool]:
    named = preferred.index(serial) if serial in preferred else len(preferred)
    return named, is_on_network(serial)


def _is_dummy(number: str) -> bool:
    plain = number.lower().removeprefix("0x")
    return (
        plain in _DUMMIES or len(set(plain)) <= 1 or (len(plain) >= 6 and (plain in _DIGITS or plain in "1234567890"))
    )
