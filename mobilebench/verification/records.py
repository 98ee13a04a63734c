"""What verification finds, as it is printed, given as JSON and kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.models.manifest import Format

Verdict = Literal["pass", "FAIL", "unchecked", "unsupported", "failed"]
"""`FAIL`: it computed something else. `unchecked`: it answered, but the model is random, so there is nothing to agree
with. `failed`: there is no answer, because it broke down or took too long."""


class Cell(Record):
    """One engine on one file of a model."""

    model: str
    precision: str
    format: Format
    engine: str
    backend: str
    choice: str | None = None
    """What is chosen of the backend, such as the Wasm build `simd`; `python` for an engine's own Python package."""

    @property
    def key(self) -> str:
        """Stable text that identifies the cell among those of its model and precision."""
        return "/".join([self.format, *self.way])

    @property
    def way(self) -> list[str]:
        """Engine, backend and what is chosen of it."""
        return [self.engine, self.backend, *([self.choice] if self.choice else [])]


class Difference(Record):
    """How far an answer is from the reference in one output, on one seeded input."""

    output: str
    seeded: str
    absolute: float | None
    """Largest difference of a compared element; None where there is nothing to compare."""
    relative: float | None
    """As a share of the output's scale (the reference's largest absolute value): the largest of a compared element's
    difference, the largest value's, L1's by element, and L2's by the root of the number of elements."""
    compared: int
    """Elements that were compared one by one; norms are always over all."""
    elements: int
    problem: str | None = None
    """What is wrong without regard to any tolerance, as the end of a sentence about the output: `has shape …`."""


class Answered(Record):
    """What came of a cell, before it is judged: it stays true when tolerances change."""

    cell: Cell
    stamp: str
    """Of the engine, of the code that compares and of what was asked: another stamp makes it worthless."""
    at: datetime
    seconds: float
    version: str | None = None
    """Of the engine, as it says itself."""
    inputs: list[str] = Field(default=[])
    """The seeded inputs that were tried."""
    differences: list[Difference] = Field(default=[])
    told_apart: dict[str, float] = Field(default={})
    """Output to the least share of its scale by which an answer is from the reference to another input."""
    refusal: str | None = None
    """Why the engine does not run this file, in its own words."""
    failure: str | None = None
    """Why there is no answer although there should be one."""


class Judged(Record):
    """One row of the matrix."""

    cell: Cell
    verdict: Verdict
    reason: str | None = None
    absolute: float | None = None
    """Worst of all outputs and inputs, like `relative`."""
    relative: float | None = None
    tolerance: float
    told_apart: float | None = None
    """Least of all outputs."""
    before: bool = False
    """Taken from an earlier verification of the same files by the same engine."""
    answered: Answered | None = None


class OutputFacts(Record):
    """What one output of the reference shows on the seeded inputs."""

    name: str
    scale: float
    """Largest absolute value."""
    least_change: float
    """Least difference between two seeded inputs, as a share of the scale."""
    complaint: str | None = None
    """Why agreement on it would prove nothing: constant, tiny, or not finite."""


class WorstLayer(Record):
    """The layer with the largest share of something."""

    what: Literal["zero", "vanishing", "saturated", "denormal"]
    layer: str
    operation: str
    share: float


class Activations(Record):
    """How the signals fare from layer to layer, on the published input."""

    layers: int
    worst: list[WorstLayer]
    complaints: list[str]


class ReferenceFacts(Record):
    """What is known of a model apart from any other engine."""

    engine: str
    version: str
    stamp: str
    outputs: list[OutputFacts]
    activations: Activations | None = None
    """None where there is no network of TensorFlow's to look into."""
    macs: int | None = None


class ModelMatrix(Record):
    """All that verification says of one model."""

    model: str
    reference: ReferenceFacts | None
    complaints: list[str]
    """Why the model cannot pass, whatever its cells say."""
    notes: list[str]
    cells: list[Judged]

    @property
    def passes(self) -> bool:
        """Whether no cell failed, and the model is worth comparing where it can be compared."""
        return not self.complaints and all(one.verdict not in ("FAIL", "failed") for one in self.cells)
