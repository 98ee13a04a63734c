"""The process that runs a Python engine: `python -m mobilebench.verification.worker`.

It reads its job as JSON from standard input and writes its answer as one JSON line to standard output; the engines' own
output goes to standard error. Only this process loads TensorFlow and the compared arrays.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core import agreement
from mobilebench.core.errors import MobilebenchError
from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models import synthetic_inputs
from mobilebench.models.build import checks
from mobilebench.models.manifest import InputSpec
from mobilebench.models.user_models import reference_worker
from mobilebench.verification import compare
from mobilebench.verification.activations import LayerActivations, complaints
from mobilebench.verification.activations import shares as shares_of
from mobilebench.verification.records import Activations, OutputFacts, WorstLayer

Arrays = dict[str, NDArray[Any]]

_NETWORK = "network"


class ModelRefused(Exception):
    """The engine does not run the file; the message is the engine's."""


def reference(job: dict[str, Any]) -> dict[str, Any]:
    """Compute the reference outputs: write arrays to `keep` and return summaries."""
    answers = _answers(job)
    for name, answer in answers.items():
        np.savez(Path(job["keep"]) / f"{name}.npz", allow_pickle=False, **answer)
    return {
        "summaries": {name: _summaries(answer, job["samples"]) for name, answer in answers.items()},
        "published": _summaries(answers["published"], synthetic_inputs.SAMPLES),
        "outputs": [_facts(name, answers).model_dump() for name in job["outputs"]],
    }


def answers(job: dict[str, Any]) -> dict[str, Any]:
    """Compare an engine's outputs with those in `reference`; without a reference, return them as summaries."""
    outputs = _answers(job)
    if job["reference"] is None:
        return {"summaries": {name: _summaries(answer, job["samples"]) for name, answer in outputs.items()}}
    expected = {name: dict(np.load(Path(job["reference"]) / f"{name}.npz")) for name in job["references"]}
    differences = [
        compare.to_record(agreement.of_arrays(expected[name][output], outputs[name][output]), output, name).model_dump()
        for name, output in product(outputs, job["outputs"])
    ]
    smallest = compare.least(
        compare.to_record(
            agreement.of_arrays(expected[other][output], outputs[name][output]),
            output,
            other,
        )
        for other, name, output in product(expected, outputs, job["outputs"])
        if other != name
    )
    return {"differences": differences, "told_apart": smallest}


def activations(job: dict[str, Any]) -> dict[str, Any]:
    """Statistics of the layers of a SavedModel on the published input."""
    function, _variables = _traced(job)
    shares = [_renamed(one) for one in shares_of(function, _feed(job, "published"))]
    kinds: dict[Any, Callable[[LayerActivations], float]] = {
        "zero": lambda one: one.zeros,
        "vanishing": lambda one: one.vanishing,
        "saturated": lambda one: one.saturated,
        "denormal": lambda one: one.denormal,
    }
    worst = []
    for what, share in kinds.items():
        one = max(shares, key=share)
        worst.append(WorstLayer(what=what, layer=one.name, operation=one.operation, share=share(one)))
    return Activations(layers=len(shares), worst=worst, complaints=complaints(shares)).model_dump()


def _traced(job: dict[str, Any]) -> tuple[Any, Any]:
    """The network as a function without calls, and its big weights as variables, which must outlive it: constants would
    be copied many times (VGG-16: 12 GB).
    """
    import tensorflow as tf

    from mobilebench.models.conversion import graph
    from mobilebench.models.conversion.converted import Names

    parts = graph.parted(Path(job["file"]).parent, Names(tuple(job["inputs"]), tuple(job["outputs"])))
    variables = {f"{name}:0": tf.Variable(parts.weights.pop(name)) for name in list(parts.weights)}

    def serve(**tensors: Any) -> Any:
        fed = {parts.inputs[name]: tensor for name, tensor in tensors.items()}
        fed |= {name: variable.read_value() for name, variable in variables.items()}
        return tf.graph_util.import_graph_def(parts.graph, fed, list(parts.outputs.values()), name=_NETWORK)

    specs = [InputSpec.model_validate(spec) for spec in job["specs"]]
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs}
    traced = tf.function(serve, autograph=False)  # autograph would leave files in the temporary folder
    return traced.get_concrete_function(**signature), variables


def _renamed(layer: LayerActivations) -> LayerActivations:
    name = layer.name.removeprefix(f"{_NETWORK}/").removeprefix("StatefulPartitionedCall/")
    return replace(layer, name=name)


KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "reference": reference,
    "answers": answers,
    "activations": activations,
}


def _answers(job: dict[str, Any]) -> dict[str, Arrays]:
    """Seeded input to outputs by canonical name; a stateful model gets a new session for each input.

    Raises:
        ModelRefused: the engine does not load or does not run the file.
    """
    feeds = {name: _feed(job, name) for name in job["seeded"]}
    start = reference_worker.ENGINES[job["format"]]
    try:
        if job["stateful"]:
            return {name: start(job)(feed) for name, feed in feeds.items()}
        predict = start(job)
        return {name: predict(feed) for name, feed in feeds.items()}
    except Exception as error:  # engines raise errors of any type
        raise ModelRefused(reference_worker.words(error)) from error


def _feed(job: dict[str, Any], name: str) -> Arrays:
    specs = [InputSpec.model_validate(spec) for spec in job["specs"]]
    filled = synthetic_inputs.seeded_feed(specs, name)
    return {name: values.astype(job["dtypes"].get(name, values.dtype)) for name, values in filled.items()}


def _summaries(answer: Arrays, samples: int) -> list[dict[str, Any]]:
    return [synthetic_inputs.summary_fields(name, values, samples) for name, values in answer.items()]


def _facts(name: str, answers: dict[str, Arrays]) -> OutputFacts:
    """Facts about the outputs, by the same criteria as for definitions (`models.build.checks`)."""
    complaint = None
    for answer in answers.values():
        try:
            checks.telling_outputs({name: answer[name]}, answer, 0.0)
        except MobilebenchError as error:
            complaint = complaint or error.message
    scale = max(float(np.abs(answer[name]).max(initial=0)) for answer in answers.values())
    changes = [
        agreement.of_arrays(one[name], other[name]).relative or 0.0 for one, other in combinations(answers.values(), 2)
    ]
    finite = np.isfinite(scale)
    return OutputFacts(
        name=name,
        scale=scale if finite else 0.0,
        least_change=min(changes, default=0.0),
        complaint=complaint,
    )


def main() -> int:
    """Do one job; the process ends if its parent does."""
    end_with_parent()
    with reserve_output() as output:
        job = json.load(sys.stdin)
        try:
            said = KINDS[job["kind"]](job)
        except ModelRefused as error:
            said = {"refusal": str(error)}
        output.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
