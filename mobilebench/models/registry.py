"""The models by name, and which can be built."""

from __future__ import annotations

import difflib

from mobilebench.errors import BadInput
from mobilebench.models.entries import ENTRIES
from mobilebench.models.entry import ModelEntry

VARIANTS = ("fp32", "fp16", "int8", "dynamic")
"""Number formats: `int8` computes in 8 bits with float inputs and outputs, `dynamic` only keeps weights in 8 bits."""


MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in ENTRIES}
"""Every known model by name: the papers' nine in their order, then the others."""


def names() -> list[str]:
    """The names of all known models: the papers' nine in their order, then the others."""
    return list(MODELS)


def get(name: str) -> ModelEntry:
    """The entry of a model.

    Raises:
        BadInput: no model has this name; the message lists those that exist, the hint the closest.
    """
    if name in MODELS:
        return MODELS[name]
    close = difflib.get_close_matches(name.lower().replace("-", "_"), MODELS, n=1, cutoff=0.5)
    raise BadInput(
        f"There is no model {name!r}; known are {', '.join(MODELS)}.",
        hint=f"Did you mean `{close[0]}`?" if close else "`mobilebench models list` describes them.",
    )


def why_not(model: str, variant: str = "fp32") -> str | None:
    """Why a known model cannot be built in this variant, in plain words; None when it can.

    Raises:
        BadInput: the model or the variant is unknown.
    """
    entry = get(model)
    if variant not in VARIANTS:
        raise BadInput(
            f"There is no variant {variant!r}; known are {', '.join(VARIANTS)}.",
            hint="Variants are number formats; leave it out for fp32.",
        )
    if entry.definition is None:
        return f"{model} is known but this version has no definition of it"
    if variant not in entry.tolerance:
        return f"{model} has no {variant} variant in this version, only {', '.join(entry.tolerance)}"
    return None
