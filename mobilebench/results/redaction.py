"""Replaces what names a person, a computer or a phone, so that bug reports and exports can be given to strangers."""

from __future__ import annotations

import getpass
import ipaddress
import platform
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mobilebench.core import log, paths
from mobilebench.core.records import TargetInfo

_IDENTIFYING_FACTS = {"ro.serialno": "serial", "boot_id": "serial", "rack_host": "host name"}
"""Names of facts of a target that name it, or the host of a rack to which it is attached, and what they are."""
_TELLS_NOTHING = frozenset(
    {"root", "localhost", "host", "user", "unknown", "android", "device", "ubuntu", "debian", "admin", "test", "runner"}
)
"""User and host names that are the same on many computers, and words of mobilebench."""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESS = re.compile(rf"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:{_OCTET}\.){{3}}{_OCTET}(?![\w.])")
_AFTER_A_NAME = r"[ \"':=/(\[]{0,6}$"
_VERSION_BEFORE = re.compile(
    rf"(?:(?<![A-Za-z])[Vv]ersion|(?<=[a-z])Version|VERSION)(?:_?[Nn]ame|_?[Cc]ode|s)?{_AFTER_A_NAME}"
)
"""What stands before a version: a word or the name of a field, such as `browser_version` or `versionName`."""
_BROWSER_BEFORE = re.compile(
    r"(?<![a-z])(?:headless)?(?:chrome|chromium|firefox|webview|safari|edge?|opr|opera|samsungbrowser|brave|vivaldi)"
    rf"(?:@[\w-]+| for testing| beta| dev| canary)?{_AFTER_A_NAME}",
    re.IGNORECASE,
)
_OF_A_BROWSER = re.compile(r"\d+\.0\.")
"""How versions of browsers begin that have four parts."""
_AFTER_AN_ADDRESS = re.compile(r"[:/]\d")
_LONGEST_BEFORE = 60
_HARDWARE_ADDRESS = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:])")
_PATH = re.compile(r"(?<![\w<>:/.-])(?:/[\w.@+-]+){2,}/?")
_HOME_PATH = re.compile(r"(?<![\w<>.-])/(?:home|Users)/[^/\s\"']+")
_KEPT_PATHS = re.compile(
    r"/(?:proc|sys|dev|etc|usr|lib|lib64|bin|sbin|system|system_ext|vendor|product|apex|odm|data/local/tmp)(?:/|$)"
)
"""Paths that are the same on every Linux computer or every phone."""


@dataclass(frozen=True)
class Style:
    """How placeholders look, and which paths are replaced."""

    words: Mapping[str, str]
    """Kind of name to its placeholder, which may hold the number of the phone or computer."""
    any_path: bool
    """Whether every path of this computer is replaced; else only known folders and homes, because names of operators
    look like paths."""


BRACKETS = Style(
    MappingProxyType(
        {
            "phone": "<serial-{}>",
            "machine": "<machine-{}>",
            "ro.serialno": "<serial-number-{}>",
            "boot_id": "<boot-{}>",
            "rack_host": "<rack-host-{}>",
            "computer": "<this-machine>",
            "host": "<host-name>",
            "user": "<user>",
        }
    ),
    any_path=True,
)
"""For texts that are only read."""
PLAIN = Style(
    MappingProxyType(
        {
            "phone": "phone-{}",
            "machine": "phone-{}-machine",
            "ro.serialno": "phone-{}-number",
            "boot_id": "phone-{}-boot",
            "rack_host": "rack-host-{}",
            "computer": "computer-{}-machine",
            "host": "computer-{}",
            "user": "user",
        }
    ),
    any_path=False,
)
"""For records, which are used afterwards as before."""


