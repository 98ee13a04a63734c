"""Find and describe attached phones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import adb_protocol, properties, server, states
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.limits import Limit


def attached() -> dict[str, str]:
    """Map serials to adb's state for them, in adb's order. Phones that share a serial are named with their port too.

    Raises:
        BadInput: adb is missing, or its server does not list its phones.
    """
    try:
        answer = adb_protocol.query("host:devices", Limit("Asking adb for its devices", 10))
    except BlockFailed as error:
        met = server.chosen()
        words = f"The adb server at {met.place}{met.chosen_by} does not say which phones it has: {error.message}"
        raise BadInput(words, hint="See whether `adb devices` works in this shell.") from None
    rows = [(serial, state.strip()) for serial, tab, state in map(_halves, answer.splitlines()) if tab]
    shared = {serial for serial, count in Counter(serial for serial, _ in rows).items() if count > 1}
    if not shared:
        return dict(rows)
    long: list[str] = []
    with suppress(BlockFailed, TargetLost):
        long = adb_protocol.query("host:devices-l", Limit("Asking adb for the places of its devices", 10)).splitlines()
    places = {serial: [_place(line) for line in long if line.split(" ", 1)[0] == serial] for serial in shared}
    found: dict[str, str] = {}
    for serial, state in rows:
        if serial in shared:
            place = places[serial].pop(0) if places[serial] else ""
            count = sum(1 for name in found if name.startswith(f"{serial} (")) + 1
            found[f"{serial} ({place or f'phone {count}'})"] = states.TWIN
        else:
            found[serial] = state
    return found


def twins(serial: str, known: Mapping[str, str]) -> list[str]:
    """Names under which `attached` lists the phones that share this serial."""
    return [name for name, state in known.items() if state == states.TWIN and name.startswith(f"{serial} (")]


def _halves(line: str) -> tuple[str, str, str]:
    return line.partition("\t")


def _place(line: str) -> str:
    """The USB port in a line of `adb devices -l`, else adb's transport number."""
    words = re.findall(r"(?<= )(usb:\S+|transport_id:\d+)", line)
    return words[0] if words else ""


def phones(serials: dict[str, str]) -> list[TargetInfo]:
    """Describe all phones in parallel; an unusable one keeps adb's state."""
    if not serials:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(serials))) as pool:
        return list(pool.map(lambda item: phone(*item), serials.items()))


def phone(serial: str, state: str) -> TargetInfo:
    """Describe one phone."""
    if state != states.READY:
        return properties.unusable(serial, state)
    try:
        return _with_reachable_pages(properties.read(DeviceShell(serial)), server.chosen())
    except (BlockFailed, TargetLost):
        word = adb_protocol.state(serial)
        return properties.unusable(serial, states.SILENT if word == states.READY else word)


def _with_reachable_pages(info: TargetInfo, met: server.Server) -> TargetInfo:
    """Remove the phone's browsers if the adb server, and so its forwarded ports, is on another computer."""
    if not met.is_elsewhere:
        return info
    reason = f"pages of this computer cannot reach the phone, because its adb server runs on another one, {met.place}"
    unusable = dict.fromkeys(info.browsers, reason) | info.unusable_browsers
    return info.model_copy(update={"browsers": {}, "unusable_browsers": unusable})


def not_ready(info: TargetInfo) -> BadInput:
    """Error for a phone that was named but is not ready, with advice."""
    return BadInput(
        f"Phone {info.id} cannot be measured: {states.clause(info.state)}.", hint=states.remedy(info.id, info.state)
    )


def several(serial: str, names: Sequence[str]) -> BadInput:
    """Error for a serial that several phones share."""
    return BadInput(
        f"{len(names)} phones have the serial {serial}: {', '.join(names)}.", hint=states.remedy(serial, states.TWIN)
    )
