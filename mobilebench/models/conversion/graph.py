"""Traces, saves and freezes a network as a TensorFlow graph, and separates its big weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework import convert_to_constants

from mobilebench.models.conversion.converted import SIGNATURE, Converted, Names, in_order
from mobilebench.models.manifest import InputSpec

Arrays = dict[str, NDArray[Any]]

BIG_WEIGHT_BYTES = 4 * 2**20
"""Weights of this size or more are kept out of tf2onnx and TF.js's converter, which copy every constant at every step
and needed 17 and 11 GB for VGG-16.
"""


@dataclass(frozen=True)
class Parted:
    """A frozen graph with its big weights replaced by inputs, and these weights."""

    graph: Any
    """`GraphDef`."""
    inputs: dict[str, str]
    """Canonical input name to tensor name."""
    outputs: dict[str, str]
    """Canonical output name to tensor name."""
    weights: Arrays
    """Placeholder name to the weight that it replaces."""


def save(network: Callable[..., dict[str, Any]], variables: list[Any], inputs: list[InputSpec], folder: Path) -> None:
    """Trace the network for exactly these inputs, and save it with one signature.

    Args:
        network: a function from tensors by canonical input name to tensors by canonical output name.
        variables: all variables that the network reads.
        inputs: names, shapes and dtypes.
        folder: where the SavedModel is written.
    """
    module = tf.Module()
    module.weights = variables
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in inputs}
    module.serve = tf.function(lambda **tensors: network(tensors))
    serve = module.serve.get_concrete_function(**signature)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: serve})
    # TensorFlow adds a random number to each saved model; it would make every build a different file.
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    shutil.rmtree(folder / "assets", ignore_errors=True)


def described(folder: Path, names: Names) -> Converted:
    """The SavedModel as one of the formats; its tensors have their canonical names."""
    file = folder / "saved_model.pb"
    parts = tuple(sorted(part for part in folder.rglob("*") if part.is_file() and part != file))
    return Converted(file, {name: name for name in names.inputs}, {name: name for name in names.outputs}, parts)


def answers(folder: Path, feeds: dict[str, Arrays]) -> dict[str, Arrays]:
    """TensorFlow's outputs by canonical name, for each of these inputs."""
    serve = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
    return {
        seeded: {
            name: tensor.numpy()
            for name, tensor in serve(**{name: tf.constant(values) for name, values in feed.items()}).items()
        }
        for seeded, feed in feeds.items()
    }


def parted(folder: Path, names: Names) -> Parted:
    """Freeze a SavedModel and replace its big weights by inputs."""
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures[SIGNATURE]
    inputs = {tensor.op.name: tensor.name for tensor in serve.inputs if tensor.dtype != tf.resource}
    outputs = dict(zip(sorted(names.outputs), [tensor.name for tensor in serve.outputs], strict=True))
    graph = _frozen(serve)
    weights: Arrays = {}
    for node in graph.node:
        if node.op == "Const" and len(node.attr["value"].tensor.tensor_content) >= BIG_WEIGHT_BYTES:
            weights[node.name] = tf.make_ndarray(node.attr["value"].tensor)
            _become_input(node, weights[node.name])
    return Parted(
        graph, in_order(folder, names.inputs, inputs), {name: outputs[name] for name in names.outputs}, weights
    )


def save_parted(parts: Parted, inputs: list[InputSpec], folder: Path) -> dict[str, str]:
    """Save the parted graph as a SavedModel; returns argument name to placeholder name of its big weights."""
    arguments = {f"big_weight_{place}": name for place, name in enumerate(parts.weights)}
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in inputs}
    for argument, name in arguments.items():
        signature[argument] = tf.TensorSpec(parts.weights[name].shape, parts.weights[name].dtype, name=argument)

    def serve(**tensors: Any) -> dict[str, Any]:
        fed = {parts.inputs.get(name, f"{arguments.get(name)}:0"): tensor for name, tensor in tensors.items()}
        results = tf.graph_util.import_graph_def(parts.graph, fed, list(parts.outputs.values()), name="")
        return dict(zip(parts.outputs, results, strict=True))

    module = tf.Module()
    module.serve = tf.function(serve)
    tf.saved_model.save(module, str(folder), {SIGNATURE: module.serve.get_concrete_function(**signature)})
    return arguments


def output_tensors(folder: Path, names: Names) -> dict[str, str]:
    """Canonical output name to the name of the tensor in the SavedModel's signature."""
    loaded = tf.saved_model.load(str(folder))
    tensors = loaded.signatures[SIGNATURE].outputs
    return dict(zip(sorted(names.outputs), [tensor.name for tensor in tensors], strict=True))


def _frozen(serve: Any) -> Any:
    """The function's graph with constants for variables.

    TensorFlow's public function would make two more copies of all weights (VGG-16: 1.6 GB).
    """
    variables = convert_to_constants._FunctionConverterDataInEager(
        func=serve, lower_control_flow=True, aggressive_inlining=False
    )
    graph, _ = convert_to_constants._replace_variables_by_constants(variables)
    return graph


def _become_input(node: Any, weight: NDArray[Any]) -> None:
    """Turn a Const node into a Placeholder of the same name, type and shape."""
    dtype = node.attr["dtype"].type
    node.ClearField("attr")
    node.op = "Placeholder"
    node.attr["dtype"].type = dtype
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(weight.shape).as_proto())
