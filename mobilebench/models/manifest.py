"""The manifest of a model: its files, its inputs, and the reference output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from mobilebench.core.axes import NO_MODEL
from mobilebench.core.records import OutputSummary, Record

Format = Literal["saved_model", "tflite", "onnx", "tfjs"]


class Fill(Record):
    """How an input is filled by the published formula (`models.synthetic_inputs`)."""

    kind: Literal["uniform", "integers"]
    low: float
    high: float
    """Exclusive."""


class InputSpec(Record):
    """One input of a model, under its canonical name."""

    name: str
    dtype: Literal["float32", "int32", "int64", "int8", "uint8", "bool"]
    shape: list[int]
    fill: Fill


class FormatFile(Record):
    """One format of a model: the file that an engine opens, further files, and its tensor names."""

    path: str
    """Relative to the manifest's folder; for tfjs the `model.json`, for saved_model the `saved_model.pb`."""
    sha256: str
    bytes: int
    """Size of all its files together."""
    parts: dict[str, str] = Field(default={})
    """Further files (tfjs weight shards, a SavedModel's variables): relative path to sha256."""
    inputs: dict[str, str]
    """Canonical input name to the name in this format."""
    outputs: dict[str, str]
    """Canonical output name to the name in this format."""
    input_dtypes: dict[str, str] = Field(default={})
    """Canonical input name to its dtype in this format, where it differs from the model's."""
    open_inputs: list[str] = Field(default=[])
    """Canonical names of the inputs with dynamic sizes in this file."""


class Manifest(Record):
    """`manifest.json` beside a model's files. It is validated whenever it is read."""

    schema_version: Literal[2] = 2
    source: Literal["zoo", "added"] = "zoo"
    """`zoo`: built here from a definition; `added`: a user's own file."""
    model: str
    precision: str
    batch: int
    weights: str
    """`seeded`, `pretrained: <sha256>` or `added: <sha256>`."""
    seed: int | None
    """The seed of seeded weights."""
    inputs: list[InputSpec]
    outputs: list[str]
    """Canonical output names, in the order of `reference`."""
    formats: dict[Format, FormatFile]
    unsupported: dict[Format, str] = Field(default={})
    """Formats that do not exist for this model and precision, each with the reason in plain words."""
    reference: list[OutputSummary]
    """Summaries of the reference output for the published input."""
    differences: dict[Format, float] = Field(default={})
    """Largest difference of a format's own Python engine from the reference when the model was built, over all elements
    and seeded inputs, as a share of each output's scale.
    """
    reference_engine: str = "tensorflow"
    """The engine that computed `reference`: for models of the zoo in any precision, TensorFlow with fp32 weights."""
    tolerance: float
    """Allowed difference as a share of each output's largest absolute reference value."""
    parameters: int
    built_with: dict[str, str]
    """Package to version."""
    notes: list[str] = Field(default=[])
    """Remarks for readers of its results, in plain words."""

    @model_validator(mode="before")
    @classmethod
    def _rename_variant(cls, given: Any) -> Any:
        """Earlier manifests say `variant`."""
        if isinstance(given, dict) and "variant" in given:
            return {"precision" if name == "variant" else name: value for name, value in given.items()}
        return given


class Behaviour(Record):
    """What a model's output depends on besides its input, as its own engine showed when the model was added."""

    stateful: bool = False
    """It keeps state from inference to inference: the same input gives a different output later in a session."""
    random: bool = False
    """It draws random numbers: the same input gives a different output each time."""
    sizes_vary: bool = False
    """For a random model: even the shapes of its outputs vary."""
    operators: list[str] = Field(default=[])
    """Operators of the file that keep state or draw random numbers."""


class AddedManifest(Manifest):
    """The manifest of a user's own model, which need not be a pure function of its input."""

    behaviour: Behaviour = Field(default=Behaviour())
    output_dtypes: dict[str, str] = Field(default={})
    """Output to its dtype in the user's file."""
    signature: str | None = None
    """The signature that is measured, if the user's file has several."""
    signatures: list[str] = Field(default=[])
    """All signatures of the user's file."""
    rewritten_from: str | None = None
    """sha256 of the user's file, if the measured file is a copy with only this signature."""


@dataclass(frozen=True)
class ModelFiles:
    """A built model on this computer."""

    folder: Path
    manifest: Manifest

    def file(self, format: Format) -> Path | None:  # noqa: A002 - the word of the domain
        """The file that an engine opens, or None if the model lacks this format."""
        entry = self.manifest.formats.get(format)
        return self.folder / entry.path if entry else None

    def missing(self, format: Format) -> str:  # noqa: A002
        """A clause on a format that the model lacks, with the reason if it is known."""
        reason = self.manifest.unsupported.get(format)
        because = f": {reason}" if reason else ""
        return f"{self.manifest.model} {self.manifest.precision} has no {format} file{because}"


NO_MODEL_FILES = ModelFiles(
    Path(),
    Manifest(
        model=NO_MODEL,
        precision="fp32",
        batch=1,
        weights="none",
        seed=None,
        inputs=[],
        outputs=[],
        formats={},
        reference=[],
        tolerance=0,
        parameters=0,
        built_with={},
    ),
)
"""Stands for the model of a case without one."""
