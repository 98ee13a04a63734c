"""Small ONNX models that tests of the runner make for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def save(path: Path, nodes: list[Any], x: list[int | str], y: list[int | str] | None, dtype: int = 1) -> Path:
    """One input `x`, one output `y`; a size that is a word is open. `dtype` is ONNX's number of it."""
    from onnx import helper, save_model

    graph = helper.make_graph(
        nodes,
        "of a test",
        [helper.make_tensor_value_info("x", dtype, x)],
        [helper.make_tensor_value_info("y", dtype, y)],
    )
    opsets = [helper.make_opsetid("", 17)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def negative(path: Path, *shape: int | str, dtype: int = 1) -> Path:
    """y = -x: as little work as a model can be."""
    from onnx import helper

    return save(path, [helper.make_node("Neg", ["x"], ["y"])], list(shape), list(shape), dtype)


def endless_memory(path: Path) -> Path:
    """y has 2^43 elements."""
    from onnx import TensorProto, helper

    big = helper.make_tensor("big", TensorProto.INT64, [2], [2**21, 2**22])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=big),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=1),
        helper.make_node("Expand", ["sum", "shape"], ["y"]),
    ]
    return save(path, nodes, [1, 4], None)
