"""Converts a TF.js graph model to a TensorFlow graph, so that TensorFlow can compute its reference output.

TF.js's converter folds biases and activations into operators that TensorFlow does not have: these are split here.
TF.js's integers always have 32 bits, even if the graph states another dtype; so have those of the TensorFlow graph.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_WHOLE = {"_FusedConv2D": "Conv2D", "_FusedMatMul": "MatMul", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
"""Folded operator to its main operator."""

_KEPT = {
    "Conv2D": ("T", "strides", "padding", "data_format", "dilations", "explicit_paddings"),
    "DepthwiseConv2dNative": ("T", "strides", "padding", "data_format", "dilations", "explicit_paddings"),
    "MatMul": ("T", "transpose_a", "transpose_b"),
}
_ACTIVATIONS = {"Relu", "Relu6", "Elu", "Sigmoid", "Tanh"}
_STORED = {"float32": "<f4", "int32": "<i4", "bool": "?", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}


def predictor(file: Path, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Callable[[Arrays], Arrays]:
    """A TensorFlow function for a model.json; `inputs` and `outputs` map plain names to the graph's own.

    Raises:
        ValueError: the model has an operator or a weight that has no counterpart in TensorFlow.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def(file), name="")
    session = tf.compat.v1.Session(graph=graph)

    def predict(values: Arrays) -> Arrays:
        feed = {_tensor(inputs[name]): array for name, array in values.items()}
        given = session.run([_tensor(theirs) for theirs in outputs.values()], feed)
        return dict(zip(outputs, given, strict=True))

    return predict


def graph_def(file: Path) -> Any:
    """The GraphDef of a model.json, with its weights and without folded operators.

    Raises:
        ValueError: the model has an operator or a weight that has no counterpart in TensorFlow.
    """
    from google.protobuf.json_format import ParseDict
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.types_pb2 import DT_INT32, DT_INT64

    model = json.loads(file.read_text())
    held = _weights(model["weightsManifest"], file.parent)
    found = ParseDict(model["modelTopology"], GraphDef(), ignore_unknown_fields=True)
    apart = GraphDef(versions=found.versions, library=found.library)
    for node in found.node:
        if node.op == "Const" and node.name in held:
            _fill(node, held[node.name])
        if node.op in _WHOLE:
            _take_apart(node, apart)
        elif node.op == "Prelu":
            _prelu(node.name, node.input[0], node.input[1], apart)
        else:
            apart.node.append(node)
    for node in apart.node:
        for attribute in node.attr.values():
            if attribute.type == DT_INT64:
                attribute.type = DT_INT32
    return apart


def _weights(groups: list[dict[str, Any]], folder: Path) -> Arrays:
    held: Arrays = {}
    for group in groups:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        place = 0
        for weight in group["weights"]:
            packed = weight.get("quantization")
            dtype = _STORED.get(packed["dtype"] if packed else weight["dtype"])
            if dtype is None:
                raise ValueError(f"its weight {weight['name']} is of dtype {weight['dtype']}")
            count = int(np.prod(weight["shape"], dtype=np.int64))
            values = np.frombuffer(content, dtype, count, place).reshape(weight["shape"])
            place += values.nbytes
            held[weight["name"]] = _unpacked(values, weight["dtype"], packed)
    return held


def _unpacked(values: NDArray[Any], dtype: str, packed: Mapping[str, Any] | None) -> NDArray[Any]:
    if packed is None or packed["dtype"] == "float16":
        return values.astype(dtype)
    wide: NDArray[Any] = values.astype(np.float64) * packed["scale"] + packed["min"]
    return (np.rint(wide) if dtype == "int32" else wide).astype(dtype)


def _fill(node: Any, values: NDArray[Any]) -> None:
    from tensorflow.python.framework.tensor_util import make_tensor_proto

    node.attr["value"].tensor.CopyFrom(make_tensor_proto(values))
    node.attr["dtype"].type = node.attr["value"].tensor.dtype


def _take_apart(node: Any, graph: Any) -> None:
    """`Conv2D + BiasAdd + Relu` for a folded convolution; the last one keeps its name."""
    kind = _WHOLE[node.op]
    steps = [step.decode() for step in node.attr["fused_ops"].list.s]
    added = [name for name in node.input[2:] if not name.startswith("^")]
    names = [f"{node.name}/unfolded_{place}" for place in range(len(steps))] + [node.name]
    main = graph.node.add(name=names[0], op=kind, input=node.input[:2])
    for attribute in _KEPT[kind]:
        if attribute in node.attr:
            main.attr[attribute].CopyFrom(node.attr[attribute])
    for place, step in enumerate(steps):
        name, given = names[place + 1], names[place]
        if step == "BiasAdd":
            # TF.js's addition broadcasts; TensorFlow's BiasAdd needs one dimension.
            first = node.attr["data_format"].s == b"NCHW"
            bias = graph.node.add(name=name, op="BiasAdd" if first else "AddV2", input=[given, added.pop(0)])
            bias.attr["T"].CopyFrom(node.attr["T"])
            if first:
                bias.attr["data_format"].s = b"NCHW"
        elif step == "Prelu":
            _prelu(name, given, added.pop(0), graph)
        elif step == "LeakyRelu":
            one = graph.node.add(name=name, op="LeakyRelu", input=[given])
            one.attr["T"].CopyFrom(node.attr["T"])
            one.attr["alpha"].f = node.attr["leakyrelu_alpha"].f
        elif step in _ACTIVATIONS:
            graph.node.add(name=name, op=step, input=[given]).attr["T"].CopyFrom(node.attr["T"])
        else:
            raise ValueError(f"its operator {node.op} folds in {step}")


def _prelu(name: str, given: str, alpha: str, graph: Any) -> None:
    """max(x, 0) - alpha * max(-x, 0), in TensorFlow operators."""

    def add(suffix: str, op: str, *inputs: str) -> str:
        node = graph.node.add(name=f"{name}{suffix}", op=op, input=inputs)
        node.attr["T"].type = 1
        return str(node.name)

    above = add("/above", "Relu", given)
    below = add("/below", "Relu", add("/turned", "Neg", given))
    add("", "Sub", above, add("/scaled", "Mul", below, alpha))


def _tensor(name: str) -> str:
    return name if ":" in name else f"{name}:0"
