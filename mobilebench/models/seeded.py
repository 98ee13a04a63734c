"""Several seeded inputs of a model: the published formula with other ranges, so that every engine can make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mobilebench.models import inputs
from mobilebench.models.manifest import Fill, InputSpec

SEEDED = ("published", "upper", "lower")
"""The model's own ranges, and the upper and the lower half of each."""


def specs(model_inputs: Sequence[InputSpec], seeded: str) -> list[InputSpec]:
    """A model's inputs with the ranges of one seeded input; a range of two integers or fewer stays whole."""
    return [spec.model_copy(update={"fill": _range(spec.fill, seeded)}) for spec in model_inputs]


def feed(model_inputs: Sequence[InputSpec], seeded: str) -> dict[str, NDArray[Any]]:
    """Input name to the array of one seeded input."""
    return {spec.name: inputs.fill(spec, position) for position, spec in enumerate(specs(model_inputs, seeded))}


def _range(fill: Fill, seeded: str) -> Fill:
    if seeded == "published" or (fill.kind == "integers" and fill.high - fill.low <= 2):
        return fill
    middle = (fill.low + fill.high) / 2
    if fill.kind == "integers":
        middle = float(middle // 1)
    return fill.model_copy(update={"low": middle} if seeded == "upper" else {"high": middle})
