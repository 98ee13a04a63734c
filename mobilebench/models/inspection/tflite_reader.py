"""Reads TensorFlow Lite files by their published schema. Only names of operators come from package `ai_edge_litert`."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mobilebench.models.inspection import flatbuffer, macs
from mobilebench.models.inspection.flatbuffer import Table
from mobilebench.models.inspection.graph import (
    Graph,
    Operation,
    Value,
    bind,
    no_signature,
    refuse_unknown_inputs,
    shared_names,
)
from mobilebench.models.inspection.malformed import Malformed, cut_short

IDENTIFIER = b"TFL3"

_DTYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "precision", "uint32", "uint16", "int4", "bfloat16", "int2", "uint4",
    "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip
"""numpy's dtype names, indexed by the schema's TensorType."""

_VERSION, _CODES, _SUBGRAPHS, _DESCRIPTION, _BUFFERS, _SIGNATURES = 0, 1, 2, 3, 4, 7
_SIGNATURE_KEY, _SIGNATURE_GRAPH = 2, 4
_CODE_OLD, _CODE_CUSTOM, _CODE_NEW = 0, 1, 3
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_SHAPE, _TYPE, _BUFFER, _NAME, _QUANTIZATION, _VARIABLE, _SPARSITY, _SIGNATURE_SHAPE = 0, 1, 2, 3, 4, 5, 6, 7
_HAS_RANK = 8
_CODE_INDEX, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _OPTIONS = 0, 1, 2, 4
_SCALE = 2
_DATA, _OFFSET, _SIZE = 0, 1, 2
_KNOWN_VERSION = 3
_LOOKUPS = {"GATHER", "GATHER_ND", "EMBEDDING_LOOKUP"}
_MAX_SUBGRAPHS = 10_000

_OPTIONS_TYPE, _OPTIONS_2_TYPE, _OPTIONS_2 = 3, 11, 12
_GRAPH_FIELDS: Mapping[int, tuple[int, ...]] = {16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)}
"""Options of CALL, IF, WHILE and CALL_ONCE: the fields that hold the number of a graph."""

_GRAPH_FIELDS_2: Mapping[int, tuple[int, ...]] = {6: (1,), 7: (6,), 13: (5,), 14: (2,), 15: (0, 1), 21: (1,)}
"""The same for StableHLO's REDUCE, SCATTER, REDUCE_WINDOW, SORT, WHILE and COMPOSITE."""

_CASE, _BRANCHES = 23, 0
"""StableHLO's CASE has a list of graphs."""

_ONLY_GRAPHS = {(_OPTIONS, 16), (_OPTIONS, 92), (_OPTIONS, 93), (_OPTIONS, 103), (_OPTIONS_2, 15)}
"""Options whose fields are numbers of graphs and nothing else."""


