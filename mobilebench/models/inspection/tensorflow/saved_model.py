"""Reads a SavedModel's graph without TensorFlow; of its variables, it only checks that the files exist.

Field numbers of the protobuf messages are from TensorFlow's .proto files.
"""

from __future__ import annotations

import mmap
import shlex
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mobilebench.models.inspection import wire
from mobilebench.models.inspection.graph import (
    Graph,
    Shape,
    Value,
    bind,
    no_signature,
    refuse_unknown_inputs,
    shown_name,
)
from mobilebench.models.inspection.malformed import Malformed, part_of_model
from mobilebench.models.inspection.tensorflow.flatten import VARIABLE, flatten
from mobilebench.models.inspection.tensorflow.graph import (
    MAX_CONTENT,
    Constant,
    Function,
    FunctionName,
    GraphDef,
    KnownShape,
    Node,
    Port,
    checked_shape,
    dtype,
)
from mobilebench.models.inspection.wire import Field

_SERVE = "serve"
_SIGNATURE = "serving_default"
_BESIDE = ("fingerprint.pb", "keras_metadata.pb")
_FOLDERS = ("variables", "assets", "assets.extra")
_MAX_FILES = 10_000


def read(file: Path, shapes: Mapping[str, list[int]], signature: str | None = None) -> Graph:
    """The graph of one of a SavedModel's signatures.

    Args:
        file: its `saved_model.pb`.
        shapes: input name to its shape, for inputs with dynamic axes.
        signature: the one to read; None: the serving one.

    Raises:
        Malformed: it is no SavedModel, is damaged, cannot be served, or lacks its variables.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            graph = read_bytes(view, shapes, signature)
        finally:
            view.release()
    graph.files = _files(file.parent)
    if any(name.startswith(VARIABLE) for name in graph.weights) and "variables/variables.index" not in graph.files:
        raise Malformed("needs variables/variables.index, which does not exist", hint="Copy the whole folder.")
    return graph


def read_bytes(data: memoryview, shapes: Mapping[str, list[int]], requested: str | None = None) -> Graph:
    """As `read`, of the `saved_model.pb` alone, from bytes in memory."""
    meta = _serving(_meta_graphs(data))
    usable = {name: one for name, one in meta.signatures.items() if one.inputs and one.outputs}
    name = _chosen(sorted(usable), requested)
    signature = usable[name]
    graph = Graph(
        producer=f"tensorflow {meta.tensorflow}".strip(),
        signature=name,
        signatures=sorted(usable),
        signature_graphs=len(usable),
    )
    refuse_unknown_inputs(shapes, [port.name for port in signature.inputs])
    fed = {}
    for port in signature.inputs:
        value = Value(port.value.dtype, bind(port.name, port.value.shape, shapes))
        fed[port.tensor] = graph.values[port.name] = value
        graph.inputs.append(port.name)
    found = flatten(graph, meta.graph, fed, [port.tensor for port in signature.outputs])
    for port, known in zip(signature.outputs, found, strict=True):
        complete = known.shape is not None and None not in known.shape
        graph.values[port.name] = Value(port.value.dtype, known.shape if complete else port.value.shape)
        graph.outputs.append(port.name)
    return graph


def _serving(metas: list[MetaGraph]) -> MetaGraph:
    for meta in metas:
        if _SERVE in meta.tags:
            return meta
    if not metas:
        raise Malformed("is not a SavedModel, or is cut short: it has no graph")
    tags = ", ".join(sorted({tag for meta in metas for tag in meta.tags})) or "none"
    raise Malformed(f"has no graph for serving; its tags are {tags}", hint="Save it with tag `serve`.")


def _chosen(names: list[str], requested: str | None) -> str:
    """The signature to read: the requested one, the default one, or the only one."""
    if requested is not None:
        if requested not in names:
            raise no_signature(requested, names)
        return requested
    if _SIGNATURE in names:
        return _SIGNATURE
    if len(names) == 1:
        return names[0]
    known = ", ".join(shown_name(name) for name in names) or "none"
    raise Malformed(
        f"has no signature {_SIGNATURE!r}; it has {known}",
        hint=f"Choose one, for example --signature {shlex.quote(names[0])}."
        if names
        else "Save it with `signatures=` of a function that takes inputs and gives outputs.",
    )


def _files(folder: Path) -> list[str]:
    """The files of the SavedModel beside its graph."""
    names = [name for name in _BESIDE if (folder / name).exists()]
    for inner in _FOLDERS:
        if not (folder / inner).is_dir():
            continue
        belonging_to = sorted(path for path in (folder / inner).rglob("*") if path.is_symlink() or not path.is_dir())
        names += [path.relative_to(folder).as_posix() for path in belonging_to]
        if len(names) > _MAX_FILES:
            raise Malformed(f"has more than {_MAX_FILES} files")
    for name in names:
        part_of_model(folder, name, "variables or assets")
    return names


@dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel."""

    inputs: list[Port]
    outputs: list[Port]


@dataclass(frozen=True)
class MetaGraph:
    """One of a SavedModel's graphs."""

    tags: tuple[str, ...]
    tensorflow: str
    graph: GraphDef
    signatures: dict[str, Signature]


