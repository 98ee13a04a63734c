"""From a network to the files that engines open: .tflite, .onnx and a TF.js graph model, by the official converters.

Needs the `models` extra, and belongs in the builder's own process (`models.builder`): TensorFlow is large and loud,
and TF.js's converter is imported with stand-ins for packages that it names but this conversion never uses.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from mobilebench.errors import MobilebenchError
from mobilebench.models.manifest import InputSpec
from mobilebench.models.zoo.blocks import Network, Weights

ONNX_OPSET = 17
_SIGNATURE = "serving_default"
_UNUSED_IMPORTS = ("tensorflow_decision_forests", "tensorflow_hub", "tensorflowjs.converters.jax_conversion")


@dataclass(frozen=True)
class Converted:
    """One format of a model: the file an engine opens, and canonical names mapped to the format's own."""

    file: Path
    inputs: dict[str, str]
    outputs: dict[str, str]
    parts: tuple[Path, ...] = ()
    """Further files that belong to it."""


@dataclass(frozen=True)
class Traced:
    """A network as TensorFlow graph: with variables for saving, frozen for converting and for reference answers."""

    module: Any
    serve: Any
    frozen: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def trace(network: Network, weights: Weights, inputs: list[InputSpec]) -> Traced:
    """The network's graph for exactly these inputs."""
    module = tf.Module()
    module.weights = weights.variables
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in inputs}
    module.serve = tf.function(lambda **tensors: network(tensors))
    serve = module.serve.get_concrete_function(**signature)
    frozen = convert_variables_to_constants_v2(serve)
    return Traced(module, serve, frozen, tuple(signature), tuple(serve.structured_outputs))


def save(traced: Traced, folder: Path) -> Path:
    """The network as SavedModel with one signature."""
    tf.saved_model.save(traced.module, str(folder), signatures={_SIGNATURE: traced.serve})
    return folder


def to_tflite(saved_model: Path, file: Path, traced: Traced) -> Converted:
    """The .tflite file; its variables are constants, as the C API needs it.

    Raises:
        MobilebenchError: variables were left in the graph.
    """
    from ai_edge_litert.interpreter import Interpreter

    file.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved_model)).convert())
    interpreter = Interpreter(model_path=str(file))
    variables = sorted({op["op_name"] for op in interpreter._get_ops_details() if "VARIABLE" in op["op_name"]})
    if variables:
        raise MobilebenchError(
            f"{file.name} still reads variables ({', '.join(variables)}), which the C API cannot run."
        )
    signature = interpreter.get_signature_runner(_SIGNATURE)
    inputs, outputs = signature.get_input_details(), signature.get_output_details()
    return Converted(
        file,
        _named(file, traced.inputs, {name: inputs[name]["name"] for name in inputs}),
        _named(file, traced.outputs, {name: outputs[name]["name"] for name in outputs}),
    )


def to_onnx(file: Path, traced: Traced) -> Converted:
    """The .onnx file, with canonical names for what goes in and out."""
    import onnx
    import tf2onnx

    tensor_names = [tensor.name for tensor in traced.frozen.inputs]
    result_names = [tensor.name for tensor in traced.frozen.outputs]
    inputs = {name: f"{name}:0" for name in traced.inputs}
    if set(inputs.values()) != set(tensor_names):
        raise MobilebenchError(
            f"The graph of {file.name} names its inputs {tensor_names}, not {list(inputs.values())}."
        )
    outputs = dict(zip(sorted(traced.outputs), result_names, strict=True))
    renamed = {theirs: ours for ours, theirs in (inputs | outputs).items()}
    with _collecting_often():
        model, _ = tf2onnx.convert.from_graph_def(
            traced.frozen.graph.as_graph_def(),
            name=file.stem,
            opset=ONNX_OPSET,
            input_names=tensor_names,
            output_names=result_names,
            tensors_to_rename=renamed,
        )
    _name_in_order(model.graph)
    onnx.checker.check_model(model, full_check=True)
    file.write_bytes(model.SerializeToString(deterministic=True))
    graph = onnx.load(str(file), load_external_data=False).graph
    return Converted(
        file,
        _named(file, traced.inputs, {value.name: value.name for value in graph.input}),
        _named(file, traced.outputs, {value.name: value.name for value in graph.output}),
    )


def to_tfjs(saved_model: Path, folder: Path, traced: Traced) -> Converted:
    """The TF.js graph model: `model.json` and its weight shards.

    Raises:
        MobilebenchError: the shards do not hold as many bytes as `model.json` says.
    """
    for name in _UNUSED_IMPORTS:
        sys.modules.setdefault(name, _stand_in(name))
    from tensorflowjs.converters.tf_saved_model_conversion_v2 import convert_tf_saved_model

    convert_tf_saved_model(str(saved_model), str(folder), signature_def=_SIGNATURE, use_structured_outputs_names=True)
    file = folder / "model.json"
    model = json.loads(file.read_text())
    file.write_text(json.dumps(model, sort_keys=True))
    groups = model["weightsManifest"]
    parts = tuple(folder / path for group in groups for path in group["paths"])
    declared = sum(_bytes_of(weight) for group in groups for weight in group["weights"])
    if declared != sum(part.stat().st_size for part in parts):
        raise MobilebenchError(
            f"The weight shards beside {file.name} do not hold the {declared} bytes that it declares."
        )
    # The converter keys its signature by shape where that is unique, so keys cannot be relied on: names can.
    signature = {side: {entry["name"] for entry in model["signature"][side].values()} for side in ("inputs", "outputs")}
    served = tf.saved_model.load(str(saved_model)).signatures[_SIGNATURE]
    inputs = {name.removesuffix(":0"): name for name in signature["inputs"]}
    outputs = dict(zip(sorted(traced.outputs), [tensor.name for tensor in served.outputs], strict=True))
    if set(outputs.values()) != signature["outputs"]:
        raise MobilebenchError(f"{file.name} gives {signature['outputs']}, where {outputs} was expected.")
    return Converted(file, _named(file, traced.inputs, inputs), _named(file, traced.outputs, outputs), parts)


@contextmanager
def _collecting_often() -> Iterator[None]:
    """Let Python find unused cycles early: tf2onnx leaves a copy of all weights in one at every step.

    By default a full collection waits until many objects are new compared with the old ones, and TensorFlow makes
    millions of old ones: YOLOv5m, 81 MB, took 6.6 GB without this and takes 3.0 with it, in half the time.
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
    """Name nodes and tensors by their place: tf2onnx's own names differ from run to run, and so would the file."""
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


def _named(file: Path, canonical: tuple[str, ...], found: dict[str, str]) -> dict[str, str]:
    if set(found) != set(canonical) or len(set(found.values())) != len(canonical):
        raise MobilebenchError(f"{file.name} names its tensors {found}, where {list(canonical)} were expected.")
    return {name: found[name] for name in canonical}


def _bytes_of(weight: dict[str, Any]) -> int:
    count = 1
    for length in weight["shape"]:
        count *= length
    return count * {"float32": 4, "int32": 4, "bool": 1, "uint8": 1}[weight["dtype"]]


def _stand_in(name: str) -> ModuleType:
    """An empty module that lets an import pass; using anything of it fails."""
    module = ModuleType(name)
    if name.endswith("jax_conversion"):
        module.convert_jax = None  # type: ignore[attr-defined]
    return module
