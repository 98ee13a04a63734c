"""Replaces what names a person, a computer or a phone, so that a bug report can be sent to strangers."""

from __future__ import annotations

import getpass
import platform
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mobilebench.core import paths
from mobilebench.core.records import TargetInfo

_IDENTIFYING_FACTS = {"ro.serialno": "serial-number", "boot_id": "boot"}
"""Names of facts of a target that no other phone has, and what stands in their place."""
_TELLS_NOTHING = frozenset({"root", "localhost", "host", "user", "unknown", "android"})
"""User and host names that are the same on many computers, and words of mobilebench."""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESS = re.compile(rf"(?<![\w.])(?<![A-Za-z]/)(?!127\.|0\.0\.0\.0)(?:{_OCTET}\.){{3}}{_OCTET}(?![\w.])")
_HARDWARE_ADDRESS = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:])")
_PATH = re.compile(r"(?<![\w<>:/.-])(?:/[\w.@+-]+){2,}/?")
_KEPT_PATHS = re.compile(
    r"/(?:proc|sys|dev|etc|usr|lib|lib64|bin|sbin|system|system_ext|vendor|product|apex|odm|data/local/tmp)(?:/|$)"
)
"""Paths that are the same on every Linux computer or every phone."""


class Redaction:
    """Replaces serials, user and host names, network addresses and paths of this computer by placeholders.

    The same text is always replaced by the same placeholder, so that a reader can still follow it through the files.
    """

    def __init__(self, targets: Iterable[TargetInfo], folders: dict[str, Path] | None = None) -> None:
        """Prepare the replacements.

        Args:
            targets: their serials and other identities are replaced.
            folders: placeholder to a folder that it stands for, beside those that every installation has.
        """
        self.counts: Counter[str] = Counter()
        """How many places were replaced, by what was replaced in them."""
        self._known: list[tuple[re.Pattern[str], str, str]] = []
        self._addresses: dict[str, str] = {}
        for text, placeholder in _folders(folders or {}):
            self._add("path", rf"(?<![\w.-]){re.escape(text)}(?![\w.-])", placeholder)
        for kind, text, placeholder in _names(targets):
            self._add(kind, rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])", placeholder)

    def apply(self, text: str) -> str:
        """The text with placeholders."""
        for pattern, kind, placeholder in self._known:
            text, count = pattern.subn(lambda _, to=placeholder: to, text)  # type: ignore[misc]
            self._count(kind, count)
        text = _HARDWARE_ADDRESS.sub(lambda found: self._address("hardware address", found[0]), text)
        text = _ADDRESS.sub(lambda found: self._address("network address", found[0]), text)
        return _PATH.sub(self._path, text)

    def _add(self, kind: str, pattern: str, placeholder: str) -> None:
        self._known.append((re.compile(pattern, re.IGNORECASE), kind, placeholder))

    def _count(self, kind: str, count: int) -> None:
        if count:
            self.counts[kind] += count

    def _address(self, kind: str, address: str) -> str:
        self._count(kind, 1)
        name = kind.replace(" ", "-")
        known = sum(1 for one in self._addresses.values() if one.startswith(f"<{name}"))
        return self._addresses.setdefault(address.lower(), f"<{name}-{known + 1}>")

    def _path(self, found: re.Match[str]) -> str:
        if _KEPT_PATHS.match(found[0]):
            return found[0]
        self._count("path", 1)
        return f"<path>/{found[0].rstrip('/').rpartition('/')[2]}"


def _folders(further: dict[str, Path]) -> list[tuple[str, str]]:
    """Folders of this computer and what stands for them, the longest first: one may lie in another."""
    known = {
        **further,
        "<package>": paths.PACKAGE,
        "<data>": paths.home(),
        "<cache>": paths.cache(),
        "<python>": Path(sys.prefix),
        "<temporary>": Path(tempfile.gettempdir()),
        "<working-folder>": Path.cwd(),
        "<home>": Path.home(),
    }
    found = {str(form): name for name, folder in known.items() for form in (folder.absolute(), folder.resolve())}
    return sorted(((text, name) for text, name in found.items() if text != "/"), key=lambda one: -len(one[0]))


def _names(targets: Iterable[TargetInfo]) -> list[tuple[str, str, str]]:
    """Kind, text and placeholder of every name, the longest text first."""
    found: dict[str, tuple[str, str]] = {}
    for number, info in enumerate((one for one in targets if one.kind != "host"), start=1):
        found.setdefault(info.id, ("serial", f"<serial-{number}>"))
        found.setdefault(info.machine, ("serial", f"<machine-{number}>"))
        for fact, name in _IDENTIFYING_FACTS.items():
            if value := info.facts.get(fact):
                found.setdefault(value, ("serial", f"<{name}-{number}>"))
    for info in targets:
        if info.kind == "host":
            found.setdefault(info.machine, ("host name", "<this-machine>"))
            found.setdefault(info.name, ("host name", "<host-name>"))
    found.setdefault(platform.node(), ("host name", "<host-name>"))
    for user in (_user(), Path.home().name):
        found.setdefault(user, ("user name", "<user>"))
    kept = {text: one for text, one in found.items() if len(text) > 1 and text.lower() not in _TELLS_NOTHING}
    return sorted(((kind, text, name) for text, (kind, name) in kept.items()), key=lambda one: -len(one[1]))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
