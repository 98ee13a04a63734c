"""Reads a TF.js graph model: its `model.json`, the sizes of its weight shards, and the few numbers in them that
determine shapes. The graph in `model.json` is TensorFlow's GraphDef as JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.models.inspection.graph import BITS, Graph, Shape, Value, bind, refuse_unknown_inputs
from mobilebench.models.inspection.malformed import Malformed, part_of_model
from mobilebench.models.inspection.tensorflow.flatten import flatten
from mobilebench.models.inspection.tensorflow.graph import (
    MAX_CONTENT,
    NAMES,
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

MAX_JSON = 256 * 2**20
_STORED = ("float32", "float16", "int32", "uint8", "uint16", "bool", "complex64", "string")

Shards = Callable[[list[str], int, int], bytes]
"""Reads bytes of a group: paths, start, length."""

JsonObject = Mapping[str, Any]


@dataclass(frozen=True)
class _Weight:
    """One entry of the weights manifest: its stored dtype and its position in its group."""

    name: str
    value: Value
    stored: str
    start: int
    bytes: int


@dataclass(frozen=True)
class _Group:
    """Shards that hold weights one after the other."""

    paths: list[str]
    weights: list[_Weight]
    bytes: int | None
    """None if there are strings among the weights: only the shards hold their sizes."""


def read(file: Path, shapes: Mapping[str, list[int]]) -> Graph:
    """The graph of a TF.js graph model.

    Args:
        file: its `model.json`.
        shapes: input name to its shape, for inputs with dynamic axes.

    Raises:
        Malformed: it is no graph model, is damaged, or a weight shard is missing, outside its folder or of another
            size.
    """
    if file.stat().st_size > MAX_JSON:
        raise Malformed(f"is not a readable model.json: it has more than {MAX_JSON >> 20} MiB")
    model = parse(file.read_bytes())
    groups = _groups(model)
    for group in groups:
        _check_sizes(file.parent, group)
    return describe(model, groups, lambda paths, start, length: _bytes_at(file.parent, paths, start, length), shapes)


def read_bytes(text: bytes, shapes: Mapping[str, list[int]]) -> Graph:
    """As `read`, of the `model.json` alone, with weights that are all zero."""
    model = parse(text)
    return describe(model, _groups(model), lambda _, __, length: bytes(length), shapes)


def parse(text: bytes) -> JsonObject:
    """The `model.json` as JSON.

    Raises:
        Malformed: it is no JSON, or no graph model.
    """
    try:
        model = json.loads(text)
    except RecursionError as error:
        raise Malformed("is damaged: its JSON is nested too deep") from error
    except ValueError as error:
        raise Malformed("is not JSON, or is cut short") from error
    if not isinstance(model, dict) or "modelTopology" not in model or "weightsManifest" not in model:
        raise Malformed("is JSON but not a TF.js model: it lacks modelTopology or weightsManifest")
    topology = _object(model["modelTopology"])
    if model.get("format") == "layers-model" or "model_config" in topology or "class_name" in topology:
        raise Malformed(
            "is a TF.js layers model; only graph models are measured",
            hint="Convert it: `tensorflowjs_converter --input_format=tfjs_layers_model "
            "--output_format=tfjs_graph_model model.json FOLDER`.",
        )
    if not _members(topology, "node"):
        raise Malformed("is not a TF.js graph model: its modelTopology has no nodes")
    return model


def describe(model: JsonObject, groups: list[_Group], shards: Shards, shapes: Mapping[str, list[int]]) -> Graph:
    """The graph that the JSON describes."""
    weights = {weight.name: weight for group in groups for weight in group.weights}
    constants = {
        weight.name: Constant(weight.value, _content(weight, group, shards))
        for group in groups
        for weight in group.weights
    }
    definition = _graph_def(_object(model["modelTopology"]), constants)
    for node in definition.nodes:
        if node.op == "Const" and node.name not in weights:
            raise Malformed(f"is damaged: its weights manifest lacks constant {node.name[:100]!r}")
    inputs, outputs = _signature(model, definition)
    graph = Graph(files=[path for group in groups for path in group.paths], producer=_producer(model))
    refuse_unknown_inputs(shapes, [port.name for port in inputs])
    fed = {}
    for port in inputs:
        fed[port.tensor] = graph.values[port.name] = Value(port.value.dtype, bind(port.name, port.value.shape, shapes))
        graph.inputs.append(port.name)
    found = flatten(graph, definition, fed, [port.tensor for port in outputs])
    for port, known in zip(outputs, found, strict=True):
        complete = known.shape is not None and None not in known.shape
        stated = port.value.shape is not None
        graph.values[port.name] = Value(
            port.value.dtype if port.value.dtype != "unknown" else known.value.dtype,
            known.shape if complete or not stated else port.value.shape,
        )
        graph.outputs.append(port.name)
    graph.weights = {
        name: Value(weights[name].stored, value.shape) if name in weights else value
        for name, value in graph.weights.items()
    }
    return graph


def _groups(model: JsonObject) -> list[_Group]:
    return [_group(_object(one)) for one in _members(model, "weightsManifest")]


def _group(group: JsonObject) -> _Group:
    paths = _members(group, "paths")
    if not all(isinstance(path, str) for path in paths):
        raise Malformed("is damaged: its weights manifest has a path that is not text")
    weights: list[_Weight] = []
    start: int | None = 0
    for one in _members(group, "weights"):
        weight = _weight(_object(one), start or 0)
        weights.append(weight)
        start = None if start is None or weight.stored == "string" else start + weight.bytes
    return _Group(paths, weights, start)


def _weight(entry: JsonObject, start: int) -> _Weight:
    name, dtype = _text(entry, "name"), _text(entry, "dtype")
    quantization = entry.get("quantization")
    stored = dtype if quantization is None else _text(_object(quantization), "dtype")
    if stored not in _STORED or dtype not in (*_STORED, *BITS):
        raise Malformed(f"is damaged: weight {name[:100]!r} is of unknown dtype {stored[:40]!r}")
    sizes = [_integer(size) for size in _members(entry, "shape")]
    if any(size < 0 for size in sizes) or len(sizes) > 32:
        raise Malformed(f"is damaged: weight {name[:100]!r} has an impossible shape")
    value = Value(dtype, tuple(sizes))
    return _Weight(name, value, stored, start, Value(stored, tuple(sizes)).bytes or 0)


def _check_sizes(folder: Path, group: _Group) -> None:
    """Check that the shards exist in the model's folder and have the sizes in the manifest."""
    held = sum(part_of_model(folder, path, "weights").stat().st_size for path in group.paths)
    if group.bytes is not None and held != group.bytes:
        raise Malformed(
            f"declares {group.bytes} bytes of weights, but {', '.join(group.paths)[:200]} have {held}",
            hint="Copy or download the weight files again.",
        )


