"""The states in which adb lists a phone, and what to do about each."""

from __future__ import annotations

import re
import shlex

from mobilebench.targets.android.identity import SAME_PHONE

READY = "device"
SILENT = "not answering"
"""adb lists the phone as ready, but it does not answer."""
TWIN = "another phone has the same serial"
"""adb lists the serial twice, and refuses it for either phone."""

_ALLOW = "Unlock the phone and allow USB debugging for this computer in the dialog that it shows."
_REMEDIES = {
    "unauthorized": f"{_ALLOW} Without a dialog, unplug it and plug it in again, or revoke USB debugging "
    "authorisations in its developer options.",
    "authorizing": f"It is asking for its permission at this moment: {_ALLOW[0].lower()}{_ALLOW[1:]}",
    "connecting": "adb is still connecting: wait a few seconds. If it stays so, run `adb reconnect offline`.",
    "bootloader": "It shows its boot loader: run `fastboot -s {serial} reboot`, or choose “Start” on its screen.",
    "recovery": "It shows its recovery menu: run `adb -s {serial} reboot` to start Android.",
    "rescue": "It is in rescue mode: run `adb -s {serial} reboot` to start Android.",
    "sideload": "It waits for an update by cable: end that on its screen, or run `adb -s {serial} reboot`.",
    "host": "What is attached is another computer's adb, not a phone: unplug it, or choose others with --serial.",
    "detached": "adb has let go of it for another program: run `adb -s {serial} attach`.",
    "absent": "It is not attached any more: check its cable, and see `adb devices`.",
    TWIN: "adb cannot tell them apart: unplug one of them, or connect one over Wi-Fi (`adb connect ADDRESS:PORT`).",
    SILENT: "Unlock the phone and look at its screen; restart it if it still does not answer.",
}
_NOT_IN_GROUP = re.compile(r"not in the (\w+) group")
_TCP = re.compile(r"(.+:\d+|adb-.+\._tcp\.?)")


def clause(state: str) -> str:
    """A state as a clause about a named phone: `it is offline`."""
    return state if state == TWIN else f"it is {state}"


def said(serial: str, state: str) -> str:
    """A sentence that states a phone's state."""
    return f"{serial}: {state}" if state == TWIN else f"{serial} is {state}"


def remedy(serial: str, state: str) -> str:
    """What to do about a phone that adb lists in another state than `device`."""
    words = state.strip().casefold()
    quoted = shlex.quote(serial)
    if words.startswith("no permissions"):
        return _permissions(words)
    if state.startswith(SAME_PHONE):
        return "Nothing has to be done: it is measured once, by that serial."
    if words == "offline":
        return _offline(serial, quoted)
    if words in _REMEDIES:
        return _REMEDIES[words].format(serial=quoted)
    return f"mobilebench does not know adb's state “{state}”: plug the phone in again, and see `adb devices -l`."


def _permissions(words: str) -> str:
    """Advice from the details that adb adds to the state; their wording differs between versions."""
    if group := _NOT_IN_GROUP.search(words):
        return f"Run `sudo usermod -aG {group[1]} $USER`, and log in anew: only that group may use the phone."
    return (
        "Let your user reach USB devices by udev rules (on Debian: `apt-get install "
        "android-sdk-platform-tools-common`), and plug the phone in again."
    )


def _offline(serial: str, quoted: str) -> str:
    if serial.startswith("emulator-"):
        return "Wait until the emulator has started, or start it again."
    if _TCP.fullmatch(serial):
        return f"Run `adb disconnect {quoted}` and then `adb connect {quoted}`; its Wi-Fi debugging has to be on."
    return "Unplug the phone and plug it in again, switch USB debugging off and on, or run `adb reconnect offline`."
