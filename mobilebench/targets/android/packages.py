"""Parse `dumpsys package`: which version of an app the phone's current user has, and whether it can be used."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from mobilebench.recorders import dumpsys

_MARK = "@package "
_HEADING = re.compile(r"^(\S.*):\s*$")
_PACKAGE = re.compile(r"^\s+Package \[([\w.]+)\]")
_VERSION = re.compile(r"^\s+versionName=(\S+)")
_USER = re.compile(r"^\s+User (\d+):\s(.*\binstalled=.*)$")
_DISABLED = {"2", "3", "4"}
"""Values of Android's `COMPONENT_ENABLED_STATE`: disabled, disabled by the user, disabled until used."""


@dataclass(frozen=True)
class Installed:
    """An app installed on the phone."""

    version: str | None
    why_not: str | None
    """Why it cannot be used, as the end of a sentence that starts with its name."""


@dataclass(frozen=True)
class Answers:
    """The phone's answers about the requested packages."""

    found: Mapping[str, Installed]
    """Installed apps by package; absent packages have no entry."""
    refusal: str | None = None
    """Why some packages are unknown, as a clause."""


def question(packages: list[str]) -> str:
    """Shell program that prints the lines that `parse` needs."""
    wanted = " ".join(shlex.quote(package) for package in packages)
    lines = r"^[^ ]|^ *Package \[|versionName=|installed=|[aA]rchive"
    return f"for p in {wanted}; do echo '{_MARK}'$p; dumpsys package $p 2>&1 | grep -E '{lines}'; done; true"


def parse_user(text: str) -> int:
    """User number printed by `am get-current-user`; if it prints none, 0, which exists on every phone."""
    found = re.fullmatch(r"\s*(\d{1,4})\s*", text)
    return int(found[1]) if found else 0


def parse(text: str, user: int) -> Answers:
    """Parse the phone's answers for the user with this number."""
    found: dict[str, Installed] = {}
    refusal = None
    for part in text.split(_MARK)[1:]:
        name, _, answer = part.partition("\n")
        package = name.strip()
        app = _app(answer, package, user)
        if app is not None:
            found[package] = app
        elif "Unable to find package" not in answer:
            refusal = refusal or _why_nothing(answer)
    return Answers(found, refusal)


def _why_nothing(answer: str) -> str | None:
    """Why the answer has no package list, so that a missing package cannot be detected; or None."""
    if re.search(r"^Packages:", answer, re.MULTILINE):
        return None
    return dumpsys.refusal("package", answer) or "the answer of the phone's service package lists no packages"


def _app(answer: str, package: str, user: int) -> Installed | None:
    """Read the section `Packages:`; the section `Hidden system packages:` lists the factory versions instead."""
    section = ""
    inside = False
    seen = False
    version = None
    users: dict[int, str] = {}
    latest = None
    for line in answer.splitlines():
        if heading := _HEADING.match(line):
            section, inside = heading[1], False
        elif section != "Packages":
            continue
        elif begin := _PACKAGE.match(line):
            inside = begin[1] == package and not seen
            seen = seen or inside
        elif inside and (told := _VERSION.match(line)):
            version = version or told[1]
        elif inside and (told := _USER.match(line)):
            latest = int(told[1])
            users[latest] = told[2]
        elif inside and latest is not None and "rchive" in line:
            users[latest] += " archived=true"
    if not seen:
        return None
    known = None if version in (None, "null") else version
    return Installed(known, _why_not(users, user) or (None if known else "does not tell its version"))


def _why_not(users: Mapping[int, str], user: int) -> str | None:
    if not users:
        return None
    words = dict(word.partition("=")[::2] for word in users.get(user, "installed=false").split())
    if words.get("archived") == "true":
        return "is archived on this phone: only its icon is left"
    if words.get("installed") == "false":
        others = [str(number) for number, told in users.items() if "installed=true" in told.split()]
        beside = f", only for user {' and '.join(others)}" if others else ""
        return f"is not installed for this phone's present user ({user}){beside}"
    if words.get("enabled") in _DISABLED:
        return "is disabled on this phone"
    for state in ("hidden", "suspended", "quarantined"):
        if words.get(state) == "true":
            return f"is {state} on this phone"
    return None
