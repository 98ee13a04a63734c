"""Why a phone does not install mobilebench's app: Android's codes, as sentences with what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mobilebench.core.errors import BlockFailed, Fault, MobilebenchError, Unsupported

_FAILURE = re.compile(r"Failure \[([A-Z][A-Z0-9_]{2,80})(?:: ?([^\n]{0,1000}))?\]?")
_NOT_PARSED = re.compile(r"Failed to parse APK file|INSTALL_PARSE_FAILED_[A-Z_]+")
_RUNTIME_PERMISSIONS = "INSTALL_GRANT_RUNTIME_PERMISSIONS"
_SHOWN = 200


@dataclass(frozen=True)
class _Meaning:
    """What a code means."""

    clause: str
    """Why the app is not installed, after `mobilebench's app cannot be installed: `."""
    hint: str
    """What to do next; `{serial}` and `{package}` are filled in."""
    lasts: bool = True
    """Whether the phone answers so until a person changes something: its cases in the app are unsupported."""
    fault: Fault | None = None


_REMOVE = (
    "Remove it by `adb -s {serial} uninstall {package}`; mobilebench never removes an app that it did not install."
)
_OTHER_SIGNATURE = _Meaning("an app of this name with another signature is on it", _REMOVE)
_FULL = _Meaning(
    "its storage is full", "Free some space on the phone (`mobilebench doctor`).", lasts=False, fault="no space"
)
_FORBIDDEN = _Meaning(
    "it forbids installing over USB",
    "Allow it in the developer options: “Install via USB” on Xiaomi, Redmi and POCO (with a SIM card and an account), "
    "“Disable permission monitoring” on OnePlus, Oppo and Realme. On a managed phone only its administrator can.",
)
_REFUSED = _Meaning(
    "its package verifier (Play Protect) refused the app",
    "Choose “Install anyway” in the dialog on the phone, or switch “Verify apps over USB” off in the developer "
    "options.",
)
_NOT_ANSWERED = _Meaning(
    "a dialog on the phone was answered with no, or not at all",
    "Look at the phone's screen, allow the installation, and run again.",
    lasts=False,
    fault="system dialog",
)
_OTHER_MACHINE = _Meaning(
    "the app has no code for this phone's instruction set", "Measure from a shell (`--context shell`)."
)
_DAMAGED = _Meaning(
    "the app's file is damaged", "Build it again (`make apk`), or install mobilebench again.", lasts=False
)
_MEANINGS: Mapping[str, _Meaning] = {
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": _OTHER_SIGNATURE,
    "INSTALL_FAILED_SHARED_USER_INCOMPATIBLE": _OTHER_SIGNATURE,
    "INSTALL_PARSE_FAILED_INCONSISTENT_CERTIFICATES": _OTHER_SIGNATURE,
    "INSTALL_FAILED_VERSION_DOWNGRADE": _Meaning("a newer version of it is on it", _REMOVE),
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": _FULL,
    "INSTALL_FAILED_MEDIA_UNAVAILABLE": _FULL,
    "INSTALL_FAILED_USER_RESTRICTED": _FORBIDDEN,
    "INSTALL_FAILED_VERIFICATION_FAILURE": _REFUSED,
    "INSTALL_FAILED_VERIFICATION_TIMEOUT": _NOT_ANSWERED,
    "INSTALL_FAILED_ABORTED": _NOT_ANSWERED,
    "INSTALL_FAILED_NO_MATCHING_ABIS": _OTHER_MACHINE,
    "INSTALL_FAILED_CPU_ABI_INCOMPATIBLE": _OTHER_MACHINE,
    "INSTALL_FAILED_OLDER_SDK": _Meaning(
        "its Android is older than 8.0, the oldest that the app runs on", "Measure from a shell (`--context shell`)."
    ),
    "INSTALL_FAILED_DEPRECATED_SDK_VERSION": _Meaning(
        "its Android is too new for this version of the app", "Update mobilebench."
    ),
    "INSTALL_FAILED_INVALID_APK": _DAMAGED,
    "INSTALL_FAILED_BAD_SIGNATURE": _DAMAGED,
}


def installed(answer: str) -> bool:
    """Whether `pm` says that it succeeded."""
    return any(line.strip() == "Success" for line in answer.splitlines())


def grants_are_refused(answer: str) -> bool:
    """Whether the phone does not let adb grant an app's permissions (`pm install -g`); some manufacturers block it."""
    return _RUNTIME_PERMISSIONS in answer


def error(serial: str, package: str, answer: str) -> MobilebenchError:
    """The error for an answer of `pm install` that is no success. The text comes from the phone and is not trusted."""
    failure = _FAILURE.search(answer)
    code, words = (failure[1], failure[2] or "") if failure else ("", "")
    meaning = _MEANINGS.get(code)
    if meaning is None and (code.startswith("INSTALL_PARSE_FAILED_") or _NOT_PARSED.search(answer)):
        meaning = _DAMAGED
    if meaning is None:
        said = (f"{code}: {words}" if code else answer.strip()) or "it gave no reason"
        return BlockFailed(
            f"{serial}: mobilebench's app cannot be installed: {_printable(said)}",
            hint="Look at the phone's screen, and run again; `--context shell` needs no app.",
        )
    shown = f" ({code})" if code else ""
    message = f"{serial}: mobilebench's app cannot be installed: {meaning.clause}{shown}."
    hint = meaning.hint.format(serial=serial, package=package)
    return Unsupported(message, hint=hint) if meaning.lasts else BlockFailed(message, hint=hint, fault=meaning.fault)


def _printable(text: str) -> str:
    line = " ".join(text.split())[:_SHOWN]
    return "".join(character if character.isprintable() else "?" for character in line)