def _content(weight: _Weight, group: _Group, shards: Shards) -> tuple[int, ...] | None:
    elements = weight.value.elements
    if weight.stored != "int32" or elements is None or elements > MAX_CONTENT or group.bytes is None:
        return None
    return struct.unpack(f"<{elements}i", shards(group.paths, weight.start, 4 * elements))


def _bytes_at(folder: Path, paths: list[str], start: int, length: int) -> bytes:
    """Bytes of shards that are read as if they were one file."""
    found = b""
    for path in paths:
        file = folder / path
        size = file.stat().st_size
        if start < size and len(found) < length:
            with file.open("rb") as stream:
                stream.seek(start)
                found += stream.read(length - len(found))
            start = size
        start -= size
    return found


def _signature(model: JsonObject, definition: GraphDef) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of the signature; without one, the placeholders and all outputs that no node reads."""
    signature = model.get("signature") or _nested(model, "userDefinedMetadata", "signature")
    if isinstance(signature, dict) and signature.get("outputs"):
        return _ports(signature.get("inputs", {})), _ports(signature["outputs"])
    inputs = [
        Port(node.name, node.name, Value(node.dtype("dtype"), node.shape("shape")))
        for node in definition.nodes
        if node.op == "Placeholder"
    ]
    read = {one.removeprefix("^").partition(":")[0] for node in definition.nodes for one in node.inputs}
    outputs = [
        Port(node.name, node.name, Value("unknown", None))
        for node in definition.nodes
        if node.name not in read and node.op not in ("Const", "Placeholder", "NoOp")
    ]
    return inputs, outputs


def _ports(entries: Any) -> list[Port]:
    found = []
    for key, entry in _object(entries).items():
        name = _text(_object(entry), "name", key)
        shape = _shape(_object(entry["tensorShape"])) if "tensorShape" in entry else None
        found.append(Port(name, name, Value(_data_type(entry.get("dtype", "DT_FLOAT")), shape)))
    return found


def _nested(model: JsonObject, *names: str) -> Any:
    found: Any = model
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _producer(model: JsonObject) -> str:
    parts = (model.get("convertedBy"), model.get("generatedBy"))
    return ", ".join(part for part in parts if isinstance(part, str) and part)


def _graph_def(topology: JsonObject, constants: Mapping[str, Constant]) -> GraphDef:
    """The GraphDef under `modelTopology`.

    Args:
        topology: the JSON object.
        constants: name of a Const node to its entry in the weights manifest.

    Raises:
        Malformed: a part is missing or has the wrong type.
    """
    library = [_function(_object(one)) for one in _members(_object(topology.get("library", {})), "function")]
    nodes = tuple(_node(_object(one), constants) for one in _members(topology, "node"))
    return GraphDef(nodes, {function.name: function for function in library})


def _object(value: Any) -> JsonObject:
    """The value of this name, which must be an object."""
    if not isinstance(value, dict):
        raise Malformed("is damaged: a value in its JSON must be an object")
    return value


def _members(value: JsonObject, name: str) -> list[Any]:
    """The list of this name; empty when it is missing."""
    found = value.get(name, [])
    if not isinstance(found, list):
        raise Malformed(f"is damaged: {name!r} in its JSON is not a list")
    return found


def _text(value: JsonObject, name: str, default: str | None = None) -> str:
    """The string of this name."""
    found = value.get(name, default)
    if not isinstance(found, str):
        raise Malformed(f"is damaged: {name!r} in its JSON is not text")
    return found


def _integer(value: Any) -> int:
    """A number; protobuf's JSON writes those of 64 bits as text."""
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():
        return int(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    raise Malformed("is damaged: a value in its JSON must be a whole number")


def _data_type(value: Any) -> str:
    """A dtype by TensorFlow's name or number."""
    if isinstance(value, str):
        return dtype(NAMES.get(value.removesuffix("_REF"), 0))
    return dtype(_integer(value))


def _shape(value: JsonObject) -> Shape | None:
    """A TensorShapeProto."""
    if value.get("unknownRank"):
        return None
    return checked_shape([_integer(_object(one).get("size", 0)) for one in _members(value, "dim")])


def _node(node: JsonObject, constants: Mapping[str, Constant]) -> Node:
    name = _text(node, "name")
    inputs = tuple(one if isinstance(one, str) else "" for one in _members(node, "input"))
    attributes = {key: _attribute(_object(value)) for key, value in _object(node.get("attr", {})).items()}
    if name in constants:
        attributes["value"] = constants[name]
    return Node(name, _text(node, "op"), inputs, attributes)


def _attribute(value: JsonObject) -> Any:
    if "list" in value:
        return [
            one for key, ones in _object(value["list"]).items() if isinstance(ones, list) for one in _list(key, ones)
        ]
    for key, one in value.items():
        return _single(key, one)
    return None


def _list(key: str, values: list[Any]) -> list[Any]:
    return [_single(key, value) for value in values]


def _single(key: str, value: Any) -> Any:
    match key:
        case "s":
            try:
                return base64.b64decode(value, validate=False) if isinstance(value, str) else b""
            except (binascii.Error, ValueError):
                return b""
        case "i":
            return _integer(value)
        case "b":
            return bool(value)
        case "type":
            return _data_type(value)
        case "shape":
            return KnownShape(_shape(_object(value)))
        case "func":
            return FunctionName(_text(_object(value), "name"))
    return None


def _function(function: JsonObject) -> Function:
    signature = _object(function.get("signature", {}))
    returned = _object(function.get("ret", {}))
    outputs = [_text(_object(one), "name") for one in _members(signature, "outputArg")]
    return Function(
        _text(signature, "name"),
        tuple(_text(_object(one), "name") for one in _members(signature, "inputArg")),
        tuple(_text(returned, name) for name in outputs),
        tuple(_node(_object(one), {}) for one in _members(function, "nodeDef")),
    )
