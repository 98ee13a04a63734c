"""The published input and the summary of an answer (`models.formula`), for the records of a model."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from mobilebench.core.records import OutputSummary
from mobilebench.models import formula
from mobilebench.models.formula import SAMPLES, hashed, sample_indices
from mobilebench.models.manifest import InputSpec

__all__ = ["MOST_SAMPLES", "SAMPLES", "fill", "hashed", "sample_indices", "summarise"]

MOST_SAMPLES = 65536
"""More than these are refused by the native runner."""


def fill(spec: InputSpec, position: int) -> NDArray[Any]:
    """The array of input number `position`, with the shape and dtype of `spec`."""
    return formula.filled(spec.shape, spec.dtype, position, **spec.fill.model_dump())


def summarise(name: str, values: NDArray[Any], samples: int = SAMPLES) -> OutputSummary:
    """The small record of one output tensor that runner, page and reference share."""
    return OutputSummary.model_validate(formula.figures(name, values, samples))
