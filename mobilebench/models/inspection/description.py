"""The result of inspecting a model file."""

from __future__ import annotations

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.models.inspection.graph import operator_label
from mobilebench.models.manifest import Format


class Tensor(Record):
    """An input or output of a graph, under the file's own name."""

    name: str
    dtype: str
    """numpy's name: `float32`, `int32`, `int64`, `uint8`, `int8`, `float16`, `bool` …"""
    shape: list[int | None]
    """None where the file leaves a size open (a dynamic axis)."""
    rank_known: bool = True
    """False where the file leaves even the number of sizes open; `shape` is empty then."""


class OperatorCount(Record):
    """One operator type of a graph, in the format's own vocabulary (`CONV_2D`, `Conv`, `Conv2D`)."""

    type: str
    domain: str = ""
    """The domain of ONNX operators outside the standard. TFLite: `custom` for custom operators, `flex` for Flex."""
    depthwise: bool = False
    """ONNX: convolutions that have one filter for each channel; other formats have their own name for these."""
    count: int
    parameters: int = 0
    """Elements of the weights that these operators are the first to use."""
    macs: int | None = None
    """Multiply-accumulates of all these operators in one inference; None if a shape is not known."""

    @property
    def label(self) -> str:
        return operator_label(self.type, self.domain, depthwise=self.depthwise)


class Description(Record):
    """One model file."""

    format: Format
    sha256: str
    """sha256 of the file; for a folder, of the lines `<sha256> <path>` of its files, sorted by path."""
    bytes: int
    """Size of all its files together."""
    files: dict[str, str]
    """Path relative to the model's folder to sha256, of every file of the model; the file to open comes first."""
    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: list[OperatorCount]
    """Most frequent first."""
    computing: list[str] = Field(default=[])
    """Labels of the compute-intensive operators (`mobilebench.core.operators`), in the order of the file."""
    parameters: int
    """Elements of the constants that hold weights (floating point, or quantised)."""
    weight_dtypes: dict[str, int]
    """dtype to number of parameters that are stored in it."""
    macs: int | None
    """Multiply-accumulates of one inference; None where shapes are not known."""
    traffic_bytes: int | None
    """Estimate of the memory traffic of one inference: every operator reads its inputs and weights and writes its
    outputs once."""
    opset: dict[str, int] = Field(default={})
    """ONNX: domain to version ("" is the standard)."""
    producer: str = ""
    lookups: dict[str, int] = Field(default={})
    """Integer input to the number of rows of the table that it indexes, if that can be determined."""
    signature: str | None = None
    """The signature that was read, for a SavedModel or a TensorFlow Lite file with signatures."""
    signatures: list[str] = Field(default=[])
    """All signatures; for a SavedModel, only those with inputs and outputs."""
    signature_graphs: int = 0
    """The number of different graphs behind `signatures`."""
    shared_names: list[str] = Field(default=[])
    """One clause for each name that several inputs or several outputs share."""
