"""The graph that every reader returns (values, operations, weights), and the facts derived from it.

A graph is small: it holds shapes, never the weights themselves.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from mobilebench.core.operators import intensity, operator_type
from mobilebench.models.inspection.malformed import Malformed

Shape = tuple[int | None, ...]

BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16,
    "float8_e4m3fn": 8, "float8_e4m3fnuz": 8, "float8_e5m2": 8, "float8_e5m2fnuz": 8, "float8_e8m0": 8,
    "float6_e2m3": 6, "float6_e3m2": 6, "float4_e2m1": 4,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4, "int2": 2,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "uint4": 4, "uint2": 2,
    "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
"""dtype to bits per element; the size of other dtypes (strings, resources) is not known."""

_Kind = tuple[str, str, bool]
"""Type, domain, depthwise."""

_PASSING = {
    "Cast", "DequantizeLinear", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "ReadVariableOp",
    "ExpandDims", "Dequantize", "CAST", "DEQUANTIZE", "DENSIFY", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE",
}  # fmt: skip
"""Operators that do not change a constant's values."""

_MAX_RANK = 32
_MAX_NAME = 4096
_MAX_OPERATIONS = 1_000_000


@dataclass(frozen=True)
class Value:
    """A tensor's dtype and shape; the shape is None where even the rank is not known."""

    dtype: str
    shape: Shape | None

    @property
    def elements(self) -> int | None:
        """The number of elements; None unless every size is known."""
        if self.shape is None or None in self.shape:
            return None
        return prod(size for size in self.shape if size is not None)

    @property
    def bytes(self) -> int | None:
        """The size of all elements in bytes, if it is known."""
        bits = BITS.get(self.dtype)
        return None if bits is None or self.elements is None else (self.elements * bits + 7) // 8


@dataclass(frozen=True)
class Operation:
    """One node: what it reads and writes, and its number of multiply-accumulates (None: not known)."""

    type: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    macs: int | None
    domain: str = ""
    looks_up: bool = False
    """It reads only as much of its first input as it writes (rows of an embedding)."""
    depthwise: bool = False
    """An ONNX convolution that has one filter for each channel."""


@dataclass
class Graph:
    """A model's graph under the file's own names."""

    values: dict[str, Value] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    weights: dict[str, Value] = field(default_factory=dict)
    """Constants that hold weights, each once."""
    keys: dict[str, str] = field(default_factory=dict)
    """Input name to the name that operations use for it, where they differ."""
    holders: dict[str, str] = field(default_factory=dict)
    """Name that operations read to the name of the weights in it, where they differ."""
    files: list[str] = field(default_factory=list)
    """Further files that belong to the model, relative to its folder."""
    opset: dict[str, int] = field(default_factory=dict)
    producer: str = ""
    signature: str | None = None
    signatures: list[str] = field(default_factory=list)
    signature_graphs: int = 0
    shared_names: list[str] = field(default_factory=list)
    """Clauses about names shared by several inputs or outputs, where the name lists do not show it."""


