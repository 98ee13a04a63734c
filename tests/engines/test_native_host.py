"""The native engines on this computer, with real libraries and models.

Their answers are compared with those of the engines' own Python packages: the same files, the same inputs, every
element. Callers and builds differ (the runner's TensorFlow Lite is not the one inside LiteRT); the answer must not.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache as remembered
from pathlib import Path
from threading import Event, Timer
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilebench.core import agreement, paths
from mobilebench.core.errors import BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import BlockRule, Case, Conditions, Measurement, PlannedBlock
from mobilebench.engines import libraries, native
from mobilebench.engines.registry import engines
from mobilebench.models import obtain, synthetic_inputs
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.targets import host
from tests.ways import axes

from .measuring import measured_by

pytestmark = [pytest.mark.build, pytest.mark.alone]


def target() -> host.HostTarget:
    return host.HostTarget(host.describe())


def planned(engine: str, model: str = "bert_small", *, threads: int = 1) -> PlannedBlock:
    case = Case(target="host", engine=engine, backend="cpu", threads=threads, model=model, **axes(engine, "cpu"))
    return PlannedBlock(index=0, round=0, case=case, rule=BlockRule(max_seconds=1.0))


def endless(time_limit_seconds: float | None = None) -> PlannedBlock:
    """A block that only sleeps, for minutes."""
    rule = BlockRule(min_predictions=10_000, max_predictions=10_000, time_limit_seconds=time_limit_seconds)
    return planned("sleep").model_copy(update={"rule": rule})


def model(name: str) -> ModelFiles:
    files = obtain.find(name)
    assert files is not None, f"run `mobilebench models build {name}` first"
    return files


@pytest.mark.parametrize("name", ["mobilenet_v2", "bert_small"])
@pytest.mark.parametrize("engine", ["tflite", "onnxruntime"])
def test_a_block_on_this_computer(engine: str, name: str) -> None:
    here, files, block = target(), model(name), planned(engine, name, threads=2)
    chosen = engines()[engine]
    assert chosen.supports(here.info, block.case) is None
    result = measured_by(chosen, here, block, files, cancel=Event())
    measured, manifest = result.measurement, files.manifest
    assert agreement.disagreements(manifest.reference, measured.output, manifest.tolerance) == []
    assert measured.proof.threads == 2
    assert len(measured.proof.files) == 3
    assert measured.proof.files[1].sha256 == libraries.library(engine, here.info.runner).sha256
    assert measured.proof.files[2].sha256 == manifest.formats[chosen.format].sha256  # type: ignore[attr-defined]
    assert result.spent_ms["launch"] < 20_000


def test_the_sleeping_engine_leaves_the_processor_free() -> None:
    prepared = engines()["sleep"].prepare(target(), planned("sleep"), model("bert_small"))
    started, used = time.monotonic(), time.process_time()
    result = engines()["sleep"].measure(prepared, cancel=Event())
    assert 0.9 < time.monotonic() - started < 60
    assert time.process_time() - used < 0.5
    assert result.measurement.output == []
    assert result.measurement.proof.threads is None


@pytest.mark.parametrize("engine", ["tflite", "onnxruntime"])
def test_a_truncated_model_fails_the_block_in_one_sentence(tmp_path: Path, engine: str) -> None:
    files, chosen = model("bert_small"), engines()[engine]
    entry = files.manifest.formats[chosen.format]  # type: ignore[attr-defined]
    raw = (files.folder / entry.path).read_bytes()
    (tmp_path / entry.path).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(BlockFailed, match=f"{engine} on host: the model cannot be"):
        measured_by(chosen, target(), planned(engine), ModelFiles(tmp_path, files.manifest), cancel=Event())


def test_cancelling_ends_the_block_at_once() -> None:
    cancel = Event()
    Timer(0.3, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(MobilebenchError):
        measured_by(engines()["sleep"], target(), endless(), model("bert_small"), cancel=cancel)
    assert time.monotonic() - started < 100


@pytest.mark.parametrize("engine", ["tflite", "onnxruntime"])
def test_every_pass_under_every_condition(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plain = planned(engine)
    case = replace(plain.case, affinity="0x1", caches="warm")
    conditions = Conditions(priority=max(1, os.getpriority(os.PRIO_PROCESS, 0)), model_access="mapped")
    for pass_ in ("timing", "kernels", "memory"):
        block = plain.model_copy(update={"case": case, "conditions": conditions, "pass_": pass_})
        measured = measured_by(engines()[engine], target(), block, model("bert_small"), cancel=Event()).measurement
        assert measured.pass_ == pass_
        assert bool(measured.kernels) is (pass_ == "kernels")
        assert (measured.memory is not None) is (pass_ == "memory")
        proof = measured.proof
        assert (proof.affinity, proof.affinity_kept, proof.priority) == ([0], True, conditions.priority)
        assert (proof.model_access, proof.model_resident, proof.library_resident) == ("mapped", 1, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_runner_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "patience_s", lambda rule: 0.5)
    started = time.monotonic()
    with pytest.raises(BlockFailed, match=r"0\.5 s"):
        measured_by(engines()["sleep"], target(), endless(), model("bert_small"), cancel=Event())
    assert time.monotonic() - started < 100


def test_a_block_that_takes_longer_than_its_time_limit_is_ended_as_too_slow() -> None:
    block = endless(time_limit_seconds=1)
    started = time.monotonic()
    with pytest.raises(Unsupported, match="did not end within 1 s, the time limit of a block"):
        measured_by(engines()["sleep"], target(), block, model("bert_small"), cancel=Event())
    assert time.monotonic() - started < 100


def test_more_predictions_than_a_runner_makes_are_refused_in_words() -> None:
    block = planned("sleep").model_copy(update={"rule": BlockRule(max_predictions=10**9)})
    with pytest.raises(BlockFailed, match="--max-predictions has to be 1 to 1000000"):
        measured_by(engines()["sleep"], target(), block, model("bert_small"), cancel=Event())


@pytest.mark.parametrize(("contents", "words"), [(b"\x7fELF", "Exec format error"), (b"\0" * 99, "Exec format error")])
def test_a_runner_for_another_processor_makes_its_cases_unsupported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: bytes, words: str
) -> None:
    runner = tmp_path / "mobilebench-runner"
    runner.write_bytes(contents)
    runner.chmod(0o755)
    monkeypatch.setattr(paths, "runner", lambda build: runner)
    with pytest.raises(Unsupported, match=words):
        engines()["tflite"].prepare(target(), planned("tflite"), model("bert_small"))


def test_a_runner_that_may_not_be_executed_makes_its_cases_unsupported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = tmp_path / "mobilebench-runner"
    runner.write_bytes(b"\x7fELF")
    monkeypatch.setattr(paths, "runner", lambda build: runner)
    with pytest.raises(Unsupported, match="cannot be executed"):
        engines()["tflite"].prepare(target(), planned("tflite"), model("bert_small"))


@pytest.mark.parametrize(("answer", "largest"), [("first", 1), ("last", 5)])
def test_the_answer_is_that_of_the_inference_that_was_asked_for(answer: str, largest: int) -> None:
    """The model adds its input to a variable: of five inferences the last gives five times what the first gives."""
    here = target()
    file = Path(__file__).parents[1] / "models" / "user_models" / "behaving" / "resource_variable.tflite"
    command = [
        str(paths.runner(here.info.runner)),
        *("--engine", "tflite", "--backend", "cpu", "--delegate", "none", "--threads", "1", "--answer", answer),
        *("--min-predictions", "4", "--max-predictions", "4", "--pass", "kernels"),
        *("--library", str(libraries.library("tflite", here.info.runner).path), "--model", str(file)),
        *("--input", "x,float32,1x4,uniform:1.0:1.0000001"),
        *("--output", "y=y"),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    (output,) = json.loads(done.stdout)["output"]
    assert output["max"] == pytest.approx(largest, rel=1e-3)


def test_nodes_of_all_graphs_of_a_model_are_counted() -> None:
    """The file has seven operators in two graphs; without the second one's, XNNPACK seemed to take none."""
    here = target()
    file = Path(__file__).parents[1] / "models" / "user_models" / "behaving" / "resource_variable.tflite"
    command = [
        str(paths.runner(here.info.runner)),
        *("--engine", "tflite", "--backend", "cpu", "--delegate", "xnnpack", "--threads", "1"),
        *("--min-predictions", "1", "--max-predictions", "1"),
        *("--library", str(libraries.library("tflite", here.info.runner).path), "--model", str(file)),
        *("--input", "x,float32,1x4,uniform:1.0:1.0000001", "--output", "y=y"),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    proof = json.loads(done.stdout)["proof"]
    assert proof["graph_nodes"] == 7
    assert [share["nodes"] > 0 for share in proof["delegates"]] == [True]


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
