"""Browsers on this computer, under the names used in suites, cases and results.

`chrome` and `firefox` are found automatically. Further builds are named `chrome@NAME` or `firefox@NAME`, and are
declared by `--browser-path` (see `using`) or in `MOBILEBENCH_BROWSERS` (one `NAME=PATH FLAGS` per line). With a package
in place of the path (`chrome@x=com.android.chrome FLAGS`) it is a build on phones; one name may be used for both.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from mobilebench.browsers import chrome, firefox, launching
from mobilebench.browsers.launching import Binary, RunningBrowser
from mobilebench.browsers.names import FAMILIES, TITLES, Family, family, is_name, is_package
from mobilebench.core.errors import BadInput, Unsupported

VARIABLE = "MOBILEBENCH_BROWSERS"

_WORDS: dict[Family, tuple[str, ...]] = {"chrome": chrome.WORDS, "firefox": firefox.WORDS}


_chosen: ContextVar[tuple[tuple[str, str], ...] | None] = ContextVar("declared browser builds", default=None)
"""Names and declarations that replace those of the environment. A new thread does not inherit them."""


@dataclass(frozen=True)
class DeclaredBuild:
    """A declared build: a program on this computer, or a package on phones."""

    name: str
    program: Path | None
    package: str | None
    flags: tuple[str, ...]

    @property
    def text(self) -> str:
        """The declaration after `NAME=`."""
        return shlex.join([str(self.program or self.package), *self.flags])


@dataclass(frozen=True)
class PhoneBuild:
    """A browser installed on phones, with its own flags."""

    name: str
    package: str
    flags: tuple[str, ...]


@contextmanager
def using(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Declare further builds until the context ends, in the form of `--browser-path`; yield their names.

    Each is `NAME=PATH`, or a path alone, which is then `chrome`; flags may follow the path. For phones, a package
    replaces the path. A build of the same name that was declared before is replaced.

    Raises:
        BadInput: a name is invalid, a program is missing, or it is not the kind of browser that its name says.
    """
    declared = [_split(text) for text in texts]
    replaced = set()
    for name, text in declared:
        for_phones = _names_package(text)
        if for_phones:
            _read_package(name, text, "--browser-path")
        else:
            _read(name, text, "--browser-path")
        replaced.add((name, for_phones))
    others = [(name, text) for name, text in _declared() if (name, _names_package(text)) not in replaced]
    with _replaced([*others, *declared]):
        yield tuple(dict.fromkeys(name for name, _ in declared))


def declared() -> list[DeclaredBuild]:
    """Return the declared builds, except those whose program is missing.

    Raises:
        BadInput: a declaration cannot be read.
    """
    found = []
    for name, text in _declared():
        first, flags = _path_and_flags(text, VARIABLE)
        if _names_package(text):
            found.append(DeclaredBuild(name, None, first, flags))
        elif program := shutil.which(first):
            found.append(DeclaredBuild(name, Path(program), None, flags))
    return found


@contextmanager
def using_builds(builds: Iterable[DeclaredBuild]) -> Iterator[None]:
    """Within the context, declare exactly these builds in place of those of the environment."""
    with _replaced((build.name, build.text) for build in builds):
        yield


@contextmanager
def _replaced(declarations: Iterable[tuple[str, str]]) -> Iterator[None]:
    token = _chosen.set(tuple(declarations))
    try:
        yield
    finally:
        _chosen.reset(token)


def find(name: str) -> Binary | None:
    """Return the build of this name, or None if it is not on this computer.

    Raises:
        BadInput: it is declared, but its program is missing or is another kind of browser.
    """
    for declared, text in _declared():
        if declared == name and not _names_package(text):
            return _read(name, text, VARIABLE)
    if name not in FAMILIES:
        return None
    return chrome.find() if name == "chrome" else firefox.find()


def installed() -> dict[str, str]:
    """Map the name of every usable browser on this computer to its version."""
    names = [*FAMILIES, *(name for name, text in _declared() if not _names_package(text))]
    found = {name: find(name) for name in names}
    return {name: binary.version for name, binary in found.items() if binary}


def of_phones() -> tuple[PhoneBuild, ...]:
    """Return the declared builds that name a package instead of a program on this computer.

    Raises:
        BadInput: a flag is invalid for such a browser.
    """
    return tuple(_read_package(name, text, VARIABLE) for name, text in _declared() if _names_package(text))


def launch(
    name: str, flags: Sequence[str] = (), *, headed: bool = False, cancel: Event | None = None
) -> AbstractContextManager[RunningBrowser]:
    """Start a build; see `chrome.launch` and `firefox.launch`.

    Raises:
        Unsupported: there is no build of this name.
    """
    if not is_name(name):
        raise Unsupported(f"There is no browser {name}.")
    binary = find(name)
    if binary is None and "@" in name:
        raise Unsupported(f"There is no {name} on this computer.", hint=f"Give its path: --browser-path {name}=PATH.")
    start = chrome.launch if family(name) == "chrome" else firefox.launch
    return start(flags, binary=binary, headed=headed, cancel=cancel)


def _declared() -> Iterator[tuple[str, str]]:
    chosen = _chosen.get()
    if chosen is not None:
        yield from chosen
        return
    for line in os.environ.get(VARIABLE, "").splitlines():
        if line.strip():
            name, equals, text = line.strip().partition("=")
            if not equals or not is_name(name):
                raise BadInput(f"{VARIABLE} holds a line that is not NAME=PATH: {line.strip()[:200]}")
            yield name, text


def _split(text: str) -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if equals and is_name(name):
        return name, rest
    if equals and "/" not in name and not name.startswith((".", "~")):
        raise BadInput(
            f"“{name}” is not the name of a browser.",
            hint="Use chrome or firefox, or name a build of one of them as you like: chrome@beta, firefox@nightly.",
        )
    return "chrome", text


def _read(name: str, text: str, where: str) -> Binary:
    path, flags = _path_and_flags(text, where)
    found = shutil.which(path)
    if found is None:
        raise BadInput(
            f"{where} {name}: there is no executable program {path}.",
            hint="Give the path of the browser's program, such as /usr/bin/chromium.",
        )
    kind = family(name)
    version = launching.version_of(found, _WORDS[kind])
    if version is None:
        raise BadInput(f"{where} {name}: {path} does not answer --version as {TITLES[kind]} does.")
    _demand_flags(name, flags, where)
    return Binary(Path(found), version, flags)


def _read_package(name: str, text: str, where: str) -> PhoneBuild:
    package, flags = _path_and_flags(text, where)
    _demand_flags(name, flags, where)
    return PhoneBuild(name, package, flags)


def _demand_flags(name: str, flags: Sequence[str], where: str) -> None:
    if family(name) == "firefox":
        firefox.sorted_out(flags)
    elif bad := [flag for flag in flags if not flag.startswith("--")]:
        raise BadInput(f"{where} {name}: “{bad[0]}” is not a flag of Chrome: those begin with --.")


def _names_package(text: str) -> bool:
    """Whether the text names a package; a program of the same name takes precedence."""
    word = text.strip().partition(" ")[0]
    return is_package(word) and shutil.which(word) is None


def _path_and_flags(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Split path and flags; a path that exists as written needs no quotes, even if it contains spaces."""
    whole = str(Path(text.strip()).expanduser())
    if Path(whole).is_file():
        return whole, ()
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"{where}: “{text}” cannot be read: {error}.") from None
    if not words:
        raise BadInput(f"{where} needs the path of a browser's program.")
    return str(Path(words[0]).expanduser()), tuple(words[1:])
