"""Small ONNX models for tests, made anew each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROWS = 50
ODD = "y=odd,name:0"


def save(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any], **how: Any
) -> Path:
    """Write a model; `how` may hold `opset` and what `onnx.save` takes."""
    opset = how.pop("opset", 17)
    constants = [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path), **how)
    return path


def text_model(path: Path, *, batch: int | str = 1, sequence: int | str = 8, width: int = 16, **how: Any) -> Path:
    """ids (int64) through a table, times a float input, through a matrix; and the best class (int64)."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Mul", ["rows", "factor"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "matrix"], [ODD]),
        helper.make_node("ArgMax", [ODD], ["best"], axis=-1, keepdims=0),
    ]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, [batch, sequence]),
        helper.make_tensor_value_info("factor", TensorProto.FLOAT, [batch, sequence, width]),
    ]
    outputs = [
        helper.make_tensor_value_info(ODD, TensorProto.FLOAT, [batch, sequence, 4]),
        helper.make_tensor_value_info("best", TensorProto.INT64, [batch, sequence]),
    ]
    weights = {
        "table": random.standard_normal((ROWS, width)).astype(np.float32),
        "matrix": random.standard_normal((width, 4)).astype(np.float32),
    }
    return save(path, nodes, inputs, outputs, weights, **how)


def one_node(path: Path, kind: str, dtype: int = TensorProto.FLOAT, *, domain: str = "", **how: Any) -> Path:
    """A model of one operator from `x` (1 x 4) to `y`."""
    node = helper.make_node(kind, ["x"], ["y"], domain=domain)
    x = helper.make_tensor_value_info("x", dtype, [1, 4])
    y = helper.make_tensor_value_info("y", dtype, [1, 4])
    return save(path, [node], [x], [y], {}, **how)


def images(path: Path, size: int, channels: int = 3, width: int = 16) -> Path:
    """Two convolutions, channels first, with a map and logits as outputs."""
    random = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return (random.standard_normal(shape) * 0.2).astype(np.float32)

    nodes = [
        helper.make_node("Conv", ["image", "first"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "second"], ["map"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["my/logits"]),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, size, size])]
    outputs = [
        helper.make_tensor_value_info("my/logits", TensorProto.FLOAT, [1, 10]),
        helper.make_tensor_value_info("map", TensorProto.FLOAT, [1, width, size // 2, size // 2]),
    ]
    weights = {
        "first": weight(width, channels, 3, 3),
        "second": weight(width, width, 3, 3),
        "matrix": weight(width, 10),
    }
    return save(path, nodes, inputs, outputs, weights)
