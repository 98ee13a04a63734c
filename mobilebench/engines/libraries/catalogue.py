"""Lists every library that runners may load, with its licence and state, for users and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.engines.libraries import cached, given, pins, resolve
from mobilebench.engines.libraries.library import Library
from mobilebench.engines.libraries.pins import Choice, Member

Role = Literal["core", "delegate"]

INSTALLED_BACKENDS = ("cpu",)


@dataclass(frozen=True)
class Entry:
    """A library that some backends of an engine load on one runner build."""

    engine: str
    backends: tuple[str, ...]
    build: str
    role: Role
    version: str | None
    licence: str | None
    contains: tuple[str, ...]
    sha256: str | None
    coordinate: str | None
    sources: tuple[str, ...]
    """Its sources, in the order in which they are tried."""
    checked: str
    state: str
    """`here`, `not fetched`, or why it cannot be obtained."""
    as_here: bool | None
    """Whether it has the same version as this computer's library; None when one of the two is unknown."""


def builds() -> list[str]:
    """Every runner build for which some engine has a library; this computer's comes first."""
    known = {build for engine in pins.lock().engines.values() for build in engine} | {resolve.host_build()}
    return sorted(known, key=lambda build: (build != resolve.host_build(), build))


def entries(engines: Iterable[str] = (), build_names: Iterable[str] = ()) -> list[Entry]:
    """The libraries of these engines and runner builds; if none are named, of all engines on this computer and phones.

    Raises:
        BadInput: there is no such engine or runner build.
    """
    chosen = _known(engines, resolve.ENGINES, "engine with libraries") or resolve.ENGINES
    known = builds()
    chosen_builds = _known(build_names, known, "runner build") or [
        build for build in known if build == resolve.host_build() or build.startswith("android-")
    ]
    return [entry for build in chosen_builds for engine in chosen for entry in _of(engine, build)]


def fetch(entry: Entry, tell: cached.Tell = cached.on_standard_error) -> str | None:
    """Fetch what an entry's backends load. Returns why that is not possible, or None."""
    try:
        resolve.libraries_for(entry.engine, entry.backends[0], entry.build, tell)
    except MobilebenchError as error:
        return error.text_with_hint
    return None


def licences() -> str:
    """The libraries that may be pushed to a phone, with licences, in Markdown, from the lock file alone."""
    lock = pins.lock()
    head = "| library | version | runner builds | licence | contains |\n| --- | --- | --- | --- | --- |"
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, archive in lock.archives.items():
        on = sorted({one.build for one in pins.held_by(name) if one.build.startswith("android-")})
        group, artifact = archive.coordinate.split(":")[:2]
        key = (f"`{group}:{artifact}`", archive.version, archive.licence, ", ".join(archive.contains))
        rows.setdefault(key, []).extend(build.removeprefix("android-") for build in on)
    return "\n".join(
        [
            head,
            *(
                f"| {name} | {version} | {', '.join(sorted(on))} | {licence} | {contains} |"
                for (name, version, licence, contains), on in rows.items()
            ),
        ]
    )


def _known(named: Iterable[str], known: Iterable[str], what: str) -> list[str]:
    asked = list(named)
    for name in asked:
        if name not in known:
            raise BadInput(f"There is no {what} `{name}`.", hint=f"There are {', '.join(known)}.")
    return asked


def _of(engine: str, build: str) -> Iterator[Entry]:
    named = given.concerns(engine, build)
    choices = pins.lock().engines.get(engine, {}).get(build, [])
    if named:
        yield _given(engine, build, tuple(backend for choice in choices for backend in choice.backends) or ("cpu",))
    elif engine == "onnxruntime" and build == resolve.host_build():
        yield _installed(build)
    for choice in choices:
        if not named:
            yield _pinned(engine, build, choice, choice.core, "core")
        if choice.delegate:
            yield _pinned(engine, build, choice, choice.delegate, "delegate")


def _pinned(engine: str, build: str, choice: Choice, member: Member, role: Role) -> Entry:
    one = pins.pinned(engine, build, member)
    here = resolve.host_version(engine)
    return Entry(
        engine=engine,
        backends=tuple(choice.backends),
        build=build,
        role=role,
        version=one.archive.version,
        licence=one.archive.licence,
        contains=tuple(one.archive.contains),
        sha256=member.sha256,
        coordinate=one.archive.coordinate,
        sources=tuple(source.coordinate for source in one.archive.sources),
        checked=choice.checked,
        state="here" if cached.is_here(one) else cached.failed_before(one) or "not fetched",
        as_here=None if here is None else here == one.archive.version,
    )


def _installed(build: str) -> Entry:
    try:
        found = resolve.installed_library()
        state = "here"
    except BadInput as error:
        found, state = None, error.message
    backends = (*INSTALLED_BACKENDS, *(resolve.providers_beside(found.path) if found else ()))
    return _plain("onnxruntime", build, backends, found, state, "used as it is installed")


def _given(engine: str, build: str, backends: tuple[str, ...]) -> Entry:
    try:
        found, state = given.library(engine, build), "here"
    except BadInput as error:
        found, state = None, error.message
    return _plain(engine, build, backends, found, state, "named by the user")


def _plain(
    engine: str, build: str, backends: tuple[str, ...], found: Library | None, state: str, checked: str
) -> Entry:
    version = found.version if found else None
    here = resolve.host_version(engine)
    return Entry(
        engine=engine,
        backends=backends,
        build=build,
        role="core",
        version=version,
        licence=found.licence if found else None,
        contains=(),
        sha256=found.sha256 if found else None,
        coordinate=found.coordinate if found else None,
        sources=(found.origin,) if found else (),
        checked=checked,
        state=state,
        as_here=None if version is None or here is None else version == here,
    )
