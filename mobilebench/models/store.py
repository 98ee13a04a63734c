"""Reads and checks models in their folders: a `manifest.json` and the files that it describes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from mobilebench.core.errors import BadInput, first_problem
from mobilebench.core.hashing import sha256_of
from mobilebench.models.manifest import FormatFile, Manifest, ModelFiles

MANIFEST = "manifest.json"

BUILT_NAME = re.compile(r"(\w+)-(\w+)-b(\d+)-([0-9a-f]{12})")
"""The name of a built model's folder: model, precision, batch and key."""


def read(folder: Path, kind: type[Manifest] = Manifest) -> ModelFiles:
    """Read the model in this folder; the manifest must be of type `kind`, and the files must have the stated sizes.

    Raises:
        BadInput: the manifest is missing or not valid, or a file is missing or has another size.
    """
    try:
        manifest = kind.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise _damaged(folder, f"its {MANIFEST} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        problem = first_problem(error).sentence("the file")
        raise _damaged(folder, f"its {MANIFEST} is not valid ({problem})") from error
    for entry in manifest.formats.values():
        size = sum(_size(folder, name) for name in _files_of(folder, entry))
        if size != entry.bytes:
            raise _damaged(folder, f"{entry.path} has {size} bytes instead of {entry.bytes}")
    return ModelFiles(folder, manifest)


def verify(files: ModelFiles, *, changed_only: bool = False) -> None:
    """Hash every file of the model (1 GB takes about 1 s), as before a run.

    Args:
        files: the model.
        changed_only: skip files that are older than the manifest, which a build writes last.

    Raises:
        BadInput: a file is missing, cut short or changed; the message names it.
    """
    described = (files.folder / MANIFEST).stat().st_mtime_ns
    expected: dict[str, str] = {}
    for entry in files.manifest.formats.values():
        for name, sha256 in _files_of(files.folder, entry).items():
            _size(files.folder, name)
            if not changed_only or (files.folder / name).stat().st_mtime_ns > described:
                expected[name] = sha256
    with ThreadPoolExecutor() as pool:
        hashed = pool.map(lambda name: sha256_of(files.folder / name), expected)
        for (name, sha256), now in zip(expected.items(), hashed, strict=True):
            if now != sha256:
                raise _damaged(files.folder, f"{name} was cut short or changed")


def _files_of(folder: Path, entry: FormatFile) -> dict[str, str]:
    """Relative path to sha256 of all files of one format; all must be inside the folder."""
    every = {entry.path: entry.sha256, **entry.parts}
    for name in every:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise _damaged(folder, f"its {MANIFEST} names a file outside its folder ({name})")
    return every


def _size(folder: Path, name: str) -> int:
    try:
        return (folder / name).stat().st_size
    except OSError as error:
        raise _damaged(folder, f"{name} is missing") from error


def _damaged(folder: Path, what: str) -> BadInput:
    name = BUILT_NAME.search(folder.name)
    if name is None:
        return BadInput(f"The added model in {folder} is damaged: {what}.")
    model, precision, batch = name.group(1, 2, 3)
    options = ("" if precision == "fp32" else f" --precision {precision}") + (
        "" if batch == "1" else f" --batch {batch}"
    )
    return BadInput(
        f"The built model in {folder} is damaged: {what}.",
        hint=f"Build it again with `mobilebench models build {model}{options}`.",
    )
