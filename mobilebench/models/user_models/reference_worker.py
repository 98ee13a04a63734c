"""The process that runs a model in its own engine.

It is started by `python -m mobilebench.models.user_models.reference_worker FORMAT`.

It reads its job as JSON from standard input: `{file, inputs, outputs, specs, cases, keep}`, where `inputs` and
`outputs` map plain names to the format's own, `specs` are the inputs in order, and every case is a list of fills, each
with an offset that is added to the input's position. The answer is one JSON line: `{summaries, notes}`, `{refusal}`
with the engine's message, or `{problem}` with our own. With `keep`, a folder, all outputs of case `n` are written to
`n.npz` there. With `repeats`, the first case is run again in the same session, and `repeated` is the distance of these
outputs from the first. With `before`, the file of an earlier first output, `renewed` is its distance from this one. The
engines' own output goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models import synthetic_inputs

Arrays = dict[str, NDArray[Any]]
Predict = Callable[[Arrays], Arrays]

_STILL = 1e-3
"""An output that changes by less than this share of its scale between two inputs hardly depends on its input."""

_TINY = 1e-6
_FAR = 1e300
_SECONDS_TO_REPEAT = 5.0
"""After this time, a case is not repeated."""

_MOST_DIMENSIONS = 8
_READ = ("float32", "int32", "int64", "int8", "uint8", "bool")
"""dtypes of outputs that the native runner and web pages can read."""


class Unusable(Exception):
    """The engine runs the model, but the native runner and web pages could not."""


def answers(predict: Predict, specs: list[dict[str, Any]], cases: list[dict[str, Any]]) -> list[Arrays]:
    """The model's outputs for each case, in the model's own dtypes."""
    return [predict(filled(specs, case)) for case in cases]


def filled(specs: list[dict[str, Any]], case: dict[str, Any]) -> Arrays:
    """The inputs of one case."""
    return {
        spec["name"]: synthetic_inputs.filled_array(spec["shape"], spec["dtype"], place + int(case["offset"]), **fill)
        for place, (spec, fill) in enumerate(zip(specs, case["fills"], strict=True))
    }


def distance(one: Arrays, other: Arrays) -> float:
    """The distance of two sets of outputs: the largest difference as a share of its output's scale.

    Values that are not finite must be equal at the same positions; if they are not, or if shapes differ, the distance
    is infinite.
    """
    return max((_distance(values, other[name]) for name, values in one.items()), default=0.0)


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    if one.shape != other.shape:
        return float("inf")
    left, right = one.astype(np.float64), other.astype(np.float64)
    differing = ~((left == right) | (np.isnan(left) & np.isnan(right)))
    if not differing.any():
        return 0.0
    if not (np.isfinite(left[differing]).all() and np.isfinite(right[differing]).all()):
        return float("inf")
    scale = float(np.abs(left[np.isfinite(left)]).max())
    far = float(np.abs(left[differing] - right[differing]).max())
    return far / scale if scale > 0 else float("inf")


def doubts(answer: Arrays, other: Arrays | None) -> list[str]:
    """Reasons, by output, why agreement with these outputs would prove little; without outputs for another input, only
    reasons that need none.
    """
    reasons = []
    for name, output in answer.items():
        values = output.astype(np.float64)
        if not values.size:
            reasons.append(f"output `{name}` is empty: there is nothing to compare")
        elif not np.isfinite(values).all():
            reasons.append(f"output `{name}` has values that are not finite: every measurement of it is invalid")
        elif other is None:
            continue
        elif (scale := float(np.abs(values).max())) < _TINY:
            reasons.append(f"output `{name}` is tiny (at most {scale:.3g}): agreement proves little")
        elif float(values.std()) < _STILL * scale and values.size > 1:
            reasons.append(f"output `{name}` is nearly constant: agreement proves little")
        elif other[name].shape == output.shape and float(np.abs(values - other[name]).max()) < _STILL * scale:
            reasons.append(f"output `{name}` hardly depends on its input: agreement proves little")
    return reasons


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
        raise Unusable(f"its tensor {missing[0]!r} has no unique name, so engines cannot find it")
    for spec in job["specs"]:
        detail = ins[job["inputs"][spec["name"]]]
        if list(detail["shape"]) != spec["shape"]:
            same_rank = len(detail["shape"]) == len(spec["shape"])
            interpreter.resize_tensor_input(detail["index"], spec["shape"], strict=same_rank)
    interpreter.allocate_tensors()

    def predict(values: Arrays) -> Arrays:
        for name, array in values.items():
            interpreter.set_tensor(ins[job["inputs"][name]]["index"], array)
        interpreter.invoke()
        return {name: interpreter.get_tensor(outs[theirs]) for name, theirs in job["outputs"].items()}

    return predict


def saved_model(job: dict[str, Any]) -> Predict:
    """TensorFlow, called by the SavedModel's signature."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(Path(job["file"]).parent))
    serve = loaded.signatures[job["signature"]]

    def predict(values: Arrays) -> Arrays:
        answer = serve(**{job["inputs"][name]: tf.constant(array) for name, array in values.items()})
        return {name: answer[theirs].numpy() for name, theirs in job["outputs"].items()}

    return predict


