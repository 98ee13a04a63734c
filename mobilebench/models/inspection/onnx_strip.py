"""Strips the weights from an ONNX file, which leaves the graph in a few kilobytes.

The file is memory-mapped; of a tensor only the header is read. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from math import prod

from mobilebench.models.inspection import wire
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.wire import Field

_KEEP = 4096
"""Constants of up to this many bytes stay: shapes are computed from them."""

_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_MODEL_DROPPED = {14, 20}  # metadata, training
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE, _GRAPH_DOC = 1, 5, 15, 10
_FUNCTION_NODE = 7
_NODE_ATTRIBUTE, _NODE_DOC = 5, 6
_ATTRIBUTE_STRING, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 4, 5, 6, 10, 11
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_LOCATION = 1, 2, 8, 9, 14
_TENSOR_DATA = {4: 4, 5: 0, 6: 0, 7: 0, 10: 8, 11: 0}
"""Typed data to the bytes of one element; 0: they vary."""
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2, 27: 6, 28: 6,
}  # fmt: skip
"""TensorProto.DataType to the bits of one element in raw data."""
_EXTERNAL = 1
_MAX_DEPTH = 32


def stripped(data: memoryview) -> bytes:
    """The ModelProto without the data of its larger tensors; every length is checked.

    Raises:
        Malformed: the bytes are no ModelProto, are cut short, or a tensor holds more or less than its shape says.
    """
    written: list[bytes] = []
    has_graph = False
    for field in wire.fields(data, 0, len(data)):
        if field.number == _MODEL_GRAPH and field.kind == wire.LENGTH:
            has_graph = True
            written.append(_message(field, _graph(data, field, 0)))
        elif field.number == _MODEL_FUNCTIONS and field.kind == wire.LENGTH:
            written.append(_message(field, _with_nodes(data, field, _FUNCTION_NODE, 0)))
        elif field.number not in _MODEL_DROPPED:
            written.append(wire.encode(_modest(field), data))
    if not has_graph:
        raise Malformed("is not an ONNX model, or is cut short: it has no graph")
    return b"".join(written)


def _graph(data: memoryview, graph: Field, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise Malformed(f"nests graphs more than {_MAX_DEPTH} deep")
    return _with_nodes(data, graph, _GRAPH_NODE, depth)


def _with_nodes(data: memoryview, graph: Field, node: int, depth: int) -> bytes:
    written = []
    for field in wire.fields(data, graph.start, graph.end):
        if field.kind != wire.LENGTH:
            written.append(wire.encode(field, data))
        elif field.number == node:
            written.append(_message(field, _node(data, field, depth)))
        elif node == _GRAPH_NODE and field.number == _GRAPH_INITIALIZER:
            written.append(_message(field, _tensor(data, field)))
        elif node == _GRAPH_NODE and field.number == _GRAPH_SPARSE:
            written.append(_message(field, _sparse(data, field)))
        elif node != _GRAPH_NODE or field.number != _GRAPH_DOC:
            written.append(wire.encode(_modest(field), data))
    return b"".join(written)


def _node(data: memoryview, node: Field, depth: int) -> bytes:
    if node.end - node.start <= _KEEP:
        return bytes(data[node.start : node.end])
    written = []
    for field in wire.fields(data, node.start, node.end):
        if field.number == _NODE_ATTRIBUTE and field.kind == wire.LENGTH:
            written.append(_message(field, _attribute(data, field, depth)))
        elif field.number != _NODE_DOC:
            written.append(wire.encode(_modest(field), data))
    return b"".join(written)


def _attribute(data: memoryview, attribute: Field, depth: int) -> bytes:
    written = []
    for field in wire.fields(data, attribute.start, attribute.end):
        if field.kind == wire.LENGTH and field.number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            written.append(_message(field, _tensor(data, field)))
        elif field.kind == wire.LENGTH and field.number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            written.append(_message(field, _graph(data, field, depth + 1)))
        elif field.number == _ATTRIBUTE_STRING and field.end - field.start > _KEEP:
            written.append(_message(field, b""))
        else:
            written.append(wire.encode(_modest(field), data))
    return b"".join(written)


def _sparse(data: memoryview, sparse: Field) -> bytes:
    written = []
    for field in wire.fields(data, sparse.start, sparse.end):
        tensor = field.kind == wire.LENGTH and field.number in (_SPARSE_VALUES, _SPARSE_INDICES)
        written.append(_message(field, _tensor(data, field)) if tensor else wire.encode(_modest(field), data))
    return b"".join(written)


def _tensor(data: memoryview, tensor: Field) -> bytes:
    written: list[bytes] = []
    dims: list[int] = []
    held: dict[int, int] = {}
    bulk: list[Field] = []
    kind, external, name = 0, False, ""
    for field in wire.fields(data, tensor.start, tensor.end):
        if field.number == _TENSOR_RAW or field.number in _TENSOR_DATA:
            held[field.number] = held.get(field.number, 0) + (field.end - field.start)
            bulk.append(field)
            continue
        if field.number == _TENSOR_DIMS:
            packed = wire.varints(data, field.start, field.end) if field.kind == wire.LENGTH else [field.value]
            dims += [wire.signed(size) for size in packed]
        elif field.number == _TENSOR_TYPE:
            kind = field.value
        elif field.number == _TENSOR_LOCATION:
            external = field.value == _EXTERNAL
        elif field.number == _TENSOR_NAME:
            name = bytes(data[field.start : min(field.end, field.start + 100)]).decode("utf-8", "replace")
        written.append(wire.encode(_modest(field), data))
    if any(size < 0 for size in dims):
        raise Malformed(f"is damaged: constant {name!r} has a negative size")
    if not external:
        _whole(name, kind, prod(dims[:_MAX_DEPTH]), held)
    if sum(held.values()) <= _KEEP:
        written += [wire.encode(field, data) for field in bulk]
    return b"".join(written)


def _whole(name: str, kind: int, elements: int, held: dict[int, int]) -> None:
    for number, bytes_held in held.items():
        bits = _BITS.get(kind, 0) if number == _TENSOR_RAW else 8 * _TENSOR_DATA[number]
        factor = 2 if number != _TENSOR_RAW and kind in (14, 15) else 1  # complex numbers are stored as pairs
        expected = (elements * bits * factor + 7) // 8
        if bits and bytes_held and bytes_held != expected:
            raise Malformed(f"is damaged: constant {name!r} has {bytes_held} bytes where its shape needs {expected}")
    if elements and kind in _BITS and not any(held.values()):
        raise Malformed(f"is damaged or cut short: constant {name!r} has no data")


def _modest(field: Field) -> Field:
    """The field, if its size is plausible for the description of a graph."""
    if field.end - field.start > 16 * 2**20:
        raise Malformed(f"is not a readable model: field {field.number} alone has {field.end - field.start} bytes")
    return field


def _message(field: Field, body: bytes) -> bytes:
    return wire.encode_message(field.number, body)
