"""The registry's entry for a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mobilebench.models.manifest import Fill, InputSpec
from mobilebench.models.pretrained import Pretrained

USUAL_TOLERANCE: Mapping[str, float] = {"fp32": 1e-4, "fp16": 2e-2, "int8": 0.15, "dynamic": 0.1}
"""Precision to the allowed difference from TensorFlow in fp32, as a share of each output's largest absolute value."""


def tolerance(**other: float) -> dict[str, float]:
    """The usual tolerances, with other values for the named precisions."""
    return {**USUAL_TOLERANCE, **other}


@dataclass(frozen=True)
class Input:
    """One input of a model; `shape` is without the batch, which becomes the first dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    fill: Fill
    layout: str = ""
    """The order of batch (N), height (H), width (W) and channels (C) of images, such as NHWC."""


@dataclass(frozen=True)
class ModelEntry:
    """One model of the registry. Inputs are in canonical order; an input's index is `position` in the fill formula."""

    name: str
    label: str
    """The papers' label, M1 to M9; empty for a model outside their latency study."""
    title: str
    task: str
    citation: str
    parameters: int
    """The published number of parameters (rounded as in the source), with batch norm counted separately."""
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    tolerance: dict[str, float] = field(default_factory=tolerance)
    """Precision to the allowed difference, as a share of each output's largest absolute reference value."""
    definition: str | None = None
    """The module that defines the network; None when this version has no definition."""
    options: Mapping[str, int] = field(default_factory=dict)
    """Further arguments for the definition, such as depth and width."""
    pretrained: Pretrained | None = None
    """Where trained weights can be fetched; a user's list (`<home>/weights.yaml`) takes precedence."""
    preprocessing: str = ""
    """The named step (`models.steps`) that makes the input from an application's data; empty: none is needed."""
    postprocessing: str = ""
    """The named step (`models.steps`) that makes an application's result from the outputs; empty: none is needed."""

    def input_specs(self, batch: int) -> list[InputSpec]:
        """The inputs with their shapes for this batch."""
        return [
            InputSpec.model_validate(
                {"name": i.name, "dtype": i.dtype, "shape": [batch, *i.shape], "fill": i.fill.model_dump()}
            )
            for i in self.inputs
        ]
