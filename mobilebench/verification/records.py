"""Records of verification results, for printing, JSON and the cache."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.models.manifest import Format

Verdict = Literal["pass", "FAIL", "unchecked", "unsupported", "failed"]
"""`FAIL`: the output is wrong. `unchecked`: there is an output, but the model is random, so there is nothing to compare
it with. `failed`: there is no output, because of a crash or timeout.
"""


class Cell(Record):
    """One engine on one file of a model."""

    model: str
    precision: str
    format: Format
    engine: str
    backend: str
    choice: str | None = None
    """The chosen option of the backend, such as the Wasm build `simd`; `python` for an engine's own Python package."""

    @property
    def key(self) -> str:
        """Stable text that identifies the cell within its model and precision."""
        return "/".join([self.format, *self.way])

    @property
    def way(self) -> list[str]:
        """Engine, backend and its choice."""
        return [self.engine, self.backend, *([self.choice] if self.choice else [])]


class Difference(Record):
    """The difference from the reference in one output, for one seeded input."""

    output: str
    seeded: str
    absolute: float | None
    """Largest difference of a compared element; None if there is nothing to compare."""
    relative: float | None
    """As a share of the output's scale (the reference's largest absolute value), the largest of these differences: of a
    compared element, of the largest value, of L1 per element, and of L2 over the root of the number of elements.
    """
    compared: int
    """Number of elements that were compared one by one; norms are always over all elements."""
    elements: int
    problem: str | None = None
    """A problem that no tolerance allows, as the end of a sentence about the output: `has shape …`."""


class Answered(Record):
    """The raw result of a cell before it is judged; it stays valid when tolerances change."""

    cell: Cell
    stamp: str
    """Cache key of the engine, the comparing code and the inputs; the result is valid only for this key."""
    at: datetime
    seconds: float
    version: str | None = None
    """The engine's version, as reported by itself."""
    inputs: list[str] = Field(default=[])
    """The seeded inputs that were tried."""
    differences: list[Difference] = Field(default=[])
    told_apart: dict[str, float] = Field(default={})
    """Output to the smallest distance, as a share of scale, from the reference for another input."""
    refusal: str | None = None
    """The engine's message if it does not run this file."""
    failure: str | None = None
    """Why there is no output although there should be one."""


class Judged(Record):
    """One row of the matrix."""

    cell: Cell
    verdict: Verdict
    reason: str | None = None
    absolute: float | None = None
    """The largest over all outputs and inputs; so is `relative`."""
    relative: float | None = None
    tolerance: float
    told_apart: float | None = None
    """The smallest value over all outputs."""
    before: bool = False
    """Whether it is from an earlier verification of the same files by the same engine."""
    answered: Answered | None = None


class OutputFacts(Record):
    """Facts about one output of the reference on the seeded inputs."""

    name: str
    scale: float
    """Largest absolute value."""
    least_change: float
    """Least difference between two seeded inputs, as a share of the scale."""
    complaint: str | None = None
    """Why agreement on it would prove nothing: it is constant, tiny, or not finite."""


class WorstLayer(Record):
    """The layer with the largest share of something."""

    what: Literal["zero", "vanishing", "saturated", "denormal"]
    layer: str
    operation: str
    share: float


class Activations(Record):
    """A summary of the activations of all layers on the published input."""

    layers: int
    worst: list[WorstLayer]
    complaints: list[str]


class ReferenceFacts(Record):
    """Facts about a model's reference, independent of other engines."""

    engine: str
    version: str
    stamp: str
    outputs: list[OutputFacts]
    activations: Activations | None = None
    """None if there is no TensorFlow network to inspect."""
    macs: int | None = None


class ModelMatrix(Record):
    """All verification results of one model."""

    model: str
    reference: ReferenceFacts | None
    complaints: list[str]
    """Why the model cannot pass, regardless of its cells."""
    notes: list[str]
    cells: list[Judged]

    @property
    def passes(self) -> bool:
        """Whether no cell failed and there are no complaints about the model."""
        return not self.complaints and all(one.verdict not in ("FAIL", "failed") for one in self.cells)
