"""Caches verified outputs in `<home>/verifications/<model>-<precision>-<key>.json`, one file per set of model files.

A file holds raw differences, not verdicts, so that it stays valid when tolerances change. It is replaced atomically
after every cell, so that a killed verification loses only the current cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mobilebench.core import atomic_files, paths
from mobilebench.core.records import Record
from mobilebench.verification.records import Answered, ReferenceFacts


class Kept(Record):
    """The content of one file."""

    schema_version: Literal[1] = 1
    reference: ReferenceFacts | None = None
    cells: dict[str, Answered] = Field(default={})
    """By the cell's key."""


class Verifications:
    """The cached results for one set of a model's files."""

    def __init__(self, model: str, precision: str, key: str) -> None:
        folder = paths.home() / "verifications"
        folder.mkdir(exist_ok=True)
        self._path = folder / f"{model}-{precision}-{key}.json"
        self._kept = _read(self._path)

    def answered(self, cell: str, stamp: str) -> Answered | None:
        """The cached result of a cell, if engine, question and comparing code are the same."""
        found = self._kept.cells.get(cell)
        return found if found and found.stamp == stamp else None

    def reference(self, stamp: str) -> ReferenceFacts | None:
        """The cached facts about the reference, under the same condition."""
        found = self._kept.reference
        return found if found and found.stamp == stamp else None

    def keep(self, answered: Answered) -> None:
        """Store a cell's result. A cell without an answer is not stored, so it is tried again next time."""
        if answered.failure is None:
            cells = {**self._kept.cells, answered.cell.key: answered}
            self._write(self._kept.model_copy(update={"cells": cells}))

    def keep_reference(self, facts: ReferenceFacts) -> None:
        """Store the facts about the reference."""
        self._write(self._kept.model_copy(update={"reference": facts}))

    def _write(self, kept: Kept) -> None:
        self._kept = kept
        atomic_files.write_text(self._path, kept.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> Kept:
    """Read a file; one that cannot be read or is from another version counts as empty."""
    try:
        return Kept.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return Kept()
