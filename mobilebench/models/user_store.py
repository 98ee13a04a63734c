"""The store of models that users added, and their names. These models cannot be rebuilt.

Each is in `<home>/models/<sha256>/` with a `manifest.json`. It is written to another folder first and then moved.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from pydantic import ValidationError

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.models import store
from mobilebench.models.manifest import AddedManifest, InputSpec, Manifest, ModelFiles
from mobilebench.models.spec import Input, ModelEntry
from mobilebench.models.store import MANIFEST

_CONTENT = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_WORKSHOP = ".adding-"
_ADD_AGAIN = "Remove it with `mobilebench models remove {name} --yes`, and add the file again."


@dataclass(frozen=True)
class AddedModel(ModelEntry):
    """The registry's entry for a user's model: one precision, and the batch of its inputs."""

    files: ModelFiles = field(kw_only=True)

    def input_specs(self, batch: int) -> list[InputSpec]:  # noqa: ARG002 - it has one batch
        """The inputs as they were added."""
        return self.files.manifest.inputs


def folder() -> Path:
    """`<home>/models`, made when it is missing."""
    path = paths.home() / "models"
    path.mkdir(exist_ok=True)
    return path


def every() -> list[ModelFiles]:
    """All added models whose manifest can be read, by name."""
    home = paths.home() / "models"
    folders = sorted(home.iterdir()) if home.is_dir() else []
    models = [files for folder in folders if _CONTENT.fullmatch(folder.name) and (files := read(folder))]
    return sorted(models, key=lambda files: files.manifest.model)


def find(name: str) -> ModelFiles | None:
    """The added model of this name, or None. Its files are not checked; `whole` does that."""
    return next((files for files in every() if files.manifest.model == name), None)


def entry(files: ModelFiles) -> AddedModel:
    """The registry's entry for an added model."""
    manifest = files.manifest
    inputs = tuple(Input(spec.name, spec.dtype, tuple(spec.shape[1:]), spec.fill) for spec in manifest.inputs)
    return AddedModel(
        name=manifest.model,
        label="",
        title=manifest.model,
        task="user's model",
        citation="",
        parameters=manifest.parameters,
        inputs=inputs,
        outputs=tuple(manifest.outputs),
        tolerance={manifest.precision: manifest.tolerance},
        files=files,
    )


def model_name(path: Path, name_given: str | None) -> str:
    """The name for an added model: the wanted one, or one made from the file's name.

    Raises:
        BadInput: the wanted name has other characters than `a-z`, `0-9` and `_`, or the file's name has none of them.
    """
    if name_given is not None:
        if not _NAME.fullmatch(name_given):
            proposal = _plain(name_given)
            raise BadInput(
                f"{name_given!r} cannot be a model's name: use at most 64 characters out of a-z, 0-9 and _.",
                hint=f"For example --name {proposal}." if proposal else None,
            )
        return name_given
    resolved = path.expanduser().absolute()
    generic = resolved.stem.lower() in {"model", "saved_model"} and resolved.parent.name
    name = _plain(resolved.parent.name if generic else resolved.stem if resolved.suffix else resolved.name)
    if not name:
        raise BadInput(f"No name can be derived from {path}.", hint="Choose one with --name.")
    return name


def free_name(name: str, names_taken: Iterable[str]) -> str:
    """An unused name similar to this one."""
    names = set(names_taken)
    number = 2
    while f"{name}_{number}" in names:
        number += 1
    return f"my_{name}" if f"my_{name}" not in names else f"{name}_{number}"


def why_not(files: ModelFiles, precision: str, batch: int | None = None) -> str | None:
    """Why an added model is not available like this, and what to request instead; None if it is."""
    manifest = files.manifest
    options = [f"--precision {manifest.precision}"] if precision != manifest.precision else []
    options += [f"--batch {manifest.batch}"] if batch not in (None, manifest.batch) else []
    if not options:
        return None
    return (
        f"{manifest.model} was added with batch {manifest.batch} in {manifest.precision} "
        f"(select it with {' '.join(options)})"
    )


def whole(files: ModelFiles) -> ModelFiles:
    """The model, after checking the hash of every file.

    Raises:
        BadInput: a file is missing, cut short or changed; the message names it.
    """
    try:
        checked = store.read(files.folder, AddedManifest)
        store.verify(checked)
    except BadInput as error:
        raise BadInput(error.message, hint=_ADD_AGAIN.format(name=files.manifest.model)) from error
    return checked


def remove(name: str) -> ModelFiles:
    """Remove an added model and its files; returns its former entry.

    Raises:
        BadInput: no model was added under this name.
    """
    with _turn():
        files = find(name)
        if files is None:
            names = ", ".join(one.manifest.model for one in every())
            raise BadInput(
                f"No model was added under the name {name!r}. Added models: {names or 'none'}.",
                hint="This command removes only models that you added; `mobilebench models prune` clears the cache.",
            )
        discarded = Path(mkdtemp(prefix=_WORKSHOP, dir=folder()))
        files.folder.rename(discarded / "removed")
    shutil.rmtree(discarded)
    return files


@contextmanager
def workshop() -> Iterator[Path]:
    """A temporary folder beside the added models. It is removed on exit unless `place` moved it.

    The folder of a killed process is removed when the next model is added, since its lock is free.
    """
    with ExitStack() as held:
        with _turn():
            _sweep()
            place = Path(mkdtemp(prefix=_WORKSHOP, dir=folder()))
            held.enter_context(file_locks.exclusive(place))
        held.callback(shutil.rmtree, place, ignore_errors=True)
        yield place


def place(shop: Path, manifest: Manifest, sha256: str) -> ModelFiles:
    """Move a workshop to its final folder; if the same content was added meanwhile, return that model.

    Raises:
        BadInput: the name was taken meanwhile.
    """
    (shop / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    with _turn():
        target = folder() / sha256
        if existing := read(target):
            return existing
        if other := find(manifest.model):
            raise BadInput(
                f"The name {manifest.model} was taken meanwhile, by the model with sha256 {other.folder.name[:12]}.",
                hint="Choose another one with --name.",
            )
        shutil.rmtree(target, ignore_errors=True)
        shop.rename(target)
    return ModelFiles(target, manifest)


def update(files: ModelFiles, manifest: Manifest) -> ModelFiles:
    """Replace the manifest of an added model atomically."""
    atomic_files.write_text(files.folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n", alone=True)
    return ModelFiles(files.folder, manifest)


def read(place: Path) -> ModelFiles | None:
    """The added model in this folder, or None when there is none whose manifest is valid."""
    try:
        manifest = AddedManifest.model_validate_json((place / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
    return ModelFiles(place, manifest)


@contextmanager
def _turn() -> Iterator[None]:
    with file_locks.exclusive(folder() / ".lock"):
        yield


def _sweep() -> None:
    for leftover in folder().glob(f"{_WORKSHOP}*"):
        with file_locks.if_free(leftover) as free:
            if free:
                shutil.rmtree(leftover, ignore_errors=True)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]