def tfjs(job: dict[str, Any]) -> Predict:
    """TensorFlow on the graph of a TF.js model."""
    from mobilebench.models.user_models import tfjs_graph

    return tfjs_graph.predictor(Path(job["file"]), job["inputs"], job["outputs"])


ENGINES: dict[str, Callable[[dict[str, Any]], Predict]] = {
    "onnx": onnx,
    "tflite": tflite,
    "saved_model": saved_model,
    "tfjs": tfjs,
}
_WARM_UP = {"onnx": "onnxruntime", "tflite": "ai_edge_litert.interpreter"}
"""Format to the module that is imported while the job is still being prepared."""


def work(engine: str, job: dict[str, Any]) -> dict[str, Any]:
    """Do a job and return the complete answer."""
    try:
        outputs, repeated = _asked(engine, job)
        _check(outputs[0])
        summaries = [synthetic_inputs.summary_fields(name, values) for name, values in outputs[0].items()]
        distances = _compared(outputs[0], repeated, job)
    except MemoryError:
        return {"refusal": "there is not enough memory for it"}
    except Unusable as error:
        return {"problem": str(error)}
    except Exception as error:  # engines raise errors of any type; the user needs the message
        return {"refusal": words(error)}
    if job.get("keep"):
        for number, arrays in enumerate(outputs):
            np.savez(Path(job["keep"]) / f"{number}.npz", allow_pickle=False, **arrays)
    other = None if job.get("random") and distances.get("repeated") else outputs[-1]
    return {"summaries": summaries, "notes": doubts(outputs[0], other) if len(outputs) > 1 else [], **distances}


def _asked(engine: str, job: dict[str, Any]) -> tuple[list[Arrays], list[Arrays]]:
    """The outputs for all cases, and repeated ones for the first case in the same session.

    If these show that the session keeps state, each other case runs in a new session.
    """
    predict = ENGINES[engine](job)
    specs, cases = job["specs"], job["cases"]
    if not job.get("repeats"):
        return answers(predict, specs, cases), []
    first, *others = cases
    outputs = answers(predict, specs, [first])
    end = time.monotonic() + _SECONDS_TO_REPEAT
    repeated = answers(predict, specs, [first])
    while len(repeated) < job["repeats"] and time.monotonic() < end:
        repeated += answers(predict, specs, [first])
    outputs_of_others = answers(predict, specs, others)
    repeated += answers(predict, specs, [first]) if others else []
    if others and any(distance(outputs[0], one) for one in repeated):
        outputs_of_others = [one for case in others for one in answers(ENGINES[engine](job), specs, [case])]
    return [*outputs, *outputs_of_others], repeated


def _compared(answer: Arrays, repeated: list[Arrays], job: dict[str, Any]) -> dict[str, Any]:
    """Distances of other outputs for the first case from this one, as JSON numbers: 1e300 stands for infinity."""
    distances: dict[str, Any] = {}
    others = list(repeated)
    if repeated:
        distances["repeated"] = max(min(distance(answer, output), _FAR) for output in repeated)
    if before := job.get("before"):
        with np.load(before) as earlier:
            others.append({name: earlier[name] for name in answer})
        distances["renewed"] = min(distance(others[-1], answer), _FAR)
    distances["sizes_vary"] = any(
        output[name].shape != values.shape for output in others for name, values in answer.items()
    )
    return distances


def _check(answer: Arrays) -> None:
    for name, values in answer.items():
        if values.dtype.name not in _READ:
            raise Unusable(f"its output `{name}` has {values.dtype.name} values; engines here read {', '.join(_READ)}")
        if values.ndim > _MOST_DIMENSIONS:
            raise Unusable(f"its output `{name}` has {values.ndim} dimensions; engines here read {_MOST_DIMENSIONS}")


def words(error: Exception) -> str:
    """The engine's message, shortened and on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 600 else f"{text[:600]} …"


def main(arguments: list[str]) -> int:
    """Do one job. Only the answer goes to standard output."""
    (engine,) = arguments
    end_with_parent()
    with reserve_output() as output:
        if module := _WARM_UP.get(engine):
            try:
                __import__(module)
            except ImportError as error:
                output.write(json.dumps({"refusal": words(error)}) + "\n")
                return 0
        text = sys.stdin.read()
        if text:
            output.write(json.dumps(work(engine, json.loads(text))) + "\n")
    os._exit(0)  # the engine's own clean-up is useless now, and slow


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
