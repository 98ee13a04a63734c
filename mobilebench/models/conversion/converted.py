"""The result of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.errors import MobilebenchError

SIGNATURE = "serving_default"
"""The one signature of the SavedModels that are converted."""


@dataclass(frozen=True)
class Names:
    """A model's canonical tensor names, in canonical order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Converted:
    """One format of a model: the file that an engine opens, and a map from canonical names to the format's own."""

    file: Path
    inputs: dict[str, str]
    outputs: dict[str, str]
    parts: tuple[Path, ...] = ()
    """Further files that belong to it."""
    notes: tuple[str, ...] = ()
    """Remarks for readers of its results, such as operators that stayed in float."""


def in_order(file: Path, canonical: Sequence[str], found: dict[str, str]) -> dict[str, str]:
    """`found` (canonical name to the format's own) in canonical order.

    Raises:
        MobilebenchError: other tensors were found than expected.
    """
    if set(found) != set(canonical) or len(set(found.values())) != len(canonical):
        raise MobilebenchError(f"{file.name} names its tensors {found}, where {list(canonical)} were expected.")
    return {name: found[name] for name in canonical}
