"""Makes ONNX files from a frozen graph with tf2onnx, and other precisions of them with ONNX Runtime's tools."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.conversion.converted import Converted, Names, in_order
from mobilebench.models.conversion.graph import Arrays, Parted

OPSET = 17
_PRODUCTS_AND_TABLES = ("MatMul", "Gemm", "Gather")


def convert(parts: Parted, file: Path, names: Names) -> Converted:
    """Write the .onnx file with canonical names of inputs and outputs. `parts.weights` is emptied."""
    import onnx
    import tf2onnx

    tensors = {own: name for name, own in (parts.inputs | parts.outputs).items()}
    weights = {f"{name}:0": weight for name, weight in parts.weights.items()}
    with _collecting_often():
        model, _ = tf2onnx.convert.from_graph_def(
            parts.graph,
            name=file.stem,
            opset=OPSET,
            input_names=[*parts.inputs.values(), *weights],
            output_names=list(parts.outputs.values()),
            tensors_to_rename=tensors,
        )
    _put_back(model.graph, weights)
    _name_in_order(model.graph)
    onnx.checker.check_model(model, full_check=True)
    file.write_bytes(model.SerializeToString(deterministic=True))
    return _described(file, names)


def halved(source: Path, file: Path, names: Names) -> Converted:
    """`fp16`: weights and arithmetic in 16 bits, inputs and outputs in 32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(str(source)), keep_io_types=True)
    file.write_bytes(model.SerializeToString(deterministic=True))
    return _described(file, names)


def dynamic(source: Path, file: Path, names: Names) -> Converted:
    """`dynamic`: weights in 8 bits, each activation quantised at run time.

    Weights are unsigned, since sums of unsigned products do not overflow on processors without VNNI (see `int8`).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, file, weight_type=QuantType.QUInt8, per_channel=True)
    return _rewritten(file, names)


def int8(source: Path, file: Path, names: Names, calibration: Sequence[Arrays]) -> Converted:
    """`int8` in QDQ form: weights by channel and activations in 8 bits, with ranges learnt from `calibration`.

    Weights use 7 of the 8 bits: processors without VNNI add products in 16 bits, which would overflow (ONNX Runtime's
    documentation of quantisation, `reduce_range`), and the answer must not depend on the processor. In networks without
    convolutions only matrix products and lookup tables use 8 bits: the sums of squares in a transformer's normalisation
    do not fit into them.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Inputs(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> Arrays | None:
            return next(self._left, None)

    convolves = any("Conv" in node.op_type for node in onnx.load(str(source)).graph.node)
    quantize_static(
        source,
        file,
        Inputs(),
        op_types_to_quantize=None if convolves else list(_PRODUCTS_AND_TABLES),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
    )
    return _rewritten(file, names)


def _rewritten(file: Path, names: Names) -> Converted:
    """Rewrite the quantiser's file so that it is the same in every build."""
    import onnx

    model = onnx.load(str(file))
    file.write_bytes(model.SerializeToString(deterministic=True))
    return _described(file, names)


def _described(file: Path, names: Names) -> Converted:
    import onnx

    graph = onnx.load(str(file), load_external_data=False).graph
    return Converted(
        file,
        in_order(file, names.inputs, {value.name: value.name for value in graph.input}),
        in_order(file, names.outputs, {value.name: value.name for value in graph.output}),
    )


def _put_back(graph: Any, weights: dict[str, NDArray[Any]]) -> None:
    """Replace the inputs that stand for big weights by constants; a transposition of one is computed here, once."""
    from onnx import numpy_helper

    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    kept = []
    for node in graph.node:
        if node.op_type == "Transpose" and node.input[0] in weights:
            weight = weights[node.input[0]]
            order = next((list(one.ints) for one in node.attribute if one.name == "perm"), None)
            transposed = np.ascontiguousarray(weight.transpose(order))
            graph.initializer.append(numpy_helper.from_array(transposed, node.output[0]))
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    graph.initializer.extend(numpy_helper.from_array(weights[name], name) for name in weights if name in used)


@contextmanager
def _collecting_often() -> Iterator[None]:
    """Collect garbage often: at every step tf2onnx leaves a copy of all weights in a reference cycle.

    By default a full collection waits until the new objects are many compared with the old ones, and TensorFlow makes
    millions of those. YOLOv5m (81 MB) takes 6.6 GB without this and 3.0 GB with it, in half the time.
    """
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(threshold[0], 4, 1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


def _name_in_order(graph: Any) -> None:
    """Number nodes and tensors by position: tf2onnx's own names, and so the file, would differ from run to run."""
    constants = {constant.name: constant for constant in graph.initializer}
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in constants)
    names = {name: f"constant_{place}" for place, name in enumerate(used)}
    lasting = {value.name for value in graph.output}
    for place, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{place}"
        results = [name for name in node.output if name and name not in lasting]
        names |= {name: f"{node.name}_{port}" for port, name in enumerate(results)}
    for node in graph.node:
        for tensors in (node.input, node.output):
            for place, name in enumerate(tensors):
                tensors[place] = names.get(name, name)
    ordered = [constants[name] for name in used]
    for constant in ordered:
        constant.name = names[constant.name]
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    del graph.value_info[:]
