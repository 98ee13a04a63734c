"""Find the phones that adb lists, tell what their states mean, and describe those that are ready."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from threading import Event

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.targets.android import adb_protocol, adb_server, description
from mobilebench.targets.android.identity import RACK_HOST, SAME_PHONE
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.android.states import ABSENT, BLOCKED, MOVED, NO_SERVER, SILENT, TWIN
from mobilebench.targets.android.states import READY as READY
from mobilebench.targets.limits import Limit

_ALLOW = "Unlock the phone and allow USB debugging for this computer in the dialog that it shows."
_REMEDIES = {
    "unauthorized": f"{_ALLOW} If it shows none, unplug it and plug it in again, or revoke USB debugging "
    "authorisations in its developer options.",
    "authorizing": f"It is asking for permission now. {_ALLOW}",
    "connecting": "adb is still connecting: wait a few seconds. If it stays so, run `adb reconnect offline`.",
    "bootloader": "It shows its boot loader: run `fastboot -s {serial} reboot`, or choose “Start” on its screen.",
    "recovery": "It shows its recovery menu: run `adb -s {serial} reboot` to start Android.",
    "rescue": "It is in rescue mode: run `adb -s {serial} reboot` to start Android.",
    "sideload": "It waits for an update over adb: cancel that on its screen, or run `adb -s {serial} reboot`.",
    "host": "What is attached is another computer's adb, not a phone: unplug it, or choose others with --serial.",
    "detached": "adb has released it to another program: run `adb -s {serial} attach`.",
    ABSENT: "It is not attached any more: check its cable, and see `adb devices`.",
    NO_SERVER: "The adb server does not answer: see whether `adb devices` works in this shell.",
    TWIN: "adb cannot tell them apart: unplug one of them, or connect one over Wi-Fi (`adb connect ADDRESS:PORT`).",
    SILENT: "Unlock the phone and look at its screen; restart it if it still does not answer.",
}
_IN_WORDS = {
    "authorizing": "asking for permission (adb: authorizing)",
    "connecting": "still being connected by adb",
    "bootloader": "in its boot loader, where Android does not run",
    "recovery": "in its recovery menu, where Android does not run",
    "rescue": "in rescue mode, where Android does not run",
    "sideload": "waiting for an update over adb (sideload), where Android does not run",
    "host": "another computer's adb, not a phone",
    "detached": "released by adb to another program (detached)",
}
"""What follows “it is” for states whose name does not say it."""
_AGAIN_SECONDS = 1.0
"""Seconds until the adb server is asked again after it ended."""
_NOT_IN_GROUP = re.compile(r"not in the (\w+) group")
_TCP = re.compile(r"(.+:\d+|adb-.+\._tcp\.?)")


def clause(state: str) -> str:
    """A state as a clause about a named phone: `it is offline`."""
    return state if state == TWIN else f"it is {_in_words(state)}"


def sentence(serial: str, state: str) -> str:
    """A sentence that states a phone's state."""
    return f"{serial}: {state}" if state == TWIN else f"{serial} is {_in_words(state)}"


def _in_words(state: str) -> str:
    plain = state.strip().casefold()
    return f"not open to your user ({state})" if plain.startswith("no permissions") else _IN_WORDS.get(plain, state)


def remedy(serial: str, state: str) -> str:
    """What to do about a phone that adb lists in another state than `device`."""
    plain_state = state.strip().casefold()
    quoted = shlex.quote(serial)
    if plain_state.startswith("no permissions"):
        return _permissions(plain_state)
    if state.startswith(SAME_PHONE):
        return "Nothing has to be done: the phone is measured once, under that serial."
    if state.startswith(Quarantine.STATE):
        return f"`mobilebench quarantine lift {quoted}` lets it be measured again."
    if state.startswith(BLOCKED):
        return f"`mobilebench doctor --serial {quoted}` says how to mend it; with `--blocked-too` it is measured."
    if state.startswith(MOVED):
        return f"Attach it as {serial} again, or end this run and start a new one under that serial."
    if plain_state == "offline":
        return _offline(serial, quoted)
    if plain_state in _REMEDIES:
        return _REMEDIES[plain_state].format(serial=quoted)
    return f"mobilebench does not know adb's state “{state}”: plug the phone in again, and see `adb devices -l`."


def remedy_of(info: TargetInfo) -> str:
    """What to do about a phone that cannot be used; for one of a rack, on which host."""
    host = info.facts.get(RACK_HOST)
    if host is None:
        return remedy(info.id, info.state)
    return f"On host {host}: {remedy(info.id.removesuffix(f'@{host}'), info.state)}"


def _permissions(state: str) -> str:
    """Advice from the details that adb adds to the state; their wording differs between versions."""
    if group := _NOT_IN_GROUP.search(state):
        return (
            f"Run `sudo usermod -aG {group[1]} $USER`, and log in again: only members of that group may use the phone."
        )
    return (
        "Give your user access to USB devices with udev rules (on Debian: `apt-get install "
        "android-sdk-platform-tools-common`), and plug the phone in again."
    )


