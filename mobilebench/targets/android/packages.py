"""`dumpsys package`: which version of an app is installed for the phone's present user, and whether it can be used."""

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
"""Of Android's `COMPONENT_ENABLED_STATE`: disabled, disabled by the person, disabled until it is used."""


@dataclass(frozen=True)
class Installed:
    """An app of the phone."""

    version: str | None
    why_not: str | None
    """Why it cannot be used, as the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Answers:
    """What the phone said of the packages that were asked for."""

    found: Mapping[str, Installed]
    """By package; what is not on the phone is not in it."""
    refusal: str | None = None
    """Why nothing is known of some, as a clause."""


def question(packages: list[str]) -> str:
    """A shell program that prints the lines which `parse` needs."""
    wanted = " ".join(shlex.quote(package) for package in packages)
    lines = r"^[^ ]|^ *Package \[|versionName=|installed=|[aA]rchive"
    return f"for p in {wanted}; do echo '{_MARK}'$p; dumpsys package $p 2>&1 | grep -E '{lines}'; done; true"


def parse_user(text: str) -> int:
    """The user whom `am get-current-user` names; 0, whom every phone has, where it names none."""
    found = re.fullmatch(r"\s*(\d{1,4})\s*", text)
    return int(found[1]) if found else 0


def parse(text: str, user: int) -> Answers:
    """What the phone said, for the user of this number."""
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
    """Without the list of packages there is no saying whether one is missing."""
    if re.search(r"^Packages:", answer, re.MULTILINE):
        return None
    return dumpsys.refusal("package", answer) or "the answer of the phone's service package lists no packages"


def _app(answer: str, package: str, user: int) -> Installed | None:
    """Of the section `Packages:`: another one, `Hidden system packages:`, tells what the phone was sold with."""
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
