"""Java archives in the cache: pinned in `lock.yaml`, fetched together by one call of Maven, checked on every use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape

from pydantic import Field, TypeAdapter

from mobilebench.core import file_locks, paths
from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Record
from mobilebench.engines.libraries import cached
from mobilebench.engines.libraries.pins import Sum

FILE = Path(__file__).resolve().parent / "lock.yaml"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class Archive(Record):
    """One archive of the lock file."""

    maven: Annotated[str, Field(pattern=r"^[\w.-]+:[\w.-]+:[\w.-]+:(jar|aar)$")]
    """`group:artifact:version:packaging`."""
    licence: str
    sha256: Sum

    @property
    def file_name(self) -> str:
        _, artifact, version, packaging = self.maven.split(":")
        return f"{artifact}-{version}.{packaging}"

    @property
    def path(self) -> Path:
        return folder() / self.sha256[:16] / self.file_name


Groups = dict[str, list[Archive]]
"""Archives by what they are for, such as `d8` or `robolectric`."""


def folder() -> Path:
    """The cache's folder of Java archives."""
    return paths.cache() / "java"


@cache
def lock() -> Groups:
    """The lock file."""
    import yaml

    return TypeAdapter(Groups).validate_python(yaml.safe_load(FILE.read_text()))


def obtain(*groups: str) -> list[Path]:
    """The archives of these groups in the order of the lock file, fetched when they are missing.

    Raises:
        Unsupported: Maven is missing, or does not deliver one.
        BadInput: Maven delivers other bytes than the pinned ones.
    """
    return fetched(archive for group in groups for archive in lock()[group])


def fetched(archives: Iterable[Archive]) -> list[Path]:
    """The archives, fetched when they are missing. Raises as `obtain`."""
    wanted = list(archives)
    if not all(map(_is_here, wanted)):
        folder().mkdir(parents=True, exist_ok=True)
        with file_locks.exclusive(folder() / ".lock"):
            if missing := [archive for archive in wanted if not _is_here(archive)]:
                _fetch(missing)
    return [archive.path for archive in wanted]


def _is_here(archive: Archive) -> bool:
    try:
        return known_sha256(archive.path) == archive.sha256
    except OSError:
        return False


def _fetch(archives: list[Archive]) -> None:
    if shutil.which("mvn") is None:
        raise Unsupported("The Maven client `mvn` is not installed.", hint="Install it: `apt-get install maven`.")
    cached.on_standard_error(f"Fetching {len(archives)} Java archives …")
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder()) as room:
        project, output, got = Path(room) / "pom.xml", Path(room) / "output.txt", Path(room) / "got"
        project.write_text(_project(archives))
        command = ["mvn", "--batch-mode", "--quiet", "--update-snapshots", COPY, f"-DoutputDirectory={got}"]
        in_time = cached.run_client(command, Path(room), output)
        for archive in archives:
            file = got / archive.file_name
            if not file.is_file():
                printed = output.read_text(errors="replace")[:100_000]
                why = cached.first_error(printed) if in_time else "Maven did not end in time"
                raise Unsupported(f"{archive.maven} could not be fetched: {why}.", hint="Solve that and try again.")
            if known_sha256(file) != archive.sha256:
                raise BadInput(
                    f"What was fetched as {archive.maven} is not the pinned file: its checksum differs.",
                    hint="Fetch it again; if it still differs, do not use it and tell the maintainers.",
                )
            archive.path.parent.mkdir(parents=True, exist_ok=True)
            file.replace(archive.path)


def _project(archives: list[Archive]) -> str:
    """A Maven project that depends on exactly these archives, and on nothing that they depend on."""
    return "\n".join(
        [
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
            "<groupId>org.mobilebench</groupId><artifactId>archives</artifactId><version>1</version>",
            "<packaging>pom</packaging><dependencies>",
            *(_dependency(archive) for archive in archives),
            "</dependencies></project>",
        ]
    )


def _dependency(archive: Archive) -> str:
    group, artifact, version, packaging = map(escape, archive.maven.split(":"))
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<type>{packaging}</type><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        "</exclusions></dependency>"
    )
