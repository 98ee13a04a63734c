"""The process that builds one model.

`python -m mobilebench.models.build.worker PARENT MODEL PRECISION BATCH FOLDER [BASE]`

`PARENT` is the id of the parent process; the worker ends when it does. `BASE` is the folder of the same model in fp32,
from which every other precision is made. The worker reports on standard output, one JSON object per line (`step`, or
`error` with `hint`); what the converters print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

from mobilebench.core import file_locks
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.hashing import sha256_of
from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.core.worker_process import in_fork as apart  # `apart` is part of the key of every built model
from mobilebench.models import pins, registry, store, synthetic_inputs
from mobilebench.models.build import checks
from mobilebench.models.build.checks import Arrays
from mobilebench.models.conversion import graph, onnx, tfjs, tflite
from mobilebench.models.conversion.converted import Converted, Names
from mobilebench.models.manifest import Format, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.models.spec import ModelEntry
from mobilebench.models.weights import fetch
from mobilebench.models.weights.definition_weights import PretrainedWeights
from mobilebench.models.zoo.blocks import Weights

Tell = Callable[[str], None]
Answers = dict[str, Arrays]
"""Seeded input to TensorFlow's outputs."""

_NO_OTHER_PRECISION: dict[Format, str] = {
    "saved_model": "a SavedModel keeps the 32 bits in which the network was defined",
}
_NO_INT8_TFJS = "TF.js graph models have no 8-bit arithmetic (their 8-bit weights are precision `dynamic`)"
_TELLING = 1.25
"""Outputs for two inputs must differ by this many times the widest tolerance, so that one cannot pass for the other."""
_ENGINES: dict[Format, str] = {"tflite": "LiteRT", "onnx": "ONNX Runtime"}


