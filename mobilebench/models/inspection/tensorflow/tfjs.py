"""Reads a TF.js graph model: its `model.json`, the sizes of its weight shards, and the few numbers in them that
determine shapes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.models.inspection.confine import belonging
from mobilebench.models.inspection.graph import BITS, Graph, Value, bind, refuse_unknown_inputs
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tensorflow import json_graph as form
from mobilebench.models.inspection.tensorflow.flatten import flatten
from mobilebench.models.inspection.tensorflow.graph import MAX_CONTENT, Constant, GraphDef, Port
from mobilebench.models.inspection.tensorflow.json_graph import JsonObject

MAX_JSON = 256 * 2**20
_STORED = ("float32", "float16", "int32", "uint8", "uint16", "bool", "complex64", "string")


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


Shards = Callable[[list[str], int, int], bytes]
"""Reads bytes of a group: paths, start, length."""


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
        raise Malformed(f"is no model.json that can be read: it has more than {MAX_JSON >> 20} MiB")
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
        raise Malformed("is no JSON, or is cut short") from error
    if not isinstance(model, dict) or "modelTopology" not in model or "weightsManifest" not in model:
        raise Malformed("is JSON but no TF.js model: it lacks modelTopology or weightsManifest")
    topology = form.member(model["modelTopology"])
    if model.get("format") == "layers-model" or "model_config" in topology or "class_name" in topology:
        raise Malformed(
            "is a TF.js layers model; only graph models are measured",
            hint="Convert it: `tensorflowjs_converter --input_format=tfjs_layers_model "
            "--output_format=tfjs_graph_model model.json FOLDER`.",
        )
    if not form.members(topology, "node"):
        raise Malformed("is no TF.js graph model: its modelTopology has no nodes")
    return model


def describe(model: JsonObject, groups: list[_Group], shards: Shards, shapes: Mapping[str, list[int]]) -> Graph:
    """The graph that the JSON describes."""
    weights = {weight.name: weight for group in groups for weight in group.weights}
    constants = {
        weight.name: Constant(weight.value, _content(weight, group, shards))
        for group in groups
        for weight in group.weights
    }
    definition = form.graph_def(form.member(model["modelTopology"]), constants)
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
    return [_group(form.member(one)) for one in form.members(model, "weightsManifest")]


def _group(group: JsonObject) -> _Group:
    paths = form.members(group, "paths")
    if not all(isinstance(path, str) for path in paths):
        raise Malformed("is damaged: its weights manifest has a path that is no text")
    weights: list[_Weight] = []
    start: int | None = 0
    for one in form.members(group, "weights"):
        weight = _weight(form.member(one), start or 0)
        weights.append(weight)
        start = None if start is None or weight.stored == "string" else start + weight.bytes
    return _Group(paths, weights, start)


def _weight(entry: JsonObject, start: int) -> _Weight:
    name, dtype = form.text(entry, "name"), form.text(entry, "dtype")
    quantization = entry.get("quantization")
    stored = dtype if quantization is None else form.text(form.member(quantization), "dtype")
    if stored not in _STORED or dtype not in (*_STORED, *BITS):
        raise Malformed(f"is damaged: weight {name[:100]!r} is of unknown dtype {stored[:40]!r}")
    sizes = [form.integer(size) for size in form.members(entry, "shape")]
    if any(size < 0 for size in sizes) or len(sizes) > 32:
        raise Malformed(f"is damaged: weight {name[:100]!r} has a shape that no tensor has")
    value = Value(dtype, tuple(sizes))
    return _Weight(name, value, stored, start, Value(stored, tuple(sizes)).bytes or 0)


def _check_sizes(folder: Path, group: _Group) -> None:
    """Check that the shards exist in the model's folder and have the sizes in the manifest."""
    held = sum(belonging(folder, path, "its weights").stat().st_size for path in group.paths)
    if group.bytes is not None and held != group.bytes:
        raise Malformed(
            f"declares {group.bytes} bytes of weights, but {', '.join(group.paths)[:200]} hold {held}",
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
    for key, entry in form.member(entries).items():
        name = form.text(form.member(entry), "name", key)
        shape = form.shape(form.member(entry["tensorShape"])) if "tensorShape" in entry else None
        found.append(Port(name, name, Value(form.data_type(entry.get("dtype", "DT_FLOAT")), shape)))
    return found


def _nested(model: JsonObject, *names: str) -> Any:
    found: Any = model
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _producer(model: JsonObject) -> str:
    parts = (model.get("convertedBy"), model.get("generatedBy"))
    return ", ".join(part for part in parts if isinstance(part, str) and part)