def facts(graph: Graph) -> dict[str, Any]:
    """The fields of a `Description` ready for JSON, except the files' sizes and hashes.

    Raises:
        Malformed: there are no outputs or no operators, or a name, a rank or the number of operators is absurd.
    """
    _check(graph)
    counts: Counter[_Kind] = Counter()
    macs: dict[_Kind, int | None] = {}
    for operation in graph.operations:
        kind = _kind(operation)
        counts[kind] += 1
        macs[kind] = _sum([macs.get(kind, 0), operation.macs])
    parameters = _parameters(graph)
    weight_dtypes: Counter[str] = Counter()
    for weight in graph.weights.values():
        weight_dtypes[weight.dtype] += weight.elements or 0
    return {
        "files": graph.files,
        "inputs": [_tensor(name, graph.values[name]) for name in graph.inputs],
        "outputs": [_tensor(name, graph.values[name]) for name in graph.outputs],
        "operators": [
            {
                "type": kind[0],
                "domain": kind[1],
                "depthwise": kind[2],
                "count": count,
                "parameters": parameters[kind],
                "macs": macs[kind],
            }
            for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
        "computing": [
            operator_label(one.type, one.domain, depthwise=one.depthwise)
            for one in graph.operations
            if intensity(operator_type(one.type)) == "compute"
        ],
        "parameters": sum(weight_dtypes.values()),
        "weight_dtypes": dict(sorted(weight_dtypes.items())),
        "macs": _sum(macs.values()),
        "traffic_bytes": _sum(_traffic(operation, graph.values) for operation in graph.operations),
        "opset": graph.opset,
        "producer": graph.producer[:200],
        "signature": graph.signature,
        "signatures": graph.signatures,
        "signature_graphs": graph.signature_graphs,
        "shared_names": list(dict.fromkeys([*graph.shared_names, *shared_names("inputs", graph.inputs)])),
    }


def no_signature(requested: str, known: Sequence[str]) -> Malformed:
    """The error for a requested signature that the model does not have."""
    names = ", ".join(shown_name(name) for name in known)
    hint = "Name one of these with --signature." if known else "Leave --signature out."
    return Malformed(f"has no signature {requested[:100]!r}; it has {names or 'none'}", hint=hint)


def shown_name(name: str) -> str:
    """A name of a model file on one line, at most 100 characters, quoted if a shell would need it."""
    return shlex.quote("".join(letter if letter.isprintable() else "?" for letter in name[:100]))


def shared_names(what: str, names: Sequence[str]) -> list[str]:
    """One clause for each name that several inputs or outputs share."""
    counts = Counter(names)
    words = {2: "two", 3: "three", 4: "four"}
    return [
        f"{words.get(count, str(count))} {what} are called `{name}`" if name else f"{count} {what} have no name"
        for name, count in counts.items()
        if count > 1
    ]


def operator_label(kind: str, domain: str, *, depthwise: bool) -> str:
    """Domain and type, with what the type leaves open, such as `Conv (depthwise)`."""
    name = f"{domain}:{kind}" if domain else kind
    return f"{name} (depthwise)" if depthwise else name


def bind(name: str, shape: Shape | None, given: Mapping[str, list[int]]) -> Shape | None:
    """An input's shape, completed with the given sizes.

    Raises:
        Malformed: the given shape has another rank, a size that is not positive, or changes a fixed size.
    """
    if name not in given:
        return shape
    wanted = tuple(given[name])
    written = list(wanted)
    if any(size < 1 for size in wanted):
        raise Malformed(f"cannot take shape {written} for input {name!r}: every size has to be at least 1")
    if shape is None:
        return wanted
    if len(shape) != len(wanted) or any(own not in (None, new) for own, new in zip(shape, wanted, strict=True)):
        raise Malformed(
            f"cannot take shape {written} for input {name!r}, whose shape is {describe(shape)}",
            hint="Only sizes written as ? can be chosen.",
        )
    return wanted


def refuse_unknown_inputs(given: Mapping[str, list[int]], names: Iterable[str]) -> None:
    """Check that shapes are given only for inputs that exist.

    Raises:
        Malformed: an input does not exist; the message names those that do.
    """
    known = list(names)
    if unknown := sorted(set(given) - set(known)):
        raise Malformed(f"has no input {unknown[0]!r}; its inputs are {', '.join(known) or 'none'}")


def describe(shape: Shape | None) -> str:
    """`1 x ? x 3`; sizes that are not known are question marks."""
    if shape is None:
        return "not known"
    return " x ".join("?" if size is None else str(size) for size in shape) or "scalar"


def _check(graph: Graph) -> None:
    if not graph.outputs:
        raise Malformed("has a graph without outputs, so there is nothing to measure")
    if not graph.operations:
        raise Malformed("has a graph without operators, so there is nothing to measure")
    if len(graph.operations) > _MAX_OPERATIONS:
        raise Malformed(f"has {len(graph.operations)} operators; at most {_MAX_OPERATIONS} are read")
    names = [*graph.inputs, *graph.outputs, *(operation.type for operation in graph.operations)]
    if any(len(name) > _MAX_NAME for name in names):
        raise Malformed(f"has a name of more than {_MAX_NAME} characters")
    for name, value in [*graph.values.items(), *graph.weights.items()]:
        if value.shape is not None and len(value.shape) > _MAX_RANK:
            raise Malformed(
                f"has a tensor of {len(value.shape)} dimensions ({name[:100]!r}); at most {_MAX_RANK} are read"
            )


def _kind(operation: Operation) -> _Kind:
    return operation.type, operation.domain, operation.depthwise


def _parameters(graph: Graph) -> Counter[_Kind]:
    """Elements of weights by the operators that first compute with them.

    An operator that only changes the format or layout of a constant (Dequantize, Reshape) passes its weights on.
    """
    found: Counter[_Kind] = Counter()
    left = {name: weight.elements or 0 for name, weight in graph.weights.items()}
    carried = {name: {name} for name in left} | {read: {name} for read, name in graph.holders.items() if name in left}
    computed = {graph.keys.get(name, name) for name in graph.inputs}
    for operation in graph.operations:
        weights = {weight for name in operation.reads for weight in carried.get(name, ())}
        if weights and operation.type in _PASSING and computed.isdisjoint(operation.reads):
            carried |= dict.fromkeys(operation.writes, weights)
            continue
        computed.update(operation.writes)
        found[_kind(operation)] += sum(left.pop(weight, 0) for weight in weights)
    return found


def _tensor(name: str, value: Value) -> dict[str, Any]:
    return {
        "name": name,
        "dtype": value.dtype,
        "shape": list(value.shape or ()),
        "rank_known": value.shape is not None,
    }


def _traffic(operation: Operation, values: Mapping[str, Value]) -> int | None:
    written = _sum(_bytes(name, values) for name in operation.writes)
    if operation.looks_up:
        return _sum([written, written, *(_bytes(name, values) for name in set(operation.reads[1:]))])
    return _sum([written, *(_bytes(name, values) for name in set(operation.reads))])


def _bytes(name: str, values: Mapping[str, Value]) -> int | None:
    return values[name].bytes if name in values else None


def _sum(parts: Iterable[int | None]) -> int | None:
    total = 0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


_SAME_VALUES = {
    "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand", "ExpandDims", "Transpose",
    "CAST", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE",
}  # fmt: skip
"""Operators whose output holds only values of their first input."""

_BY_ROW = {"Gather": (0, 1), "GatherV2": (0, 1), "ResourceGather": (0, 1), "GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}
"""Operators that take rows of a table: the input positions of the table and of the indices."""


def table_rows(graph: Graph) -> dict[str, int]:
    """Integer input to the number of rows of the (smallest) table that it indexes."""
    made = {name for operation in graph.operations for name in operation.writes}
    found = {}
    for name in graph.inputs:
        if graph.values[name].dtype.startswith(("int", "uint")):
            sizes = [size for table in _tables(graph, name) if table not in made and (size := _rows(graph, table))]
            if sizes:
                found[name] = min(sizes)
    return found


def _tables(graph: Graph, name: str) -> list[str]:
    reached = {graph.keys.get(name, name)}
    tables = []
    for operation in graph.operations:
        reads = operation.reads
        if operation.type in _SAME_VALUES and reads and reads[0] in reached:
            reached.update(operation.writes)
        elif operation.type in _BY_ROW and len(reads) > 1:
            table, indices = _BY_ROW[operation.type]
            if reads[indices] in reached and reads[table] not in reached:
                tables.append(reads[table])
    return tables


def _rows(graph: Graph, table: str) -> int | None:
    shape = graph.values[table].shape if table in graph.values else None
    return shape[0] if shape else None