def read(file: Path, shapes: Mapping[str, list[int]], signature: str | None = None) -> Graph:
    """The graph of a TensorFlow Lite file.

    Args:
        file: opened for reading only; weights are not touched.
        shapes: input name to its shape, for inputs with dynamic axes.
        signature: the signature whose graph is read; None: the first graph, which engines run.

    Raises:
        Malformed: it is no such file, is damaged, or needs an operator that is not known.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            return read_bytes(view, shapes, signature)
        finally:
            view.release()


def read_bytes(data: memoryview, shapes: Mapping[str, list[int]], signature: str | None = None) -> Graph:
    """As `read`, from bytes in memory."""
    if bytes(data[4:8]) != IDENTIFIER:
        raise Malformed("is not a TensorFlow Lite file: it lacks the identifier TFL3")
    model = flatbuffer.root(data)
    if (version := model.number(_VERSION, "I")) != _KNOWN_VERSION:
        raise Malformed(f"is of version {version} of TensorFlow Lite's schema; only version {_KNOWN_VERSION} is known")
    subgraphs = model.tables(_SUBGRAPHS)
    if not 1 <= len(subgraphs) <= _MAX_SUBGRAPHS:
        raise Malformed(f"is damaged: it has {len(subgraphs)} graphs")
    codes = [_operator(code) for code in model.tables(_CODES)]
    held = [_held(buffer, len(data)) for buffer in model.tables(_BUFFERS)]
    graph = Graph(producer=model.text(_DESCRIPTION))
    main = _choose(graph, _signatures(model, len(subgraphs)), signature)
    waiting = _add(graph, subgraphs[main], codes, held, shapes, prefix=None)
    done = {main}
    while waiting:
        place = _index(waiting.pop(0), len(subgraphs))
        if place not in done:
            done.add(place)
            waiting += _add(graph, subgraphs[place], codes, held, {}, prefix=f"{place}/")
    return graph


def _signatures(model: Table, subgraphs: int) -> list[tuple[str, int]]:
    """Each signature with the number of its graph, by graph."""
    found = [
        (one.text(_SIGNATURE_KEY), _index(one.number(_SIGNATURE_GRAPH, "I"), subgraphs))
        for one in model.tables(_SIGNATURES)
    ]
    return sorted(found, key=lambda one: one[1])


def _choose(graph: Graph, signatures: list[tuple[str, int]], requested: str | None) -> int:
    """Store the signatures in the graph; returns the number of the graph to read."""
    graph.signatures = list(dict.fromkeys(name for name, _ in signatures))
    graph.signature_graphs = len({place for _, place in signatures})
    if requested is None:
        graph.signature = next((name for name, place in signatures if place == 0), None)
        return 0
    places = [place for name, place in signatures if name == requested]
    if not places:
        raise no_signature(requested, graph.signatures)
    if len(places) > 1:
        raise Malformed(f"is damaged: {len(places)} signatures are called {requested[:100]!r}")
    graph.signature = requested
    return places[0]


def _add(
    graph: Graph,
    subgraph: Table,
    codes: list[tuple[str, str]],
    held: list[int],
    shapes: Mapping[str, list[int]],
    prefix: str | None,
) -> list[int]:
    """Add a subgraph to the graph; returns the numbers of the subgraphs that it calls. How often inner ones (with a
    prefix) run is not known.
    """
    tensors = subgraph.tables(_TENSORS)
    ranked = _ranks_are_stated(tensors)
    values = [_value(tensor, ranked=ranked) for tensor in tensors]
    if prefix is None:
        names = [tensor.text(_NAME) for tensor in tensors]
        inputs = [_index(place, len(tensors)) for place in subgraph.numbers(_INPUTS, "i")]
        outputs = [_index(place, len(tensors)) for place in subgraph.numbers(_OUTPUTS, "i")]
        values = _chosen(inputs, names, tensors, values, shapes)
        graph.inputs = [_unique(graph, names[place], place, values[place]) for place in inputs]
        graph.outputs = [_unique(graph, names[place], place, values[place]) for place in outputs]
        graph.shared_names = [
            *shared_names("inputs", [names[place] for place in inputs]),
            *shared_names("outputs", [names[place] for place in dict.fromkeys(outputs)]),
        ]
        graph.keys = {name: f"#{place}" for name, place in zip(graph.inputs, inputs, strict=True)}
    keys = [f"{prefix or ''}{place}" for place in range(len(tensors))]
    graph.values |= {f"#{key}": value for key, value in zip(keys, values, strict=True)}
    _add_weights(graph, tensors, keys, values, held)
    called: list[int] = []
    for operator in subgraph.tables(_OPERATORS):
        index = operator.number(_CODE_INDEX, "I")
        if index >= len(codes):
            raise Malformed(f"is damaged: an operator refers to code {index}, but there are {len(codes)}")
        kind, domain = codes[index]
        called += [call.graph for call in calls(operator).calls]
        reads = [_index(place, len(tensors)) for place in operator.numbers(_OPERATOR_INPUTS, "i") if place != -1]
        writes = [_index(place, len(tensors)) for place in operator.numbers(_OPERATOR_OUTPUTS, "i") if place != -1]
        graph.operations.append(
            Operation(
                kind,
                tuple(f"#{keys[place]}" for place in reads),
                tuple(f"#{keys[place]}" for place in writes),
                None if prefix or domain else _macs(kind, operator, values),
                domain,
                looks_up=kind in _LOOKUPS,
            )
        )
    return called


def _macs(kind: str, operator: Table, values: list[Value]) -> int | None:
    inputs = [values[place].shape if place >= 0 else None for place in operator.numbers(_OPERATOR_INPUTS, "i")]
    outputs = operator.numbers(_OPERATOR_OUTPUTS, "i")
    output = values[outputs[0]].shape if outputs and outputs[0] >= 0 else None
    options = operator.table(_OPTIONS) if kind == "BATCH_MATMUL" else None
    return macs.of_tflite(kind, inputs, output, transposed=bool(options and options.number(0, "B")))


def _chosen(
    inputs: list[int], names: list[str], tensors: list[Table], values: list[Value], shapes: Mapping[str, list[int]]
) -> list[Value]:
    """The tensors with the chosen shapes of inputs.

    The file's sizes are valid for the input shapes stored in it. For other input shapes, the sizes that depend on them
    stay unknown.
    """
    refuse_unknown_inputs(shapes, [names[place] for place in inputs])
    chosen = {place: bind(names[place], values[place].shape, shapes) for place in inputs}
    if all(tensors[place].numbers(_SHAPE, "i") == shape for place, shape in chosen.items()):
        return [Value(value.dtype, _stored(tensor)) for tensor, value in zip(tensors, values, strict=True)]
    return [Value(value.dtype, chosen[place]) if place in chosen else value for place, value in enumerate(values)]


def _unique(graph: Graph, name: str, place: int, value: Value) -> str:
    """Register an input or output under its name, or its position if the name is missing or not unique."""
    if not name or (name in graph.values and graph.values[name] != value):
        name = f"tensor {place}"
    graph.values[name] = value
    return name


def _add_weights(graph: Graph, tensors: list[Table], keys: list[str], values: list[Value], held: list[int]) -> None:
    for tensor, key, value in zip(tensors, keys, values, strict=True):
        buffer = tensor.number(_BUFFER, "I")
        if buffer >= len(held):
            raise Malformed(f"is damaged: a tensor refers to buffer {buffer}, but there are {len(held)}")
        if not held[buffer] or tensor.number(_VARIABLE, "B"):
            continue
        stored = Value(value.dtype, _stored(tensor))
        size = stored.bytes
        if size is not None and size != held[buffer] and not tensor.table(_SPARSITY):
            name = tensor.text(_NAME)[:100]
            raise Malformed(f"is damaged: constant {name!r} has {held[buffer]} bytes where its shape needs {size}")
        if (stored.elements or 0) > 1 and _holds_weights(tensor, stored.dtype):
            graph.weights.setdefault(f"buffer {buffer}", stored)
            graph.holders[f"#{key}"] = f"buffer {buffer}"


def _holds_weights(tensor: Table, dtype: str) -> bool:
    if dtype.startswith(("float", "bfloat")):
        return True
    quantization = tensor.table(_QUANTIZATION)
    return dtype.startswith(("int", "uint")) and quantization is not None and bool(quantization.numbers(_SCALE, "f"))


def _ranks_are_stated(tensors: list[Table]) -> bool:
    """Whether a tensor without sizes is a scalar only if it says that its rank is known.

    Converters from before 2022 do not say it for any tensor. If no tensor has sizes, the two cannot be distinguished.
    """
    stated = any(tensor.number(_HAS_RANK, "B") for tensor in tensors)
    return stated or not any(tensor.numbers(_SHAPE, "i") for tensor in tensors)


def _value(tensor: Table, *, ranked: bool) -> Value:
    signature = tensor.numbers(_SIGNATURE_SHAPE, "i")
    shape = signature or tensor.numbers(_SHAPE, "i")
    if ranked and not shape and not tensor.number(_HAS_RANK, "B"):
        return Value(_dtype(tensor), None)
    return Value(_dtype(tensor), tuple(None if size < 0 else size for size in shape))


def _stored(tensor: Table) -> tuple[int, ...]:
    shape = tensor.numbers(_SHAPE, "i")
    if any(size < 0 for size in shape):
        raise Malformed(f"is damaged: tensor {tensor.text(_NAME)[:100]!r} has a negative size")
    return shape


def _dtype(tensor: Table) -> str:
    number = tensor.number(_TYPE, "b")
    if not 0 <= number < len(_DTYPES):
        raise Malformed(f"is damaged, or newer than this program: it has tensors of type {number}")
    return _DTYPES[number]


def _held(buffer: Table, size: int) -> int:
    """Bytes in a buffer, inside the schema's part of the file or after it."""
    inside = buffer.span(_DATA, 1)
    offset, length = buffer.number(_OFFSET, "Q"), buffer.number(_SIZE, "Q")
    if inside or offset <= 1:
        return inside[1] if inside else 0
    if offset + length > size:
        raise cut_short(f"a buffer of {length} bytes")
    return length


