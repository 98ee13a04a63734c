"""Reads TensorFlow's GraphDef from the JSON of a TF.js graph model."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from mobilebench.models.inspection.graph import Shape
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tensorflow.graph import (
    NAMES,
    Constant,
    Function,
    FunctionName,
    GraphDef,
    KnownShape,
    Node,
    checked_shape,
    dtype,
)

JsonObject = Mapping[str, Any]


def graph_def(topology: JsonObject, constants: Mapping[str, Constant]) -> GraphDef:
    """The GraphDef under `modelTopology`.

    Args:
        topology: the JSON object.
        constants: name of a Const node to its entry in the weights manifest.

    Raises:
        Malformed: a part is missing or has the wrong type.
    """
    library = [_function(member(one)) for one in members(member(topology.get("library", {})), "function")]
    nodes = tuple(_node(member(one), constants) for one in members(topology, "node"))
    return GraphDef(nodes, {function.name: function for function in library})


def member(value: Any) -> JsonObject:
    """The value of this name, which must be an object."""
    if not isinstance(value, dict):
        raise Malformed("is damaged: its JSON has something else where an object has to be")
    return value


def members(value: JsonObject, name: str) -> list[Any]:
    """The list of this name; empty when it is missing."""
    found = value.get(name, [])
    if not isinstance(found, list):
        raise Malformed(f"is damaged: {name!r} in its JSON is no list")
    return found


def text(value: JsonObject, name: str, default: str | None = None) -> str:
    """The string of this name."""
    found = value.get(name, default)
    if not isinstance(found, str):
        raise Malformed(f"is damaged: {name!r} in its JSON is no text")
    return found


def integer(value: Any) -> int:
    """A number; protobuf's JSON writes those of 64 bits as text."""
    if isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal():
        return int(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    raise Malformed("is damaged: its JSON has something else where a whole number has to be")


def data_type(value: Any) -> str:
    """A dtype by TensorFlow's name or number."""
    if isinstance(value, str):
        return dtype(NAMES.get(value.removesuffix("_REF"), 0))
    return dtype(integer(value))


def shape(value: JsonObject) -> Shape | None:
    """A TensorShapeProto."""
    if value.get("unknownRank"):
        return None
    return checked_shape([integer(member(one).get("size", 0)) for one in members(value, "dim")])


def _node(node: JsonObject, constants: Mapping[str, Constant]) -> Node:
    name = text(node, "name")
    inputs = tuple(one if isinstance(one, str) else "" for one in members(node, "input"))
    attributes = {key: _attribute(member(value)) for key, value in member(node.get("attr", {})).items()}
    if name in constants:
        attributes["value"] = constants[name]
    return Node(name, text(node, "op"), inputs, attributes)


def _attribute(value: JsonObject) -> Any:
    if "list" in value:
        return [
            one for key, ones in member(value["list"]).items() if isinstance(ones, list) for one in _list(key, ones)
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
            return integer(value)
        case "b":
            return bool(value)
        case "type":
            return data_type(value)
        case "shape":
            return KnownShape(shape(member(value)))
        case "func":
            return FunctionName(text(member(value), "name"))
    return None


def _function(function: JsonObject) -> Function:
    signature = member(function.get("signature", {}))
    returned = member(function.get("ret", {}))
    outputs = [text(member(one), "name") for one in members(signature, "outputArg")]
    return Function(
        text(signature, "name"),
        tuple(text(member(one), "name") for one in members(signature, "inputArg")),
        tuple(text(returned, name) for name in outputs),
        tuple(_node(member(one), {}) for one in members(function, "nodeDef")),
    )
