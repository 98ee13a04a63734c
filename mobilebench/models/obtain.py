"""Gets a model by name: from the cache, by building it, or from the user's own models."""

from __future__ import annotations

from mobilebench.core.errors import BadInput
from mobilebench.models import registry, store, user_store
from mobilebench.models.build import builder, cache
from mobilebench.models.build.builder import Progress
from mobilebench.models.manifest import ModelFiles


def find(model: str, precision: str = "fp32", batch: int = 1) -> ModelFiles | None:
    """The built model, or None if it is not built from the current definition.

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
    """The built model; it is built if it is missing or damaged.

    Args:
        model: name.
        precision: number format.
        batch: the batch size that is built into the model.
        progress: called with a short text at each step.
        thorough: hash every file, as before a run; otherwise only files modified since they were built.

    Raises:
        BadInput: it cannot be built (no definition, no such precision, or the `models` extra is not installed).
        MobilebenchError: building failed, or its formats do not agree.
    """
    if own := user_store.find(model):
        if reason := user_store.why_not(own, precision, batch):
            raise BadInput(f"{reason[0].upper()}{reason[1:]}.")
        return user_store.whole(own)
    return builder.build(model, precision, batch, progress=progress, thorough=thorough)
