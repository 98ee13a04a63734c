"""A library file and what is known of it, for the rest of mobilebench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Library:
    """A library file on this computer, ready to be pushed."""

    path: Path
    sha256: str
    origin: str
    """Where it comes from, in plain words."""
    version: str | None = None
    """Version of the engine; None for a user's file, whose version is known only when it is loaded."""
    licence: str | None = None
    """SPDX expression of the engine; None for a user's file."""
    coordinate: str | None = None
    """Coordinate in its registry; None for a user's file."""


@dataclass(frozen=True)
class EngineLibraries:
    """The libraries that one backend of an engine loads on one runner build."""

    core: Library
    delegate: Library | None = None
    """A second library that contains the backend."""
    notes: tuple[str, ...] = ()
    """Notes for readers of results, such as a version that differs from this computer's."""