class Redaction:
    """Replaces serials, user and host names, network addresses and paths of this computer by placeholders.

    The same text is always replaced by the same placeholder, so that a reader can still follow it through the files.
    """

    def __init__(
        self, targets: Iterable[TargetInfo], folders: Mapping[str, Path] | None = None, style: Style = BRACKETS
    ) -> None:
        """Prepare the replacements.

        Args:
            targets: their serials and other identities are replaced.
            folders: placeholder to a folder that it stands for, beside those that every installation has.
            style: how placeholders look.
        """
        self.counts: Counter[str] = Counter()
        """How many places were replaced, by what was replaced in them."""
        self._style = style
        self._kinds: dict[str, tuple[str, str]] = {}
        """Text to what it is, and its placeholder."""
        self._addresses: dict[str, str] = {}
        targets = list(targets)
        self._versions = {version for info in targets for version in info.browsers.values()}
        patterns: list[str] = []
        for text, placeholder in _folders(folders or {}):
            self._kinds.setdefault(text, ("path", placeholder))
            patterns.append(rf"(?<![\w.-]){re.escape(text)}(?![\w.-])")
        self.ids: dict[str, str] = {}
        """Target's id to its placeholder; that of this computer stays `host`."""
        for kind, text, placeholder, is_id in _names(targets, style):
            if is_id:
                self.ids[text] = placeholder
            if len(text) > 1 and text.lower() not in _TELLS_NOTHING and text not in self._kinds:
                self._kinds[text] = (kind, placeholder)
                patterns.append(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])")
        patterns.sort(key=len, reverse=True)
        self._known = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
        self._lower = {text.lower(): of for text, of in reversed(self._kinds.items())}

    def apply(self, text: str, field: str = "") -> str:
        """The text with placeholders; `field` is the name of the field that holds it, if it is one of a record."""
        text = log.without_passwords(text)
        if self._known is not None:
            text = self._known.sub(self._name, text)
        text = _HARDWARE_ADDRESS.sub(lambda found: self._address("hardware address", found[0]), text)
        text = _ADDRESS.sub(lambda found: self._address_or_version(found, field), text)
        if self._style.any_path:
            return _PATH.sub(self._path, text)
        text, count = _HOME_PATH.subn("<home>", text)
        self._count("path", count)
        return text

    def _name(self, found: re.Match[str]) -> str:
        kind, placeholder = self._kinds.get(found[0]) or self._lower[found[0].lower()]
        self._count(kind, 1)
        return placeholder

    def _count(self, kind: str, count: int) -> None:
        if count:
            self.counts[kind] += count

    def _address_or_version(self, found: re.Match[str], field: str) -> str:
        """A version of four parts stays if what stands around it says that it is one, and no private network has such
        an address. In doubt it is an address.
        """
        before = f"{field}:{found.string[: found.start()]}"[-_LONGEST_BEFORE:]
        is_version = (
            found[0] in self._versions
            or _VERSION_BEFORE.search(before) is not None
            or (_OF_A_BROWSER.match(found[0]) is not None and _BROWSER_BEFORE.search(before) is not None)
        )
        if is_version and _is_public(found[0]) and not _AFTER_AN_ADDRESS.match(found.string, found.end()):
            return found[0]
        return self._address("network address", found[0])

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


def _is_public(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_global
    except ValueError:
        return False


def _folders(further: Mapping[str, Path]) -> list[tuple[str, str]]:
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


def _names(targets: list[TargetInfo], style: Style) -> Iterator[tuple[str, str, str, bool]]:
    """Kind, text and placeholder of every name, and whether it is the id of a phone."""
    numbers: dict[str, int] = {}
    computers: dict[str, int] = {}
    connections: Counter[int] = Counter()
    met: set[str] = set()
    for info in targets:
        if info.kind == "host":
            number = computers.setdefault(info.machine, len(computers) + 1)
            yield "host name", info.machine, style.words["computer"].format(number), False
            yield "host name", info.name, style.words["host"].format(number), False
            continue
        number = numbers.setdefault(info.id if info.virtual else info.machine, len(numbers) + 1)
        if info.id not in met:
            met.add(info.id)
            connections[number] += 1
            word = style.words["phone"].format(number)
            further = connections[number]
            yield "serial", info.id, word if further == 1 else _with_suffix(word, further), True
        yield "serial", info.machine, style.words["machine"].format(number), False
        for fact, kind in _IDENTIFYING_FACTS.items():
            if value := info.facts.get(fact):
                yield kind, value, style.words[fact].format(number), False
    here = computers.get(_this_machine(targets), len(computers) + 1)
    yield "host name", platform.node(), style.words["host"].format(here), False
    for user in (_user(), Path.home().name):
        yield "user name", user, style.words["user"], False


def _with_suffix(word: str, number: int) -> str:
    """A placeholder of a further connection of the same phone: `phone-1-2`, `<serial-1-2>`."""
    return f"{word.removesuffix('>')}-{number}{'>' if word.endswith('>') else ''}"


def _this_machine(targets: Iterable[TargetInfo]) -> str:
    """The machine among these that has this computer's name."""
    return next((info.machine for info in targets if info.kind == "host" and info.name == platform.node()), "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
