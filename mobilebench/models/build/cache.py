"""Folders of built models in the cache.

The name of a model's folder contains a key of everything that determines its files (definition, converters, input
formula). If any of these changes, so does the folder, and an outdated model is never used as a current one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mobilebench.core import paths
from mobilebench.models import pins, registry
from mobilebench.models.build import fingerprint
from mobilebench.models.weights import fetch

_WORKER = "mobilebench.models.build.worker"


def models_folder() -> Path:
    """`<cache>/models`, made when it is missing."""
    folder = paths.cache() / "models"
    folder.mkdir(exist_ok=True)
    return folder


def folder_of(model: str, precision: str, batch: int) -> Path:
    """The folder of this model, which need not be built yet."""
    return models_folder() / f"{model}-{precision}-b{batch}-{key(model, precision)}"


def lock_of(folder: Path) -> Path:
    """The lock that a builder holds while it creates this folder."""
    return folder.with_name(f"{folder.name}.lock")


def key(model: str, precision: str) -> str:
    """Twelve hex digits of everything that determines a model's files: the definition with the layers that it uses, its
    seed or pretrained weights, the converters, the input formula, and the registry's entry.
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
        *fingerprint.definition(_WORKER, "in_fp32"),
        *(fingerprint.definition(_WORKER, "derived") if precision != "fp32" else ()),
    ):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:12]
