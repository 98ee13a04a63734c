"""What the rest of mobilebench is told of a library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Library:
    """A library file on this computer, ready to be pushed."""

    path: Path
    sha256: str
    origin: str
    """Where it comes from, in words."""
    version: str | None = None
    """Of the engine; None: a user's file, which tells it only when it is loaded."""
    licence: str | None = None
    """SPDX expression of the engine; None: a user's file."""
    coordinate: str | None = None
    """In its registry; None: a user's file."""


@dataclass(frozen=True)
class EngineLibraries:
    """What one backend of an engine loads on one runner build."""

    core: Library
    delegate: Library | None = None
    """A second library that holds the backend."""
    notes: tuple[str, ...] = ()
    """What a reader of results should know, such as a version that differs from this computer's."""
