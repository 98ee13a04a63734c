"""The built models on this computer: where they lie, whether they are whole, and which are current.

A model's folder carries a key of everything that its files follow from (definition, converters, formula), so a
change of any of these makes a new folder, and an old one is never taken for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.models import fetch, fingerprint, pins, registry, user_store
from mobilebench.models.manifest import FormatFile, Manifest, ModelFiles

MANIFEST = "manifest.json"
Progress = Callable[[str], None]

_NAME = re.compile(r"(\w+)-(\w+)-b(\d+)-([0-9a-f]{12})")
"""Model, precision, batch and key, as a folder is called."""

_BUILDER = "mobilebench.models.builder"


def models_folder() -> Path:
    """`<cache>/models`, made when it is missing."""
    folder = paths.cache() / "models"
    folder.mkdir(exist_ok=True)
    return folder


def folder_of(model: str, precision: str, batch: int) -> Path:
    """Where this model lies, or will lie once it is built."""
    return models_folder() / f"{model}-{precision}-b{batch}-{key(model, precision)}"


def lock_of(folder: Path) -> Path:
    """The lock that a builder holds while it makes this folder."""
    return folder.with_name(f"{folder.name}.lock")


def key(model: str, precision: str) -> str:
    """Twelve hex digits of everything that a model's files follow from: the definition with the layers that it uses,
    its seed or pretrained weights, the converters, the input formula, and the registry's entry.
    """
    entry = registry.get(model)
    pretrained = fetch.fetched(model)
    facts = (
        entry.inputs,
        entry.outputs,
        dict(entry.options),
        precision,
        entry.tolerance.get(precision),
        pins.CONVERTERS,
    )
    digest = hashlib.sha256()
    for part in (
        repr(facts),
        pretrained.pretrained.sha256 if pretrained else "seeded",
        *(fingerprint.definition(entry.definition) if entry.definition else ()),
        *fingerprint.definition(_BUILDER, "in_fp32"),
        *(fingerprint.definition(_BUILDER, "derived") if precision != "fp32" else ()),
    ):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:12]


def find(model: str, precision: str = "fp32", batch: int = 1) -> ModelFiles | None:
    """The built model, or None when it is not built (or only from an older definition).

    Raises:
        BadInput: the model is unknown, or its files are damaged (a file is missing, cut short, or its manifest
            unreadable); the hint says how to build it again.
    """
    if own := user_store.find(model):
        return None if user_store.why_not(own, precision, batch) else user_store.whole(own)
    registry.get(model)
    folder = folder_of(model, precision, batch)
    return read(folder) if folder.is_dir() else None


def ensure(
    model: str,
    precision: str = "fp32",
    batch: int = 1,
    progress: Progress | None = None,
    *,
    thorough: bool = True,
) -> ModelFiles:
    """The built model; it is built when it is missing, and again when it is damaged.

    Args:
        model: name.
        precision: number format.
        batch: built into the model.
        progress: told what is done.
        thorough: hash every file, as is due before a run; else only those that were written to since they were built.

    Raises:
        BadInput: it cannot be built (no definition, no such precision, or the `models` extra is not installed).
        MobilebenchError: building failed, or its formats do not agree.
    """
    from mobilebench.models import build

    if own := user_store.find(model):
        if reason := user_store.why_not(own, precision, batch):
            raise BadInput(f"{reason[0].upper()}{reason[1:]}.")
        return user_store.whole(own)
    return build.build(model, precision, batch, progress=progress, thorough=thorough)


def read(folder: Path, kind: type[Manifest] = Manifest) -> ModelFiles:
    """The model in this folder; its manifest is of this kind, and its files have the sizes that it states.

    Raises:
        BadInput: the manifest is missing or not valid, or a file is missing or has another size.
    """
    try:
        manifest = kind.model_validate_json((folder / MANIFEST).read_bytes())
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


def verify(files: ModelFiles, *, changed_only: bool = False) -> None:
    """Hash every file of the model (1 GB takes about 1 s), as is due before a run.

    Args:
        files: the model.
        changed_only: leave out files that were not written to after the manifest was, which comes last in a build.

    Raises:
        BadInput: a file is missing, cut short or changed; the message names it.
    """
    described = (files.folder / MANIFEST).stat().st_mtime_ns
    wanted: dict[str, str] = {}
    for entry in files.manifest.formats.values():
        for name, sha256 in _files_of(files.folder, entry).items():
            _size(files.folder, name)
            if not changed_only or (files.folder / name).stat().st_mtime_ns > described:
                wanted[name] = sha256
    with ThreadPoolExecutor() as pool:
        for name, found in zip(wanted, pool.map(lambda name: sha256_of(files.folder / name), wanted), strict=True):
            if found != wanted[name]:
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
    model, precision, batch = name.group(1, 2, 3) if name else ("", "fp32", "1")
    options = ("" if precision == "fp32" else f" --precision {precision}") + (
        "" if batch == "1" else f" --batch {batch}"
    )
    return BadInput(
        f"The built model in {folder} is damaged: {what}.",
        hint=f"Build it again with `mobilebench models build {model}{options}`.",
    )
