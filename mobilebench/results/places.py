"""Where results are: a database, in a folder or on a server, and the folder for the files of runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mobilebench.core import log, paths
from mobilebench.core.errors import BadInput

FILE_NAME = "results.sqlite"
"""The database in a folder."""
VARIABLE = "MOBILEBENCH_STORE"
"""The environment variable that names a store."""
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class Place:
    """Where a store is."""

    database: Path | str = field(repr=False)
    """Folder of `results.sqlite`, or the URL of a PostgreSQL database, which may hold a password."""
    folder: Path
    """Folder for the files of runs, such as journals, traces and reports."""

    @property
    def name(self) -> str:
        """The folder or the URL, for people; a password is masked."""
        return str(self.database) if isinstance(self.database, Path) else log.without_passwords(self.database)

    def __str__(self) -> str:
        return self.name


Where = Path | str | Place
"""A folder, a URL, or both."""


def place_of(where: Where, folder: Path | None = None) -> Place:
    """The place that is meant by a folder, a URL or a place.

    Args:
        where: a folder; the URL of a PostgreSQL database; or a place, which is returned.
        folder: the folder for the files of runs; by default the folder of the database, or for a URL the data folder.

    Raises:
        BadInput: it is the URL of something else.
    """
    if isinstance(where, Place):
        return where
    text = str(where)
    if isinstance(where, Path) or "://" not in text:
        return Place(Path(where), folder or Path(where))
    scheme = text.partition("://")[0].lower()
    if scheme not in _SCHEMES:
        raise BadInput(
            f"{log.without_passwords(text)} is no store: there is no kind {scheme}.",
            hint="Give a folder, or a URL such as postgresql://user@host/database.",
        )
    return Place(text, folder or paths.home())
