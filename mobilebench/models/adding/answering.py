"""The process that asks a model's own engine for its answer: `python -m mobilebench.models.adding.answering FORMAT`.

Its job comes as JSON on standard input: `{file, inputs, outputs, specs, cases, keep}`, where `inputs` and `outputs`
map plain names to the format's own, `specs` are the inputs in order, and every case is a list of fills with what is
added to an input's position. The answer is one JSON line: `{summaries, notes}`, `{refusal}` in the engine's words,
or `{problem}` in ours.
With `keep`, a folder, all outputs of case `n` are written to `n.npz` there. What engines print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models import formula

Arrays = dict[str, NDArray[Any]]
Predict = Callable[[Arrays], Arrays]

_STILL = 1e-3
"""An output that changes by less than this share of its scale between two inputs hardly follows its input."""

_TINY = 1e-6
_MOST_DIMENSIONS = 8
_READ = ("float32", "int32", "int64", "int8", "uint8", "bool")
"""dtypes of outputs that runner and pages read."""


class Unusable(Exception):
    """The engine runs the model, but runner and pages could not."""


def answers(predict: Predict, specs: list[dict[str, Any]], cases: list[dict[str, Any]]) -> list[Arrays]:
    """What the model gives for each case; values in the dtypes that it has."""
    return [predict(filled(specs, case)) for case in cases]


def filled(specs: list[dict[str, Any]], case: dict[str, Any]) -> Arrays:
    """The inputs of one case."""
    return {
        spec["name"]: formula.filled(spec["shape"], spec["dtype"], place + int(case["offset"]), **fill)
        for place, (spec, fill) in enumerate(zip(specs, case["fills"], strict=True))
    }


def doubts(answer: Arrays, other: Arrays) -> list[str]:
    """Why agreement on this answer would prove little, output by output."""
    found = []
    for name, given in answer.items():
        values = given.astype(np.float64)
        if not values.size:
            found.append(f"output `{name}` is empty: there is nothing to compare")
        elif not np.isfinite(values).all():
            found.append(f"output `{name}` has values that are not finite: every measurement of it is invalid")
        elif (scale := float(np.abs(values).max())) < _TINY:
            found.append(f"output `{name}` is tiny (at most {scale:.3g}): agreement proves little")
        elif float(values.std()) < _STILL * scale and values.size > 1:
            found.append(f"output `{name}` is nearly constant: agreement proves little")
        elif other[name].shape == given.shape and float(np.abs(values - other[name]).max()) < _STILL * scale:
            found.append(f"output `{name}` hardly follows its input: agreement proves little")
    return found


def onnx(job: dict[str, Any]) -> Predict:
    """ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(job["file"], providers=["CPUExecutionProvider"])

    def predict(values: Arrays) -> Arrays:
        feed = {job["inputs"][name]: array for name, array in values.items()}
        given = session.run(list(job["outputs"].values()), feed)
        return {name: np.asarray(array) for name, array in zip(job["outputs"], given, strict=True)}

    return predict


def tflite(job: dict[str, Any]) -> Predict:
    """LiteRT on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=job["file"], num_threads=1)
    ins = {detail["name"]: detail for detail in interpreter.get_input_details()}
    outs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
    if missing := sorted({*job["inputs"].values()} - set(ins) | ({*job["outputs"].values()} - set(outs))):
        raise Unusable(f"its tensor {missing[0]!r} has no name of its own, so that engines could not find it")
    for spec in job["specs"]:
        detail = ins[job["inputs"][spec["name"]]]
        if list(detail["shape"]) != spec["shape"]:
            interpreter.resize_tensor_input(detail["index"], spec["shape"], strict=True)
    interpreter.allocate_tensors()

    def predict(values: Arrays) -> Arrays:
        for name, array in values.items():
            interpreter.set_tensor(ins[job["inputs"][name]]["index"], array)
        interpreter.invoke()
        return {name: interpreter.get_tensor(outs[theirs]) for name, theirs in job["outputs"].items()}

    return predict


def saved_model(job: dict[str, Any]) -> Predict:
    """TensorFlow, by the SavedModel's signature."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(Path(job["file"]).parent))
    serve = loaded.signatures[job["signature"]]

    def predict(values: Arrays) -> Arrays:
        answer = serve(**{job["inputs"][name]: tf.constant(array) for name, array in values.items()})
        return {name: answer[theirs].numpy() for name, theirs in job["outputs"].items()}

    return predict


def tfjs(job: dict[str, Any]) -> Predict:
    """TensorFlow on the graph that a TF.js model holds."""
    from mobilebench.models.adding import tfjs_graph

    return tfjs_graph.predictor(Path(job["file"]), job["inputs"], job["outputs"])


ENGINES: dict[str, Callable[[dict[str, Any]], Predict]] = {
    "onnx": onnx,
    "tflite": tflite,
    "saved_model": saved_model,
    "tfjs": tfjs,
}
_WARM_UP = {"onnx": "onnxruntime", "tflite": "ai_edge_litert.interpreter"}
"""What is imported while the job is still being prepared."""


def work(engine: str, job: dict[str, Any]) -> dict[str, Any]:
    """The whole answer to a job."""
    try:
        given = answers(ENGINES[engine](job), job["specs"], job["cases"])
        _check(given[0])
        summaries = [formula.figures(name, values) for name, values in given[0].items()]
    except MemoryError:
        return {"refusal": "there is not enough memory for it"}
    except Unusable as error:
        return {"problem": str(error)}
    except Exception as error:  # engines raise whatever they like; their words are what the user needs
        return {"refusal": words(error)}
    if job.get("keep"):
        for number, arrays in enumerate(given):
            np.savez(Path(job["keep"]) / f"{number}.npz", allow_pickle=False, **arrays)
    return {"summaries": summaries, "notes": doubts(given[0], given[-1]) if len(given) > 1 else []}


def _check(answer: Arrays) -> None:
    for name, values in answer.items():
        if values.dtype.name not in _READ:
            raise Unusable(
                f"its output `{name}` holds {values.dtype.name} values; engines here read {', '.join(_READ)}"
            )
        if values.ndim > _MOST_DIMENSIONS:
            raise Unusable(f"its output `{name}` has {values.ndim} dimensions; engines here read {_MOST_DIMENSIONS}")


def words(error: Exception) -> str:
    """What the engine says, on one line and of bearable length."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 600 else f"{said[:600]} …"


def main(arguments: list[str]) -> int:
    """Do one job. Standard output is kept for the answer, whatever engines print."""
    (engine,) = arguments
    with os.fdopen(os.dup(1), "w") as mouth:
        os.dup2(2, 1)
        if module := _WARM_UP.get(engine):
            try:
                __import__(module)
            except ImportError as error:
                mouth.write(json.dumps({"refusal": words(error)}) + "\n")
                return 0
        text = sys.stdin.read()
        if text:
            mouth.write(json.dumps(work(engine, json.loads(text))) + "\n")
    os._exit(0)  # the engine's own clean-up is of no use any more, and takes its time


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