def _offline(serial: str, quoted: str) -> str:
    if serial.startswith("emulator-"):
        return "Wait until the emulator has started, or start it again."
    if _TCP.fullmatch(serial):
        return f"Run `adb disconnect {quoted}` and then `adb connect {quoted}`; wireless debugging has to be on."
    return "Unplug the phone and plug it in again, switch USB debugging off and on, or run `adb reconnect offline`."


# Attached phones


def attached() -> dict[str, str]:
    """Map serials to adb's state for them, in adb's order. Phones that share a serial are named with their port too.

    Raises:
        BadInput: adb is missing, or its server does not list its phones.
    """
    try:
        answer = adb_protocol.query("host:devices", Limit("Asking adb for its devices", 10))
    except BlockFailed as error:
        server = adb_server.chosen()
        problem = f"The adb server at {server.place}{server.chosen_by} does not list its phones: {error.message}"
        raise BadInput(problem, hint="See whether `adb devices` works in this shell.") from None
    rows = [(serial, state.strip()) for serial, tab, state in map(_halves, answer.splitlines()) if tab]
    shared_serials = {serial for serial, count in Counter(serial for serial, _ in rows).items() if count > 1}
    if not shared_serials:
        return dict(rows)
    detailed: list[str] = []
    with suppress(BlockFailed, TargetLost):
        detailed = adb_protocol.query(
            "host:devices-l", Limit("Asking adb for the places of its devices", 10)
        ).splitlines()
    places = {
        serial: [_place(line) for line in detailed if line.split(" ", 1)[0] == serial] for serial in shared_serials
    }
    states: dict[str, str] = {}
    for serial, state in rows:
        if serial in shared_serials:
            place = places[serial].pop(0) if places[serial] else ""
            count = sum(1 for name in states if name.startswith(f"{serial} (")) + 1
            states[f"{serial} ({place or f'phone {count}'})"] = TWIN
        else:
            states[serial] = state
    return states


def watch(stop: Event) -> Iterator[dict[str, str]]:
    """Yield what is attached (as from `attached`) at first and after every change, until `stop` is set.

    While no adb server answers, nothing counts as attached; a server of this computer is started again.

    Raises:
        BadInput: as for `attached`, at first.
    """
    began = False
    while not stop.is_set():
        try:
            limit = Limit("Watching adb's devices", math.inf, (stop,))
            for _ in adb_protocol.listings(limit):
                yield attached()
                began = True
        except BadInput:
            if not began:
                raise
        except (BlockFailed, TargetLost):
            if stop.is_set():
                return
        if began:
            yield {}
        stop.wait(_AGAIN_SECONDS)


def sharing_serial(serial: str, known: Mapping[str, str]) -> list[str]:
    """Names under which `attached` lists the phones that share this serial."""
    return [name for name, state in known.items() if state == TWIN and name.startswith(f"{serial} (")]


def _halves(line: str) -> tuple[str, str, str]:
    return line.partition("\t")


def _place(line: str) -> str:
    """The USB port in a line of `adb devices -l`, else adb's transport number."""
    places = re.findall(r"(?<= )(usb:\S+|transport_id:\d+)", line)
    return places[0] if places else ""


def phones(serials: dict[str, str]) -> list[TargetInfo]:
    """Describe all phones in parallel, with the declared browser builds; an unusable one keeps adb's state."""
    if not serials:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(serials))) as pool:
        pending = [pool.submit(copy_context().run, phone, serial, state) for serial, state in serials.items()]
        return [future.result() for future in pending]


def phone(serial: str, state: str) -> TargetInfo:
    """Describe one phone."""
    if state != READY:
        return description.unusable(serial, state)
    try:
        return _with_reachable_pages(description.read(DeviceShell(serial)), adb_server.chosen())
    except (BlockFailed, TargetLost):
        word = adb_protocol.state(serial)
        return description.unusable(serial, SILENT if word == READY else word)


def _with_reachable_pages(info: TargetInfo, server: adb_server.Server) -> TargetInfo:
    """Remove the phone's browsers if the adb server, and so its forwarded ports, is on another computer."""
    if not server.is_elsewhere:
        return info
    reason = (
        f"the phone cannot reach pages of this computer, because its adb server runs on another one, {server.place}"
    )
    unusable = dict.fromkeys(info.browsers, reason) | info.unusable_browsers
    return info.model_copy(update={"browsers": {}, "unusable_browsers": unusable})


def not_ready_error(info: TargetInfo) -> BadInput:
    """Error for a phone that was named but is not ready, with advice."""
    return BadInput(f"Phone {info.id} cannot be measured: {clause(info.state)}.", hint=remedy_of(info))


def ambiguous_serial(serial: str, names: Sequence[str]) -> BadInput:
    """Error for a serial that several phones share."""
    return BadInput(f"{len(names)} phones have the serial {serial}: {', '.join(names)}.", hint=remedy(serial, TWIN))
