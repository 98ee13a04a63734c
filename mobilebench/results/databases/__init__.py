"""The databases that hold a store, each with what is special to it in one module."""

from __future__ import annotations

from pathlib import Path

from mobilebench.results.databases.base import Database
from mobilebench.results.places import FILE_NAME, Place


def database_of(place: Place) -> Database:
    """The database of a place. Raises `BadInput` for a URL that cannot be used."""
    if isinstance(place.database, Path):
        from mobilebench.results.databases.sqlite import SQLite

        return SQLite(place.database / FILE_NAME)
    from mobilebench.results.databases.postgresql import PostgreSQL

    return PostgreSQL(place.database)
