"""The process that builds one model: `python -m mobilebench.models.builder MODEL VARIANT BATCH FOLDER`.

It says on standard output what it does, one JSON object a line (`step`, or `error` with `hint`); everything that the
converters print goes to standard error.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from mobilebench.errors import MobilebenchError
from mobilebench.models import cache, checks, convert, inputs, pins, registry
from mobilebench.models.checks import Arrays
from mobilebench.models.convert import Converted, Traced
from mobilebench.models.manifest import Format, FormatFile, InputSpec, Manifest
from mobilebench.models.zoo.blocks import Weights

_OTHER_INPUT = 100
"""Added to the position of an input: another input of the same kind, to see that the answer follows it."""


def build(model: str, variant: str, batch: int, folder: Path, tell: Callable[[str], None]) -> Manifest:
    """Define, convert, check and describe one model in `folder`.

    Raises:
        MobilebenchError: the network's answer proves nothing, or a format's answer differs from it.
    """
    entry = registry.get(model)
    specs = entry.input_specs(batch)
    tolerance = entry.tolerance[variant]

    tell("defining the network")
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    traced = convert.trace(definition.network(weights, batch), weights, specs)
    reference = _answer(traced, specs, 0)
    checks.telling_outputs(reference, _answer(traced, specs, _OTHER_INPUT), tolerance)

    saved = convert.save(traced, folder / "saved_model")
    converted: dict[Format, Converted] = {}
    tell("converting to TensorFlow Lite")
    converted["tflite"] = convert.to_tflite(saved, folder / f"{model}.tflite", traced)
    tell("converting to ONNX")
    converted["onnx"] = convert.to_onnx(folder / f"{model}.onnx", traced)
    tell("converting to TF.js")
    converted["tfjs"] = convert.to_tfjs(saved, folder / "tfjs", traced)
    shutil.rmtree(saved)

    tell("comparing LiteRT and ONNX Runtime with TensorFlow")
    filled = {spec.name: inputs.fill(spec, position) for position, spec in enumerate(specs)}
    checks.same_answer("LiteRT", run_litert(converted["tflite"], filled), reference, tolerance)
    checks.same_answer("ONNX Runtime", run_onnxruntime(converted["onnx"], filled), reference, tolerance)

    manifest = Manifest(
        model=model,
        variant=variant,
        batch=batch,
        weights="seeded",
        seed=definition.SEED,
        inputs=specs,
        outputs=list(entry.outputs),
        formats={name: _described(one, folder) for name, one in converted.items()},
        reference=[inputs.summarise(name, reference[name]) for name in entry.outputs],
        tolerance=tolerance,
        parameters=weights.count,
        built_with={"python": platform.python_version(), **pins.installed()},
    )
    (folder / cache.MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def run_litert(model: Converted, filled: Arrays) -> Arrays:
    """LiteRT's outputs under canonical names, with tensors found by the names in `model`."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model.file), num_threads=1)
    interpreter.allocate_tensors()
    ins = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    outs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
    for name, values in filled.items():
        interpreter.set_tensor(ins[model.inputs[name]], values)
    interpreter.invoke()
    return {name: interpreter.get_tensor(outs[theirs]) for name, theirs in model.outputs.items()}


def run_onnxruntime(model: Converted, filled: Arrays) -> Arrays:
    """ONNX Runtime's outputs under canonical names, with tensors found by the names in `model`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model.file), providers=["CPUExecutionProvider"])
    feed = {model.inputs[name]: values for name, values in filled.items()}
    return dict(zip(model.outputs, session.run(list(model.outputs.values()), feed), strict=True))


def _answer(traced: Traced, specs: list[InputSpec], offset: int) -> Arrays:
    """TensorFlow's outputs for the published input, or for another one (`offset` is added to each position)."""
    import tensorflow as tf

    feed = {spec.name: tf.constant(inputs.fill(spec, position + offset)) for position, spec in enumerate(specs)}
    return {name: tensor.numpy() for name, tensor in traced.serve(**feed).items()}


def _described(converted: Converted, folder: Path) -> FormatFile:
    files = (converted.file, *converted.parts)
    return FormatFile(
        path=converted.file.relative_to(folder).as_posix(),
        sha256=_sha256(converted.file),
        bytes=sum(file.stat().st_size for file in files),
        parts={part.relative_to(folder).as_posix(): _sha256(part) for part in converted.parts},
        inputs=converted.inputs,
        outputs=converted.outputs,
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Build what the arguments say. Standard output is kept for JSON lines, whatever the converters print."""
    model, variant, batch, folder = arguments
    with os.fdopen(os.dup(1), "w", buffering=1) as mouth:
        os.dup2(2, 1)

        def say(**words: str | None) -> None:
            mouth.write(json.dumps(words) + "\n")

        try:
            build(model, variant, int(batch), Path(folder), lambda step: say(step=step))
        except MobilebenchError as error:
            say(error=error.message, hint=error.hint)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