class Message:
    """A message whose fields are found by number."""

    def __init__(self, data: memoryview, start: int, end: int) -> None:
        self._data = data
        self._fields: dict[int, list[Field]] = {}
        for field in wire.fields(data, start, end):
            self._fields.setdefault(field.number, []).append(field)

    def has(self, number: int) -> bool:
        """Whether the field is present."""
        return number in self._fields

    def integer(self, number: int, default: int = 0) -> int:
        """A varint, as signed number."""
        found = self._fields.get(number)
        return wire.signed(found[-1].value) if found else default

    def integers(self, number: int) -> list[int]:
        """Repeated varints, packed or not."""
        values: list[int] = []
        for field in self._fields.get(number, ()):
            packed = wire.varints(self._data, field.start, field.end) if field.kind == wire.LENGTH else [field.value]
            values += [wire.signed(value) for value in packed]
        return values

    def raw(self, number: int) -> bytes:
        """The last bytes field of this number."""
        found = self._fields.get(number)
        return self._bytes(found[-1]) if found else b""

    def text(self, number: int) -> str:
        """A string."""
        return self.raw(number).decode("utf-8", "replace")

    def texts(self, number: int) -> tuple[str, ...]:
        """Repeated strings."""
        return tuple(self._bytes(field).decode("utf-8", "replace") for field in self._fields.get(number, ()))

    def raws(self, number: int) -> list[bytes]:
        """Repeated bytes."""
        return [self._bytes(field) for field in self._fields.get(number, ())]

    def length(self, number: int) -> int:
        """Bytes of all fields of this number together."""
        return sum(field.end - field.start for field in self._fields.get(number, ()))

    def message(self, number: int) -> Message:
        """A message; empty when there is none."""
        found = self._fields.get(number)
        return Message(self._data, found[-1].start, found[-1].end) if found else Message(self._data, 0, 0)

    def messages(self, number: int) -> Iterator[Message]:
        """Repeated messages."""
        for field in self._fields.get(number, ()):
            if field.kind != wire.LENGTH:
                raise Malformed(f"is damaged: field {number} is not a message")
            yield Message(self._data, field.start, field.end)

    def _bytes(self, field: Field) -> bytes:
        return bytes(self._data[field.start : field.end])


def _meta_graphs(data: memoryview) -> list[MetaGraph]:
    """The graphs of a `saved_model.pb`.

    Raises:
        Malformed: the bytes are no SavedModel, or are cut short.
    """
    return [_meta_graph(one) for one in Message(data, 0, len(data)).messages(2)]


def _meta_graph(meta: Message) -> MetaGraph:
    info = meta.message(1)
    signatures = {entry.text(1): _signature(entry.message(2)) for entry in meta.messages(5)}
    return MetaGraph(info.texts(4), info.text(5), _graph_def(meta.message(2)), signatures)


def _graph_def(graph: Message) -> GraphDef:
    """A GraphDef message as plain data."""
    functions = (_function(one) for one in graph.message(2).messages(1))
    return GraphDef(tuple(_node(one) for one in graph.messages(1)), {one.name: one for one in functions})


def _signature(signature: Message) -> Signature:
    return Signature(_ports(signature.messages(1)), _ports(signature.messages(2)))


def _ports(entries: Iterable[Message]) -> list[Port]:
    found = []
    for entry in entries:
        info = entry.message(2)
        found.append(Port(entry.text(1), info.text(1), Value(dtype(info.integer(2)), _shape(info.message(3)))))
    return sorted(found, key=lambda port: port.name)


def _function(function: Message) -> Function:
    signature = function.message(1)
    returned = {entry.text(1): entry.text(2) for entry in function.messages(4)}
    outputs = [one.text(1) for one in signature.messages(3)]
    if missing := [name for name in outputs if name not in returned]:
        raise Malformed(f"is damaged: a function does not define its output {missing[0][:100]!r}")
    return Function(
        signature.text(1),
        tuple(one.text(1) for one in signature.messages(2)),
        tuple(returned[name] for name in outputs),
        tuple(_node(one) for one in function.messages(3)),
    )


def _node(node: Message) -> Node:
    attributes = {entry.text(1): _attribute(entry.message(2)) for entry in node.messages(5)}
    return Node(node.text(1), node.text(2), node.texts(3), attributes)


def _attribute(value: Message) -> Any:
    if value.has(2):
        return value.raw(2)
    if value.has(3):
        return value.integer(3)
    if value.has(5):
        return bool(value.integer(5))
    if value.has(6):
        return dtype(value.integer(6))
    if value.has(7):
        return KnownShape(_shape(value.message(7)))
    if value.has(8):
        return _constant(value.message(8))
    if value.has(10):
        return FunctionName(value.message(10).text(1))
    return _list(value.message(1)) if value.has(1) else None


def _list(values: Message) -> list[Any]:
    return [
        *values.raws(2),
        *values.integers(3),
        *(dtype(number) for number in values.integers(6)),
        *(KnownShape(_shape(one)) for one in values.messages(7)),
        *(FunctionName(one.text(1)) for one in values.messages(9)),
    ]


def _shape(shape: Message) -> Shape | None:
    if shape.integer(3):
        return None
    return checked_shape([dimension.integer(1) for dimension in shape.messages(2)])


def _constant(tensor: Message) -> Constant:
    value = Value(dtype(tensor.integer(1)), _shape(tensor.message(2)))
    if value.shape is None or None in value.shape:
        raise Malformed("is damaged: a constant has no shape")
    elements = prod(size for size in value.shape[:32] if size is not None)
    held = tensor.length(4)
    if held and value.bytes is not None and held != value.bytes:
        raise Malformed(f"is damaged: a constant has {held} bytes where its shape needs {value.bytes}")
    return Constant(value, _content(tensor, value.dtype, elements))


def _content(tensor: Message, kind: str, elements: int) -> tuple[int, ...] | None:
    if kind not in ("int32", "int64") or elements > MAX_CONTENT:
        return None
    raw = tensor.raw(4)
    if raw:
        return struct.unpack(f"<{elements}{'i' if kind == 'int32' else 'q'}", raw)
    values = tensor.integers(7) if kind == "int32" else tensor.integers(10)
    if not values:
        return (0,) * elements
    return tuple((values + [values[-1]] * elements)[:elements])
