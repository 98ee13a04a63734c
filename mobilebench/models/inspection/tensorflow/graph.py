"""TensorFlow's GraphDef as plain data, from protobuf (SavedModel) or JSON (TF.js)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilebench.models.inspection.graph import Shape, Value

DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 9: "int64",
    10: "bool", 11: "int8", 12: "uint8", 13: "int32", 14: "bfloat16", 15: "int16", 16: "uint16", 17: "uint16",
    18: "complex128", 19: "float16", 20: "resource", 21: "precision", 22: "uint32", 23: "uint64", 24: "float8_e5m2",
    25: "float8_e4m3fn", 29: "int4", 30: "uint4",
}  # fmt: skip
"""TensorFlow's DataType to numpy's name; quantised types are named after their storage."""

NAMES = {
    "DT_FLOAT": 1, "DT_DOUBLE": 2, "DT_INT32": 3, "DT_UINT8": 4, "DT_INT16": 5, "DT_INT8": 6, "DT_STRING": 7,
    "DT_COMPLEX64": 8, "DT_INT64": 9, "DT_BOOL": 10, "DT_QINT8": 11, "DT_QUINT8": 12, "DT_QINT32": 13,
    "DT_BFLOAT16": 14, "DT_QINT16": 15, "DT_QUINT16": 16, "DT_UINT16": 17, "DT_COMPLEX128": 18, "DT_HALF": 19,
    "DT_RESOURCE": 20, "DT_VARIANT": 21, "DT_UINT32": 22, "DT_UINT64": 23, "DT_FLOAT8_E5M2": 24,
    "DT_FLOAT8_E4M3FN": 25, "DT_INT4": 29, "DT_UINT4": 30,
}  # fmt: skip
"""TensorFlow's names of its DataType, as JSON has them."""

MAX_CONTENT = 1024
"""Constants of up to this many integers are kept: shapes are computed from them."""


@dataclass(frozen=True)
class Constant:
    """A constant's dtype and shape, and the numbers of a small integer one."""

    value: Value
    content: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Node:
    """One node. Attributes are plain values: bool, int, bytes, dtype (str), Shape, Constant, `FunctionName`, or a
    list of such.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def integer(self, name: str, default: int = 0) -> int:
        """An integer or boolean attribute."""
        found = self.attributes.get(name, default)
        return int(found) if isinstance(found, int) else default

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of integers; empty when there is none."""
        found = self.attributes.get(name)
        return tuple(one for one in found if isinstance(one, int)) if isinstance(found, list) else ()

    def text(self, name: str, default: str = "") -> str:
        """A string attribute."""
        found = self.attributes.get(name)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else default

    def dtype(self, name: str, default: str = "unknown") -> str:
        """A dtype attribute."""
        found = self.attributes.get(name)
        return found if isinstance(found, str) and not isinstance(found, FunctionName) else default

    def shape(self, name: str) -> Shape | None:
        """A shape attribute; None when there is none, or its rank is not known."""
        found = self.attributes.get(name)
        return found.shape if isinstance(found, KnownShape) else None


class FunctionName(str):
    """An attribute that names a function."""

    __slots__ = ()


@dataclass(frozen=True)
class KnownShape:
    """An attribute that is a shape."""

    shape: Shape | None


@dataclass(frozen=True)
class Function:
    """A function of the graph's library."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    """References to what it returns, in order."""
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Port:
    """An input or output of a signature: its public name, its tensor, and its stated dtype and shape."""

    name: str
    tensor: str
    value: Value


@dataclass(frozen=True)
class GraphDef:
    """Nodes and library."""

    nodes: tuple[Node, ...]
    functions: Mapping[str, Function] = field(default_factory=dict)


def dtype(number: int) -> str:
    """numpy's name for TensorFlow's DataType; a reference type counts as the type that it refers to."""
    return DTYPES.get(number - 100 if number > 100 else number, "unknown")


def checked_shape(sizes: list[int]) -> Shape:
    """Sizes as TensorFlow writes them: negative ones are unknown (its optimiser numbers them -2, -3 and so on)."""
    return tuple(None if size < 0 else size for size in sizes)
