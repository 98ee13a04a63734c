"""Makes TensorFlow Lite files with TensorFlow's converter, in every precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from mobilebench.core.errors import MobilebenchError
from mobilebench.models.conversion.converted import SIGNATURE, Converted, Names, in_order
from mobilebench.models.conversion.graph import Arrays

_QUANTISED = {"int8", "uint8", "int16", "int32", "bool"}


def convert(
    saved_model: Path, file: Path, names: Names, precision: str = "fp32", calibration: Sequence[Arrays] = ()
) -> Converted:
    """Write the .tflite file. Variables become constants, as the C API requires; inputs and outputs stay float32.

    Args:
        saved_model: the folder with one signature.
        file: what is written.
        names: the model's canonical tensor names.
        precision: `fp16` stores weights in 16 bits, `dynamic` in 8; `int8` computes in 8 bits wherever an operator can.
        calibration: inputs from which `int8` learns the range of every tensor.

    Raises:
        MobilebenchError: variables were left in the graph.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ((SIGNATURE, feed) for feed in calibration)
        builtins = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.target_spec.supported_ops = builtins
    file.write_bytes(converter.convert())
    return _described(file, names, precision)


def _described(file: Path, names: Names, precision: str) -> Converted:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file))
    operators = interpreter._get_ops_details()
    variables = sorted({op["op_name"] for op in operators if "VARIABLE" in op["op_name"]})
    if variables:
        raise MobilebenchError(
            f"{file.name} still reads variables ({', '.join(variables)}), which the C API cannot run."
        )
    signature = interpreter.get_signature_runner(SIGNATURE)
    inputs, outputs = signature.get_input_details(), signature.get_output_details()
    return Converted(
        file,
        in_order(file, names.inputs, {name: inputs[name]["name"] for name in inputs}),
        in_order(file, names.outputs, {name: outputs[name]["name"] for name in outputs}),
        notes=_left_in_float(interpreter, operators) if precision == "int8" else (),
    )


def _left_in_float(interpreter: Any, operators: list[dict[str, Any]]) -> tuple[str, ...]:
    """The operators that an int8 file still computes in float, except those at its inputs and outputs."""
    dtypes = {tensor["index"]: tensor["dtype"].__name__ for tensor in interpreter.get_tensor_details()}
    borders = {"QUANTIZE", "DEQUANTIZE", "DELEGATE"}
    left = sorted(
        op["op_name"]
        for op in operators
        if op["op_name"] not in borders
        and any(dtypes.get(index, "int8") not in _QUANTISED for index in (*op["inputs"], *op["outputs"]))
    )
    if not left:
        return ()
    return (f"{len(left)} of {len(operators)} operators stay in float: {', '.join(dict.fromkeys(left))}",)
