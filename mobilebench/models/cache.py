"""The built models on this computer: where they lie, whether they are whole, and which are current.

A model's folder carries a key of everything that its files follow from (definition, converters, formula), so a
change of any of these makes a new folder, and an old one is never taken for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache as remembered
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from mobilebench import paths
from mobilebench.errors import BadInput
from mobilebench.models import added, pins, registry
from mobilebench.models.manifest import FormatFile, Manifest, ModelFiles

MANIFEST = "manifest.json"
Progress = Callable[[str], None]

_NAME = re.compile(r"(\w+)-(\w+)-b(\d+)-([0-9a-f]{12})")
"""Model, variant, batch and key, as a folder is called."""

_ROOM = Path(__file__).resolve().parent
_SHARED_SOURCES = ("zoo/blocks.py", "convert.py", "builder.py", "inputs.py", "manifest.py")


def models_folder() -> Path:
    """`<cache>/models`, made when it is missing."""
    folder = paths.cache() / "models"
    folder.mkdir(exist_ok=True)
    return folder


def folder_of(model: str, variant: str, batch: int) -> Path:
    """Where this model lies, or will lie once it is built."""
    return models_folder() / f"{model}-{variant}-b{batch}-{key(model, variant)}"


@remembered
def key(model: str, variant: str) -> str:
    """Twelve hex digits that change with the definition (and its seed), the converters, the input formula and the
    registry's entry.
    """
    entry = registry.get(model)
    digest = hashlib.sha256()
    for part in (repr((entry.inputs, entry.outputs, variant, entry.tolerance.get(variant))), repr(pins.CONVERTERS)):
        digest.update(part.encode() + b"\0")
    sources = [_ROOM / name for name in _SHARED_SOURCES]
    if entry.definition:
        sources.append(_ROOM / "zoo" / f"{entry.definition.rpartition('.')[2]}.py")
    for source in sources:
        digest.update(source.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def find(model: str, variant: str = "fp32", batch: int = 1) -> ModelFiles | None:
    """The built model, or None when it is not built (or only from an older definition).

    Raises:
        BadInput: the model is unknown, or its files are damaged (a file is missing, cut short, or its manifest
            unreadable); the hint says how to build it again.
    """
    if own := added.find(model):
        return None if added.why_not(own, variant, batch) else added.whole(own)
    registry.get(model)
    folder = folder_of(model, variant, batch)
    return read(folder) if folder.is_dir() else None


def ensure(model: str, variant: str = "fp32", batch: int = 1, progress: Progress | None = None) -> ModelFiles:
    """The built model, every byte checked; it is built when it is missing, and again when it is damaged.

    Raises:
        BadInput: it cannot be built (no definition, no such variant, or the `models` extra is not installed).
        MobilebenchError: building failed, or its formats do not agree.
    """
    from mobilebench.models import build

    if own := added.find(model):
        if reason := added.why_not(own, variant, batch):
            raise BadInput(f"{reason[0].upper()}{reason[1:]}.")
        return added.whole(own)
    return build.build(model, variant, batch, progress=progress)


def read(folder: Path) -> ModelFiles:
    """The model in this folder; its manifest is schema-checked, and its files have the sizes that it states.

    Raises:
        BadInput: the manifest is missing or not valid, or a file is missing or has another size.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise _damaged(folder, f"its {MANIFEST} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _damaged(folder, f"its {MANIFEST} is not valid at {place}: {first['msg']}") from error
    for entry in manifest.formats.values():
        found = sum(_size(folder, name) for name in _files_of(folder, entry))
        if found != entry.bytes:
            raise _damaged(folder, f"{entry.path} has {found} bytes instead of {entry.bytes}")
    return ModelFiles(folder, manifest)


def verify(files: ModelFiles) -> None:
    """Hash every file of the model (40 MB take about 0.1 s), as is due before a run.

    Raises:
        BadInput: a file is missing, cut short or changed; the message names it.
    """
    for entry in files.manifest.formats.values():
        for name, sha256 in _files_of(files.folder, entry).items():
            _size(files.folder, name)
            with (files.folder / name).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                    raise _damaged(files.folder, f"{name} was cut short or changed since it was built")


def _files_of(folder: Path, entry: FormatFile) -> dict[str, str]:
    """Relative path to sha256 of all files of one format; none may lie outside the folder."""
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
    name = _NAME.search(folder.name)
    model, variant, batch = name.group(1, 2, 3) if name else ("", "fp32", "1")
    options = ("" if variant == "fp32" else f" --variant {variant}") + ("" if batch == "1" else f" --batch {batch}")
    return BadInput(
        f"The built model in {folder} is damaged: {what}.",
        hint=f"Build it again with `mobilebench models build {model}{options}`.",
    )
