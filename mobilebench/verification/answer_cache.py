"""Caches verified outputs in `<home>/verifications/<model>-<precision>-<key>.json`, one file per set of model files.

A file holds raw differences, not verdicts, so that it stays valid when tolerances change. It is replaced atomically
after every cell, so that a killed verification loses only the current cell. Keys stand for everything besides the
model's files that a result depends on: engine, inputs and comparing code.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mobilebench.core import atomic_files, paths
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import Record, TargetInfo
from mobilebench.engines import libraries
from mobilebench.engines.registry import engines
from mobilebench.models.build import fingerprint
from mobilebench.models.manifest import FormatFile, Manifest
from mobilebench.verification import cells
from mobilebench.verification.records import Answered, Cell, ReferenceFacts

_COMPARING = (
    "core/agreement.py",
    "verification/compare.py",
    "verification/worker.py",
    "verification/outputs.py",
    "verification/records.py",
    "models/synthetic_inputs.py",
    "models/build/checks.py",
)

_REFERENCE_WORKER = "models/user_models/reference_worker.py"
_ACTIVATIONS = "verification/activations.py"
_NATIVE = ("engines/native.py", "engines/native_engines.py", "engines/runner_output.py")
_WEB = ("engines/web.py", "engines/web_engines.py")


class CachedResults(Record):
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
        self._results = _read(self._path)

    def answered(self, cell: str, stamp: str) -> Answered | None:
        """The cached result of a cell, if engine, question and comparing code are the same."""
        found = self._results.cells.get(cell)
        return found if found and found.stamp == stamp else None

    def reference(self, stamp: str) -> ReferenceFacts | None:
        """The cached facts about the reference, under the same condition."""
        found = self._results.reference
        return found if found and found.stamp == stamp else None

    def keep(self, answered: Answered) -> None:
        """Store a cell's result. A cell without an answer is not stored, so it is tried again next time."""
        if answered.failure is None:
            cells = {**self._results.cells, answered.cell.key: answered}
            self._write(self._results.model_copy(update={"cells": cells}))

    def keep_reference(self, facts: ReferenceFacts) -> None:
        """Store the facts about the reference."""
        self._write(self._results.model_copy(update={"reference": facts}))

    def _write(self, results: CachedResults) -> None:
        self._results = results
        atomic_files.write_text(self._path, results.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> CachedResults:
    """Read a file; one that cannot be read or is from another version counts as empty."""
    try:
        return CachedResults.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return CachedResults()


def cell_key(cell: Cell, here: TargetInfo, inputs: tuple[str, ...]) -> str:
    """Twelve hex digits that change with the engine, the code or the inputs."""
    if cell.choice == cells.PYTHON:
        engine = [_package(cells.PYTHON_ENGINES[cell.format].package), _code(_REFERENCE_WORKER)]
    elif engines()[cell.engine].kind == "web":
        browser = here.browsers.get("chrome", "none")
        engine = [_pages(), browser, _code(*_WEB)]
    else:
        engine = [_native(cell.engine, here), _code(*_NATIVE)]
    return _short(cell.key, *engine, *inputs, _code(*_COMPARING))


def reference_key(manifest: Manifest) -> str:
    """The same for the reference and the facts about it."""
    package = next(
        (one.package for one in cells.PYTHON_ENGINES.values() if one.name == manifest.reference_engine), "none"
    )
    return _short(_package(package), _code(_REFERENCE_WORKER, _ACTIVATIONS, *_COMPARING))


def files_key(*manifests: Manifest) -> str:
    """The key of all files of a model and of the files of its reference."""
    return _short(*(part for manifest in manifests for part in _files(manifest)))


def _files(manifest: Manifest) -> list[str]:
    entries: list[FormatFile] = [manifest.formats[name] for name in sorted(manifest.formats)]
    return [f"{entry.sha256} {sorted(entry.parts.items())}" for entry in entries]


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} none"


def _native(engine: str, here: TargetInfo) -> str:
    runner = paths.runner(here.runner)
    try:
        library = libraries.library(engine, here.runner).sha256
    except MobilebenchError:
        library = "none"
    return f"{library} {sha256_of(runner) if runner.is_file() else 'none'}"


@cache
def _pages() -> str:
    """The pages that automated browsers load, without the page for manual use."""
    folder = paths.web_pages()
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith("manual.")]
    return _short(*(f"{file.relative_to(folder)} {sha256_of(file)}" for file in files))


@cache
def _code(*modules: str) -> str:
    return _short(*(fingerprint.module(paths.PACKAGE / module) for module in modules))


def _short(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:12]
