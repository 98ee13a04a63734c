"""The native engines' answers against the engines' own Python packages: the same files, the same inputs, every element.

Different callers, different builds (the runner's TensorFlow Lite is not the one inside LiteRT), one answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache as remembered
from threading import Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilebench.core import agreement
from mobilebench.core.records import BlockRule, Case, Measurement, PlannedBlock
from mobilebench.engines.registry import engines
from mobilebench.models import obtain, synthetic_inputs
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.targets import host
from tests.ways import axes

from .measuring import measured_by

pytestmark = pytest.mark.build

MODELS = ("mobilenet_v2", "bert_small")
ENGINES = ("tflite", "onnxruntime", "tensorflow")
Arrays = dict[str, NDArray[Any]]


def built(name: str) -> ModelFiles:
    found = obtain.find(name)
    assert found is not None, f"run `mobilebench models build {name}` first"
    return found


def feeds(files: ModelFiles, wanted: Format) -> Arrays:
    """The published inputs under the format's own names."""
    entry = files.manifest.formats[wanted]
    return {
        entry.inputs[spec.name]: synthetic_inputs.fill(spec, place).astype(
            entry.input_dtypes.get(spec.name, spec.dtype)
        )
        for place, spec in enumerate(files.manifest.inputs)
    }


@remembered
def by_tflite_in_python(name: str) -> Arrays:
    """LiteRT's interpreter for Python, which adds XNNPACK by itself."""
    from ai_edge_litert.interpreter import Interpreter

    files = built(name)
    interpreter = Interpreter(model_path=str(files.file("tflite")), num_threads=1)
    interpreter.allocate_tensors()
    places = {one["name"]: one["index"] for one in interpreter.get_input_details()}
    for tensor, values in feeds(files, "tflite").items():
        interpreter.set_tensor(places[tensor], values)
    interpreter.invoke()
    found = {one["name"]: one["index"] for one in interpreter.get_output_details()}
    outputs = files.manifest.formats["tflite"].outputs
    return {output: interpreter.get_tensor(found[theirs]) for output, theirs in outputs.items()}


@remembered
def by_onnxruntime_in_python(name: str) -> Arrays:
    """The package `onnxruntime`, as a Python programmer calls it."""
    import onnxruntime

    files = built(name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(files.file("onnx")), options, providers=["CPUExecutionProvider"])
    outputs = files.manifest.formats["onnx"].outputs
    given = session.run(list(outputs.values()), feeds(files, "onnx"))
    return dict(zip(outputs, given, strict=True))


@remembered
def measured(engine: str, name: str, threads: int) -> Measurement:
    """One block of the engine, which shows every element of its outputs."""
    files, target = built(name), host.HostTarget(host.describe())
    case = Case(target="host", engine=engine, backend="cpu", threads=threads, model=name, **axes(engine, "cpu"))
    rule = BlockRule(min_predictions=20, max_predictions=20, max_seconds=30)
    block = PlannedBlock(index=0, round=0, case=case, rule=rule)
    chosen = engines()[engine]
    return measured_by(chosen, target, block, files, cancel=Event(), samples=synthetic_inputs.MOST_SAMPLES).measurement


def assert_agree(answer: Measurement, expected: Arrays, files: ModelFiles) -> None:
    """Every element, within the model's tolerance of the output's scale."""
    assert [one.name for one in answer.output] == list(expected)
    for one in answer.output:
        theirs = np.asarray(expected[one.name], dtype=np.float64)
        assert one.shape == list(theirs.shape)
        assert one.sample.index == list(range(theirs.size)), "not every element was told"
        ours = np.asarray(one.sample.value).reshape(theirs.shape)
        scale = float(np.abs(theirs).max())
        assert scale > 0
        assert float(np.abs(ours - theirs).max()) <= files.manifest.tolerance * scale
        assert float(ours.std()) > 1e-3 * scale, "an answer that hardly varies proves little"


IN_PYTHON: dict[str, Callable[[str], Arrays]] = {
    "tflite": by_tflite_in_python,
    "onnxruntime": by_onnxruntime_in_python,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("theirs", IN_PYTHON)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_element_agrees_with_an_independent_caller(engine: str, theirs: str, name: str) -> None:
    assert_agree(measured(engine, name, 1), IN_PYTHON[theirs](name), built(name))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_reference_answer(engine: str, name: str) -> None:
    manifest = built(name).manifest
    answer = measured(engine, name, 1)
    few = [
        synthetic_inputs.summarise(one.name, np.asarray(one.sample.value).reshape(one.shape)) for one in answer.output
    ]
    assert agreement.disagreements(manifest.reference, few, manifest.tolerance) == []


def test_another_answer_would_be_seen() -> None:
    files = built("bert_small")
    wrong = {name: values.copy() for name, values in by_onnxruntime_in_python("bert_small").items()}
    last = wrong[files.manifest.outputs[-1]].reshape(-1)
    last[-1] += 10 * files.manifest.tolerance * np.abs(last).max()
    with pytest.raises(AssertionError):
        assert_agree(measured("onnxruntime", "bert_small", 1), wrong, files)


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_are_read_back_not_echoed(engine: str) -> None:
    assert measured(engine, "mobilenet_v2", 1).proof.threads == 1
    if len(os.sched_getaffinity(0)) > 1:
        assert measured(engine, "mobilenet_v2", 2).proof.threads == 2