def _index(place: int, count: int) -> int:
    if not 0 <= place < count:
        raise Malformed(f"is damaged: it refers to number {place} in a list of {count}")
    return place


def _operator(code: Table) -> tuple[str, str]:
    """Name and domain of an operator. Codes above 127 are in a separate field."""
    number = max(code.number(_CODE_OLD, "b"), code.number(_CODE_NEW, "i"))
    name = _operator_names().get(number)
    if name is None:
        raise Malformed(f"needs operator number {number}, which TensorFlow Lite does not have")
    if name != "CUSTOM":
        return name, ""
    custom = code.text(_CODE_CUSTOM)
    return custom or "CUSTOM", "flex" if custom.startswith("Flex") else "custom"


@cache
def _operator_names() -> dict[int, str]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}


@dataclass(frozen=True)
class Call:
    """One graph number in an operator's options."""

    graph: int
    at: int | None
    """Its offset in the file; None if it is 0, which as the default is not stored."""


@dataclass(frozen=True)
class Calls:
    """All graphs that one operator calls."""

    calls: tuple[Call, ...]
    options_at: int | None = None
    """Offset of the operator's reference to its options."""
    only_graphs: bool = False
    """Whether the options hold only graph numbers, each in the field of its position."""


def calls(operator: Table) -> Calls:
    """The graphs that an operator calls.

    Raises:
        Malformed: an offset reaches past the file's end.
    """
    unions = ((_OPTIONS_TYPE, _OPTIONS, _GRAPH_FIELDS), (_OPTIONS_2_TYPE, _OPTIONS_2, _GRAPH_FIELDS_2))
    for type_field, field, known in unions:
        number = operator.number(type_field, "B")
        options = operator.table(field) if number in known or (field == _OPTIONS_2 and number == _CASE) else None
        if options is None:
            continue
        if number in known:
            found = tuple(Call(options.number(one, "i"), options.at(one)) for one in known[number])
            return Calls(found, operator.at(field), (field, number) in _ONLY_GRAPHS)
        where = options.span(_BRANCHES, 4)
        start = where[0] if where else 0
        branches = options.numbers(_BRANCHES, "i")
        return Calls(tuple(Call(graph, start + 4 * place) for place, graph in enumerate(branches)))
    return Calls(())
