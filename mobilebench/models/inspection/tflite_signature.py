"""Makes one signature the only one of a TensorFlow Lite file, and its graph the first: engines run the first graph.

A copy of the file is changed in place, in a process with limits (`worker`). Only the references to graphs change:
weights, metadata and data after the schema's part stay byte for byte.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from mobilebench.models.inspection import flatbuffer
from mobilebench.models.inspection.flatbuffer import Table
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tflite_reader import Calls, calls

_SUBGRAPHS, _BUFFERS, _METADATA, _SIGNATURES = 2, 4, 6, 7
_SIGNATURE_KEY, _SIGNATURE_GRAPH = 2, 4
_OPERATORS = 3
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_CONTROL = "model_control_dependencies"
"""Metadata that lists for each graph which operators must wait for which."""
_FARTHEST = 2**31 - 2**10
"""Largest file size that FlatBuffers offsets can address, with some margin."""
_MOST_ADDED = 2**20
_ALONE = "Convert it again with this signature alone: `signature_keys=[NAME]` of `TFLiteConverter.from_saved_model`."


def keep(file: Path, name: str) -> None:
    """Change a file in place.

    Raises:
        Malformed: it has no such signature, is damaged, or needs a change that cannot be made; it may be half done.
    """
    with file.open("r+b") as stream:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_WRITE) as data, memoryview(data) as view:
            added = _change(view, name)
        if added:
            stream.seek(0, 2)
            stream.write(added)


def _change(data: memoryview, name: str) -> bytes:
    """Change the bytes in place; returns what must be appended."""
    model = flatbuffer.root(data)
    signatures = model.tables(_SIGNATURES)
    chosen = [place for place, one in enumerate(signatures) if one.text(_SIGNATURE_KEY) == name]
    if len(chosen) != 1:
        raise Malformed(f"has {len(chosen) or 'no'} signatures with the name {name[:100]!r}")
    graph = signatures[chosen[0]].number(_SIGNATURE_GRAPH, "I")
    subgraphs = model.tables(_SUBGRAPHS)
    if graph >= len(subgraphs):
        raise Malformed(f"is damaged: its signature {name[:100]!r} refers to graph {graph} of {len(subgraphs)}")
    added = b""
    if graph:
        found = {one.place: calls(one) for inner in subgraphs for one in inner.tables(_OPERATORS)}
        _reorder_control(data, model, graph, len(subgraphs))
        added = _renumber(data, list(found.values()), graph)
        _swap(data, _elements(model, _SUBGRAPHS), graph)
        at = signatures[chosen[0]].at(_SIGNATURE_GRAPH)
        assert at is not None
        struct.pack_into("<I", data, at, 0)
    if chosen[0]:
        _swap(data, _elements(model, _SIGNATURES), chosen[0])
    struct.pack_into("<I", data, _elements(model, _SIGNATURES) - 4, 1)
    return added


def _elements(model: Table, field: int) -> int:
    where = model.span(field, 4)
    assert where is not None
    return where[0]


def _swap(data: memoryview, start: int, other: int) -> None:
    """Exchange the first table of a list and another one; a reference is a forward distance from its own position."""
    places = (start, start + 4 * other)
    one, two = (place + struct.unpack_from("<I", data, place)[0] for place in places)
    if one <= places[1]:
        raise Malformed("lists its graphs or signatures in an order that cannot be changed", hint=_ALONE)
    struct.pack_into("<I", data, places[0], two - places[0])
    struct.pack_into("<I", data, places[1], one - places[1])


def _renumber(data: memoryview, found: list[Calls], graph: int) -> bytes:
    """Exchange the graph's number and 0 in all calls; returns the options to add where a default value changes."""
    fresh = {0: graph, graph: 0}
    end = len(data) + -len(data) % 8
    added = bytes(end - len(data))
    stored: dict[int, int] = {}
    for one in found:
        if any(call.at is None and call.graph in fresh for call in one.calls):
            if (
                not one.only_graphs
                or one.options_at is None
                or end + len(added) > _FARTHEST
                or len(added) > _MOST_ADDED
            ):
                raise Malformed("calls its first graph in a way that cannot be changed", hint=_ALONE)
            numbers = [fresh.get(call.graph, call.graph) for call in one.calls]
            table, written = _options(len(data) + len(added), numbers)
            struct.pack_into("<I", data, one.options_at, table - one.options_at)
            added += written
            continue
        stored |= {call.at: call.graph for call in one.calls if call.at is not None}
    for at, number in stored.items():
        if number in fresh:
            struct.pack_into("<I", data, at, fresh[number])
    return added if len(added) > end - len(data) else b""


def _options(place: int, numbers: list[int]) -> tuple[int, bytes]:
    """A table of whole numbers for an offset that is a multiple of 8: where it begins, and its bytes."""
    count = len(numbers)
    fields = struct.pack(f"<{2 + count}H", 4 + 2 * count, 4 + 4 * count, *(4 + 4 * one for one in range(count)))
    fields += bytes(-len(fields) % 4)
    whole = fields + struct.pack(f"<i{count}i", len(fields), *numbers)
    return place + len(fields), whole + bytes(-len(whole) % 8)


def _reorder_control(data: memoryview, model: Table, graph: int, graphs: int) -> None:
    """Exchange the two graphs' lists in the metadata about the order of operators."""
    buffers = model.tables(_BUFFERS)
    for entry in model.tables(_METADATA):
        if entry.text(_METADATA_NAME) != _CONTROL:
            continue
        number = entry.number(_METADATA_BUFFER, "I")
        where = buffers[number].span(0, 1) if number < len(buffers) else None
        if where is None:
            raise Malformed("has an order of operators that cannot be read", hint=_ALONE)
        start, size = where
        parts = _control_parts(bytes(data[start : start + size]), graphs)
        parts[1], parts[1 + graph] = parts[1 + graph], parts[1]
        data[start : start + size] = b"".join(parts)


def _control_parts(text: bytes, graphs: int) -> list[bytes]:
    """The bytes before the graphs' lists, and each list: whole numbers of seven bits per byte, the sign in the lowest
    bit.
    """
    place = 0

    def number() -> int:
        nonlocal place
        value, shift = 0, 0
        while place < len(text) and shift < 64:
            byte = text[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return (value >> 1) ^ -(value & 1)
        raise Malformed("has an order of operators that cannot be read", hint=_ALONE)

    version, count = number(), number()
    parts = [text[:place]]
    for _ in range(graphs):
        begin = place
        for _ in range(min(2 * max(number(), 0), len(text) + 1)):
            number()
        parts.append(text[begin:place])
    if version != 1 or count != graphs or place != len(text):
        raise Malformed("has an order of operators that cannot be read", hint=_ALONE)
    return parts
