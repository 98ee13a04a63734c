"""Looks up models by name, and says which can be built."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable

from mobilebench.core.errors import BadInput
from mobilebench.core.records import ModelFacts
from mobilebench.models import behaviour, families, user_store
from mobilebench.models.catalogue import ENTRIES
from mobilebench.models.families import FAMILIES
from mobilebench.models.manifest import Manifest
from mobilebench.models.spec import USUAL_TOLERANCE, ModelEntry

PRECISIONS = ("fp32", "fp16", "int8", "dynamic")
"""Number formats: `int8` computes in 8 bits with float inputs and outputs, `dynamic` only keeps weights in 8 bits."""

MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in ENTRIES}
"""Every model of the zoo by name: the papers' nine models in their order, then the others."""


def names() -> list[str]:
    """The names of all models: the zoo (the papers' nine models first), one member of each family, the users' own."""
    own = [files.manifest.model for files in user_store.every()]
    return [*MODELS, *(family.default_member for family in FAMILIES.values()), *own]


def knows(name: str) -> bool:
    """Whether a model has this name; family members of any depth and width within the limits count."""
    try:
        get(name)
    except BadInput:
        return False
    return True


def get(name: str) -> ModelEntry:
    """The entry of a model, which may be a member of a family such as `mlp_4x256`, or a user's own.

    Raises:
        BadInput: no model has this name; the message lists those that exist, the hint the closest.
    """
    if entry := MODELS.get(name) or families.member(name):
        return entry
    if files := user_store.find(name):
        return user_store.entry(files)
    raise _unknown(name)


def expand(patterns: Iterable[str]) -> list[str]:
    """The distinct names that these patterns match: `mlp_*` is the published grid of a family; another pattern with
    `*`, `?` or `[` is matched against the listed names; a name without these stays as it is.

    Raises:
        BadInput: a pattern matches nothing.
    """
    names_found: dict[str, None] = {}
    for pattern in patterns:
        if not set(pattern) & set("*?["):
            names_found[pattern] = None
            continue
        grids = (name for family in FAMILIES for name in families.grid(family))
        matched = fnmatch.filter(dict.fromkeys([*MODELS, *grids, *names()]), pattern)
        if not matched:
            raise BadInput(
                f"No model has a name like `{pattern}`.",
                hint=f"`{next(iter(FAMILIES))}_*` stands for a family's published members; `mobilebench models list` "
                "shows the names.",
            )
        names_found |= dict.fromkeys(matched)
    return list(names_found)


def _unknown(name: str) -> BadInput:
    if family := FAMILIES.get(name.partition("_")[0]):
        return BadInput(
            f"There is no model {name!r}: the names of family {family.name} end in depth x width.",
            hint=f"For instance `{family.default_member}`; `{family.name}_*` stands for all published ones.",
        )
    close = difflib.get_close_matches(name.lower().replace("-", "_"), names(), n=1, cutoff=0.5)
    return BadInput(
        f"There is no model {name!r}. Known models: {', '.join(names())}.",
        hint=f"Did you mean `{close[0]}`?" if close else "`mobilebench models list` describes them.",
    )


def why_not(model: str, precision: str = "fp32", batch: int | None = None) -> str | None:
    """Why a known model is not available in this precision (and batch), in plain words; None if it is.

    Raises:
        BadInput: the model or the precision is unknown.
    """
    entry = get(model)
    if precision not in PRECISIONS:
        raise BadInput(
            f"There is no precision {precision!r}. Known precisions: {', '.join(PRECISIONS)}.",
            hint="Precisions are number formats; without one, the precision is fp32.",
        )
    if isinstance(entry, user_store.AddedModel):
        return user_store.why_not(entry.files, precision, batch)
    if entry.definition is None:
        return f"{model} is known, but this version has no definition of it"
    if precision not in entry.tolerance:
        return f"{model} has no {precision} precision in this version, only {', '.join(entry.tolerance)}"
    return None


def facts(manifest: Manifest) -> ModelFacts:
    """The facts about a built model that the verdict rules need.

    For an engine that computes in half precision, the wider of the tolerances of fp16 and of the model applies.
    """
    known = get(manifest.model).tolerance if knows(manifest.model) else {}
    model = behaviour.of(manifest)
    return ModelFacts(
        model=manifest.model,
        precision=manifest.precision,
        batch=manifest.batch,
        reference=manifest.reference,
        tolerance=manifest.tolerance,
        half_precision_tolerance=max(manifest.tolerance, known.get("fp16", USUAL_TOLERANCE["fp16"])),
        stateful=model.stateful,
        random=model.random,
        sizes_vary=model.sizes_vary,
    )
