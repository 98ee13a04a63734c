"""Get a model by name: one that is built in the cache, one that is built now, or a user's own."""

from __future__ import annotations

from mobilebench.core.errors import BadInput
from mobilebench.models import registry, store, user_store
from mobilebench.models.build import builder, cache
from mobilebench.models.build.builder import Progress
from mobilebench.models.manifest import ModelFiles


def find(model: str, precision: str = "fp32", batch: int = 1) -> ModelFiles | None:
    """The built model, or None when it is not built (or only from an older definition).

    Raises:
        BadInput: the model is unknown, or its files are damaged (a file is missing, cut short, or its manifest
            unreadable); the hint says how to build it again.
    """
    if own := user_store.find(model):
        return None if user_store.why_not(own, precision, batch) else user_store.whole(own)
    registry.get(model)
    folder = cache.folder_of(model, precision, batch)
    return store.read(folder) if folder.is_dir() else None


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
    if own := user_store.find(model):
        if reason := user_store.why_not(own, precision, batch):
            raise BadInput(f"{reason[0].upper()}{reason[1:]}.")
        return user_store.whole(own)
    return builder.build(model, precision, batch, progress=progress, thorough=thorough)