def build(model: str, precision: str, batch: int, folder: Path, base: Path | None, tell: Tell) -> Manifest:
    """Make one model in `folder`: define or derive, convert, check and describe it.

    Raises:
        MobilebenchError: the network's output is useless as a check, or in fp32 a format's output differs from it.
    """
    entry = registry.get(model)
    specs = entry.input_specs(batch)
    if base is None:
        manifest = in_fp32(entry, specs, batch, folder, tell)
    else:
        manifest = derived(entry, specs, precision, folder, store.read(base), tell)
    (folder / store.MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def in_fp32(entry: ModelEntry, specs: list[InputSpec], batch: int, folder: Path, tell: Tell) -> Manifest:
    """Make the model as it is defined, in all formats."""
    names = Names(tuple(spec.name for spec in specs), entry.outputs)
    saved = folder / "saved_model"

    tell("defining the network")
    weights, seed, parameters = apart(lambda: _define(entry, specs, batch, saved))
    answers = apart(lambda: graph.answers(saved, _feeds(specs)))
    for one, other in combinations(answers.values(), 2):
        checks.telling_outputs(one, other, _TELLING * max(entry.tolerance.values()))

    converted: dict[Format, Converted] = {"saved_model": graph.described(saved, names)}
    tell("converting to TensorFlow Lite")
    converted["tflite"] = apart(lambda: tflite.convert(saved, folder / f"{entry.name}.tflite", names))
    tell("converting to ONNX")
    converted["onnx"] = apart(lambda: onnx.convert(graph.parted(saved, names), folder / f"{entry.name}.onnx", names))
    tell("converting to TF.js")
    converted["tfjs"] = apart(lambda: tfjs.convert(graph.parted(saved, names), specs, names, folder / "tfjs"))

    tell("comparing LiteRT and ONNX Runtime with TensorFlow")
    differences = {
        wanted: _compare(wanted, converted[wanted], specs, answers, entry.tolerance["fp32"]) for wanted in _ENGINES
    }
    return Manifest(
        model=entry.name,
        precision="fp32",
        batch=batch,
        weights=weights,
        seed=seed,
        inputs=specs,
        outputs=list(entry.outputs),
        formats={name: _described(one, folder) for name, one in converted.items()},
        reference=[synthetic_inputs.summarise(name, answers["published"][name]) for name in entry.outputs],
        differences=differences,
        tolerance=entry.tolerance["fp32"],
        parameters=parameters,
        built_with={"python": platform.python_version(), **pins.installed()},
    )


def derived(
    entry: ModelEntry, specs: list[InputSpec], precision: str, folder: Path, base: ModelFiles, tell: Tell
) -> Manifest:
    """Make another precision of a model that was built in fp32.

    A format whose output is too far from TensorFlow's in fp32 is dropped; the manifest states the difference.
    """
    names = Names(tuple(spec.name for spec in specs), entry.outputs)
    answers = apart(lambda: graph.answers(base.folder / "saved_model", _feeds(specs)))
    converters: dict[Format, Callable[[], Converted]] = {
        "tflite": lambda: tflite.convert(
            base.folder / "saved_model", folder / f"{entry.name}.tflite", names, precision, list(_feeds(specs).values())
        ),
        "onnx": lambda: _onnx(
            base.folder / base.manifest.formats["onnx"].path, folder / f"{entry.name}.onnx", names, precision, specs
        ),
    }
    converted: dict[Format, Converted] = {}
    differences: dict[Format, float] = {}
    unsupported: dict[Format, str] = dict(_NO_OTHER_PRECISION)
    for wanted, convert in converters.items():
        tell(f"converting to {wanted} in {precision}")
        try:
            one = apart(convert)
            differences[wanted] = _compare(wanted, one, specs, answers, entry.tolerance[precision])
            converted[wanted] = one
        except MobilebenchError as error:
            unsupported[wanted] = error.message
            (folder / f"{entry.name}.{wanted}").unlink(missing_ok=True)
    if precision == "int8":
        unsupported["tfjs"] = _NO_INT8_TFJS
    else:
        tell(f"converting to tfjs in {precision}")
        source = base.manifest.formats["tfjs"]
        converted["tfjs"] = apart(
            lambda: tfjs.requantised(
                (base.folder / source.path).parent, names, source.outputs, folder / "tfjs", precision
            )
        )
    return base.manifest.model_copy(
        update={
            "precision": precision,
            "formats": {name: _described(one, folder) for name, one in converted.items()},
            "unsupported": unsupported,
            "differences": differences,
            "tolerance": entry.tolerance[precision],
            "notes": [f"{name}: {note}" for name, one in converted.items() for note in one.notes],
        }
    )


def _define(entry: ModelEntry, specs: list[InputSpec], batch: int, folder: Path) -> tuple[str, int | None, int]:
    """Save the network and return the origin of its weights, their seed and their number."""
    definition = importlib.import_module(str(entry.definition))
    own = fetch.fetched(entry.name)
    if own:
        with file_locks.shared(fetch.lock_of(own.path)):
            weights: Weights = PretrainedWeights(own.path, own.pretrained.sha256)
    else:
        weights = Weights(definition.SEED)
    network = definition.network(weights, batch, **entry.options)
    if isinstance(weights, PretrainedWeights):
        weights.finish()
    graph.save(network, weights.variables, specs, folder)
    source, seed = (f"pretrained: {own.pretrained.sha256}", None) if own else ("seeded", definition.SEED)
    return source, seed, weights.count


def _onnx(source: Path, file: Path, names: Names, precision: str, specs: list[InputSpec]) -> Converted:
    if precision == "int8":
        return onnx.int8(source, file, names, list(_feeds(specs).values()))
    return {"fp16": onnx.halved, "dynamic": onnx.dynamic}[precision](source, file, names)


def _feeds(specs: list[InputSpec]) -> dict[str, Arrays]:
    return {one: synthetic_inputs.seeded_feed(specs, one) for one in synthetic_inputs.SEEDED}


def _compare(wanted: Format, one: Converted, specs: list[InputSpec], answers: Answers, tolerance: float) -> float:
    """The largest difference over all seeded inputs; raises `MobilebenchError` if it exceeds the tolerance."""
    run = {"tflite": run_litert, "onnx": run_onnxruntime}[wanted]
    worst = 0.0
    for name, feed in _feeds(specs).items():
        given = apart(lambda feed=feed: run(one, feed))  # type: ignore[misc]
        worst = max(worst, checks.same_answer(_ENGINES[wanted], given, answers[name], tolerance))
    return worst


def run_litert(model: Converted, filled: Mapping[str, object]) -> Arrays:
    """LiteRT's outputs by canonical name; `model` maps canonical names to the file's own."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model.file), num_threads=1)
    interpreter.allocate_tensors()
    ins = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    outs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
    for name, values in filled.items():
        interpreter.set_tensor(ins[model.inputs[name]], values)
    interpreter.invoke()
    return {name: interpreter.get_tensor(outs[theirs]) for name, theirs in model.outputs.items()}


def run_onnxruntime(model: Converted, filled: Mapping[str, object]) -> Arrays:
    """ONNX Runtime's outputs by canonical name; `model` maps canonical names to the file's own."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model.file), providers=["CPUExecutionProvider"])
    feed = {model.inputs[name]: values for name, values in filled.items()}
    return dict(zip(model.outputs, session.run(list(model.outputs.values()), feed), strict=True))


def _described(converted: Converted, folder: Path) -> FormatFile:
    files = (converted.file, *converted.parts)
    return FormatFile(
        path=converted.file.relative_to(folder).as_posix(),
        sha256=sha256_of(converted.file),
        bytes=sum(file.stat().st_size for file in files),
        parts={part.relative_to(folder).as_posix(): sha256_of(part) for part in converted.parts},
        inputs=converted.inputs,
        outputs=converted.outputs,
    )


def main(arguments: list[str]) -> int:
    """Build the model that the arguments name. Only JSON lines go to standard output; the converters' goes to standard
    error.
    """
    model, precision, batch, folder, *base = arguments
    end_with_parent()
    with reserve_output() as output:

        def say(**words: str | None) -> None:
            output.write(json.dumps(words) + "\n")

        try:
            where = Path(base[0]) if base else None
            build(model, precision, int(batch), Path(folder), where, lambda step: say(step=step))
        except MobilebenchError as error:
            say(error=error.message, hint=error.hint)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
