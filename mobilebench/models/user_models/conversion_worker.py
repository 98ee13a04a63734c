"""The process that converts a model to other formats: `python -m mobilebench.models.user_models.conversion_worker`.

It reads its job as JSON from standard input: `{task: "plain", source, target, shapes}` rewrites an ONNX file so that
its inputs and outputs have plain names and fixed shapes; `{task: "formats", saved_model, signature, specs, inputs,
outputs, case, expected, formats, folder}` converts a SavedModel; the file `expected` holds the original's output for
`case`. The answer is one JSON line: `{}`, or `{made, failed}` by format, or `{problem}`. The converters' own output
goes to standard error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models.manifest import InputSpec
from mobilebench.models.user_models import reference_worker

NARROWED = {"int64": "int32"}
"""Converted formats take 32-bit integers: TF.js and LiteRT.js have no others."""

_TO_CHANNELS_FIRST = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}


def plain_onnx(source: Path, target: Path, shapes: list[list[int]]) -> None:
    """Rewrite the model with inputs `in_0`, `in_1` …, outputs `out_0` …, and these input shapes.

    Raises:
        MobilebenchError: it has graphs inside its operators, whose names may be ambiguous.
    """
    import onnx

    model = onnx.load(str(source))
    graph = model.graph
    if any(attribute.g.node or attribute.graphs for node in graph.node for attribute in node.attribute):
        raise MobilebenchError("it has control flow (graphs inside operators), which is not converted")
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    names = {value.name: f"in_{place}" for place, value in enumerate(inputs)}
    names |= {value.name: f"out_{place}" for place, value in enumerate(graph.output)}
    for value, shape in zip(inputs, shapes, strict=True):
        del value.type.tensor_type.shape.dim[:]
        for size in shape:
            value.type.tensor_type.shape.dim.add().dim_value = size
    for value in [*graph.input, *graph.output]:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for tensors in (node.input, node.output):
            for place, name in enumerate(tensors):
                tensors[place] = names.get(name, name)
    del graph.value_info[:]
    onnx.save(model, str(target))


def formats(job: dict[str, Any]) -> dict[str, Any]:
    """Convert a SavedModel to each of the requested formats; a failure of one does not stop the others."""
    from mobilebench.models.conversion import graph, onnx, tfjs, tflite
    from mobilebench.models.conversion.converted import Converted, Names

    folder = Path(job["folder"])
    original_specs = [InputSpec.model_validate(spec) for spec in job["specs"]]
    specs = [spec.model_copy(update={"dtype": NARROWED.get(spec.dtype, spec.dtype)}) for spec in original_specs]
    names = Names(tuple(job["inputs"]), tuple(job["outputs"]))
    plain = folder / "plain"
    _wrap(job, original_specs, specs, plain)
    ways = {
        "tflite": lambda: tflite.convert(plain, folder / "model.tflite", names),
        "onnx": lambda: onnx.convert(graph.parted(plain, names), folder / "model.onnx", names),
        "tfjs": lambda: tfjs.convert(graph.parted(plain, names), specs, names, folder / "tfjs"),
    }
    made, failed = {}, {}
    for wanted in job["formats"]:
        try:
            converted: Converted = ways[wanted]()
        except Exception as error:  # converters raise errors of any type; the message is the reason
            failed[wanted] = " ".join(str(error).split())[:400] or type(error).__name__
            continue
        made[wanted] = {
            "file": converted.file.relative_to(folder).as_posix(),
            "parts": [part.relative_to(folder).as_posix() for part in converted.parts],
            "inputs": converted.inputs,
            "outputs": converted.outputs,
        }
    return {"made": made, "failed": failed}


def _wrap(job: dict[str, Any], original_specs: list[InputSpec], specs: list[InputSpec], folder: Path) -> None:
    """The SavedModel with plain names and fixed shapes; outputs are transposed back to the original's layout."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from mobilebench.models.conversion import graph

    loaded = tf.saved_model.load(job["saved_model"])
    signature = loaded.signatures[job["signature"]]
    serve = convert_variables_to_constants_v2(signature)
    keys = sorted(signature.structured_outputs)
    own = {spec.name: spec.dtype for spec in original_specs}

    def called(tensors: dict[str, Any]) -> dict[str, Any]:
        given = {job["inputs"][name]: tf.cast(tensor, own[name]) for name, tensor in tensors.items()}
        answer = dict(zip(keys, tf.nest.flatten(serve(**given)), strict=True))
        return {name: answer[theirs] for name, theirs in job["outputs"].items()}

    published = reference_worker.filled([spec.model_dump() for spec in original_specs], job["case"])
    with np.load(job["expected"]) as expected:
        given = called({name: tf.constant(values) for name, values in published.items()})
        orders = {name: _order(given[name].numpy(), expected[name]) for name in job["outputs"]}

    def network(tensors: dict[str, Any]) -> dict[str, Any]:
        return {
            name: tf.identity(tensor) if orders[name] is None else tf.transpose(tensor, orders[name])
            for name, tensor in called(tensors).items()
        }

    graph.save(network, [], specs, folder)


def _order(given: NDArray[Any], expected: NDArray[Any]) -> tuple[int, ...] | None:
    """The transposition that fits an output to the original's; None if none is needed or possible.

    onnx2tf computes with channels last. A comparison on three inputs then checks the output.
    """
    order = _TO_CHANNELS_FIRST.get(expected.ndim)
    if order is None or given.ndim != expected.ndim or given.transpose(order).shape != expected.shape:
        return None
    if given.shape != expected.shape:
        return order
    wide = expected.astype(np.float64)
    turned, as_it_is = (float(np.abs(one.astype(np.float64) - wide).max()) for one in (given.transpose(order), given))
    return order if turned < as_it_is else None


def main() -> int:
    """Do one job. Only the answer goes to standard output."""
    end_with_parent()
    with reserve_output() as output:
        job = json.loads(sys.stdin.read())
        try:
            if job["task"] == "plain":
                plain_onnx(Path(job["source"]), Path(job["target"]), job["shapes"])
                answer: dict[str, Any] = {}
            else:
                answer = formats(job)
        except Exception as error:  # any error of a converter is the reason why there is no conversion
            answer = {"problem": " ".join(str(error).split())[:400] or type(error).__name__}
        output.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
