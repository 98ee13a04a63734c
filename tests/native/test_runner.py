"""The runner on bad input, and with the real engines and models: what it answers, and what it never does."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.core import agreement
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.models.synthetic_inputs import sample_indices
from tests.native.running import (
    FORMATS,
    INPUT,
    OUTPUT,
    SLEEP,
    model_files,
    onnx_arguments,
    real_arguments,
    run,
    wait_until_predicting,
)

pytestmark = pytest.mark.build


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "--engine is missing"),
        (["--engine"], "lacks its value"),
        (["--engine", "sleep"], "--threads is missing"),
        (["--engine", "sleep", "--threads", "0"], "1 to 256"),
        (["--engine", "sleep", "--threads", "-1"], "1 to 256"),
        (["--engine", "sleep", "--threads", "2x"], "1 to 256"),
        (["--engine", "sleep", "--threads", "99999999999999999999"], "1 to 256"),
        (["--engine", "sleep", "--threads", "1", "--max-seconds", "nan"], "above 0"),
        (["--engine", "sleep", "--threads", "1", "--max-seconds", "0"], "above 0"),
        (["--engine", "sleep", "--threads", "1", "--max-predictions", "0"], "1 to 1000000"),
        (["--engine", "sleep", "--threads", "1", "--min-predictions", "9", "--max-predictions", "8"], "more than"),
        (["--engine", "sleep", "--threads", "1", "--samples", "0"], "--samples has to be 1 to 65536"),
        (["--engine", "sleep", "--threads", "1", "--samples", "65537"], "--samples has to be 1 to 65536"),
        (["--engine", "sleep", "--threads", "1", "--samples", "many"], "--samples has to be 1 to 65536"),
        (["--engine", "sleep", "--threads", "1", "--arithmetic", "fp16"], "no choice of arithmetic"),
        (["--engine", "dream", "--threads", "1"], "unknown engine `dream`"),
        (["--engine", "tflite", "--threads", "1"], "needs --library and --model"),
        (["--engine", "tflite", "--threads", "1", "--library", "l", "--model", "m"], "at least one --input"),
        (["--frobnicate", "1"], "unknown option"),
        (["--input", "x"], "NAME,DTYPE,SHAPE,FILL"),
        (["--input", "x,float16,1,uniform:0:1"], "float32, int32, int64, int8, uint8 or bool"),
        (["--input", "x,float32,,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,0x4,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,-4,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,1x1x1x1x1x1x1x1x1,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,2147483647x2147483647,uniform:0:1"], "larger than 2 GiB"),
        (["--input", "x,float32,4,uniform:1:0"], "fill"),
        (["--input", "x,int32,4,integers:0:1.5"], "fill"),
        (["--input", "x,int32,4,integers:0:1e12"], "fill"),
        (["--input", "x,uint8,4,integers:-1:256"], "fill"),
        (["--input", "x,int8,4,integers:0:129"], "fill"),
        (["--input", "x,bool,4,integers:0:3"], "fill"),
        (["--input", "x,float32,open:,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,scalarx1,uniform:0:1"], "1 to 8 sizes"),
        (["--input", "x,float32,4,uniform:0:inf"], "fill"),
        (["--input", "x,float32,4,file:"], "fill"),
        (["--engine", "sleep", "--threads", "1", "--max-predictions", "1000000000"], "1 to 1000000"),
        (["--engine", "sleep", "--threads", "1", "--batch", "0"], "--batch has to be 1 to 65536"),
        (["--batch", "4", *INPUT, "--input", "rate,float32,scalar,uniform:0:1", *SLEEP], "`rate` is a scalar"),
        (["--batch", "65536", "--input", "x,float32,1x224x224x3,uniform:0:1", *SLEEP], "larger than 2 GiB"),
        (["--engine", "sleep", "--threads", "1", "--affinity", "fast"], "--affinity has to be none, big"),
        (["--engine", "sleep", "--threads", "1", "--affinity", "0x0"], "--affinity has to be none, big"),
        (["--engine", "sleep", "--threads", "1", "--affinity", "0x1g"], "--affinity has to be none, big"),
        (["--engine", "sleep", "--threads", "1", "--priority", "20"], "--priority has to be -20 to 19"),
        (["--engine", "sleep", "--threads", "1", "--pass", "both"], "--pass has to be"),
        (["--engine", "sleep", "--threads", "1", "--model-access", "lent"], "read or mapped"),
        (["--engine", "sleep", "--threads", "1", "--page-cache", "hot"], "cold or warm"),
        (["--engine", "sleep", "--threads", "1", "--memory-period", "60001"], "0 to 60000"),
        (["--engine", "sleep", "--threads", "1", "--allow-fp16", "yes"], "--allow-fp16 has to be 0 to 1"),
        (["--engine", "sleep", "--threads", "1", "--scratch", ""], "`--scratch` is empty"),
        (["--output", "=name"], "CANONICAL=NAME"),
    ],
)
def test_bad_arguments(runner: Path, arguments: list[str], reason: str) -> None:
    code, answer, _ = run(runner, *arguments)
    assert code == 2
    assert answer["status"] == "error"
    assert reason in answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
def test_a_missing_library_is_named(runner: Path, engine: str) -> None:
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", library="/nowhere/libengine.so"))
    assert (code, answer["status"]) == (1, "error")
    assert "/nowhere/libengine.so" in answer["reason"]


@pytest.mark.parametrize(("engine", "other"), [("tflite", "onnxruntime"), ("onnxruntime", "tflite")])
def test_the_other_engines_library_is_refused(runner: Path, engine: str, other: str) -> None:
    wrong = libraries.library(other, libraries.host_build()).path
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", library=str(wrong)))
    assert (code, answer["status"]) == (3, "unsupported")
    assert "the library is not" in answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("content", ["missing", "empty", "truncated", "garbage", "folder"])
def test_a_damaged_model_is_an_error_of_the_block(runner: Path, tmp_path: Path, engine: str, content: str) -> None:
    whole = model_files("bert_small").file(FORMATS[engine])
    assert whole is not None
    model = tmp_path / "damaged.model"
    if content == "folder":
        model.mkdir()
    elif content != "missing":
        raw = whole.read_bytes()
        model.write_bytes(
            {"empty": b"", "truncated": raw[: len(raw) // 3], "garbage": random.Random(1).randbytes(4096)}[content]
        )
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", model=str(model)))
    assert (code, answer["status"]) == (1, "error")
    words = {"missing": "No such file", "empty": "is empty", "folder": "is not a file"}
    assert words.get(content, "the model cannot be") in answer["reason"]
    assert answer["prediction_ms"] == answer["output"] == []


@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (["--input", "x,float32,1x4,uniform:0:1"], "inputs, but"),
        (["--output", "y=nothing_of_that_name"], "nothing_of_that_name"),
    ],
)
def test_tensors_that_the_model_lacks(runner: Path, engine: str, wrong: list[str], word: str) -> None:
    code, answer, _ = run(runner, *real_arguments(engine, "mobilenet_v2"), *wrong)
    assert (code, answer["status"]) == (1, "error")
    assert word in answer["reason"]


@pytest.mark.parametrize("engine", FORMATS)
def test_an_input_of_another_shape_is_refused(runner: Path, engine: str) -> None:
    arguments = [word.replace("1x224x224x3", "1x112x448x3") for word in real_arguments(engine, "mobilenet_v2")]
    code, answer, _ = run(runner, *arguments)
    assert (code, answer["status"]) == (1, "error")
    assert "shape" in answer["reason"] or "dimensions" in answer["reason"]


def test_a_closed_output_pipe_has_an_exit_code(runner: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [runner, "--engine", "sleep", "--threads", "1", "--max-predictions", "3"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 4
    assert b"could not be written" in done.stderr


@pytest.mark.parametrize("model", ["mobilenet_v2", "bert_small"])
@pytest.mark.parametrize("engine", FORMATS)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_answer_agrees_with_the_reference_and_the_proof_is_whole(
    runner: Path, engine: str, model: str, threads: int
) -> None:
    manifest = model_files(model).manifest
    code, raw, done = run(runner, *real_arguments(engine, model, threads=str(threads)))
    measured = Measurement.model_validate(raw)
    assert (code, measured.status) == (0, "ok"), measured.reason
    assert agreement.disagreements(manifest.reference, measured.output, manifest.tolerance) == []
    assert len(measured.warmup_ms) == 1
    assert 3 <= len(measured.prediction_ms) <= 20
    proof = measured.proof
    assert proof.backend == "cpu"
    assert proof.threads == threads
    assert proof.environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert proof.graph_nodes and proof.delegates
    assert proof.delegates[0].nodes <= proof.graph_nodes
    assert proof.clock_resolution_ms and proof.clock_resolution_ms < 0.001
    library = libraries.library(engine, libraries.host_build())
    assert [one.bytes for one in proof.files][1] == library.path.stat().st_size
    if engine == "tflite":
        assert proof.delegates[0].name == "TfLiteXNNPackDelegate"
        assert f"XNNPACK's own pool has {threads} thread(s); {threads} were requested" in proof.notes
        assert measured.setup_ms["delegate_preparation"] > 0
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("samples", [1, 900, 65536])
def test_an_answer_shows_as_many_elements_as_are_asked_for(runner: Path, samples: int) -> None:
    code, raw, _ = run(runner, *real_arguments("tflite", "mobilenet_v2", samples=str(samples), max_predictions="3"))
    (output,) = Measurement.model_validate(raw).output
    assert code == 0
    assert output.sample.index == sample_indices(math.prod(output.shape), samples).tolist()
    assert len(output.sample.value) == min(math.prod(output.shape), samples)
    if samples == 65536:
        assert max(map(abs, output.sample.value)) == output.max


@pytest.mark.parametrize("pass_", ["timing", "kernels", "memory"])
@pytest.mark.parametrize("engine", FORMATS)
def test_the_sanitised_runner_finds_no_fault_in_itself(
    sanitized: Path, sanitizers: dict[str, str], tmp_path: Path, engine: str, pass_: str
) -> None:
    conditions = {"affinity": "0x1", "page_cache": "warm", "model_access": "mapped", "memory_period": "2"}
    rule = {"max_predictions": "3", "scratch": str(tmp_path), "pass": pass_}
    arguments = real_arguments(engine, "bert_small", **rule, **conditions)
    code, answer, done = run(sanitized / "mobilebench-runner", *arguments, environment=sanitizers)
    assert code == 0, answer
    assert b"runtime error" not in done.stderr
    assert b"AddressSanitizer" not in done.stderr


def test_the_sanitised_runner_leaks_nothing_of_its_own(sanitized: Path) -> None:
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1"}
    watched = ["--pass", "memory", "--memory-period", "1", "--batch", "3"]
    arguments = ["--engine", "sleep", "--threads", "1", "--max-predictions", "3", *INPUT, *OUTPUT, *watched]
    code, _, done = run(sanitized / "mobilebench-runner", *arguments, environment=environment)
    assert (code, done.stderr) == (0, b"")


@pytest.fixture
def socket_trap(sanitized: Path) -> Path:
    """A library that ends any process that asks for a socket; tried first on one that does."""
    trap = sanitized / "trap-sockets.so"
    asks = [sys.executable, "-c", "import socket; socket.socket()"]
    assert subprocess.run(asks, env={**os.environ, "LD_PRELOAD": str(trap)}, check=False).returncode == 99
    return trap


@pytest.mark.parametrize("engine", FORMATS)
def test_no_socket_is_opened_and_nothing_is_kept(runner: Path, tmp_path: Path, socket_trap: Path, engine: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "LD_PRELOAD": str(socket_trap)}
    code, answer, _ = run(runner, *real_arguments(engine, "bert_small", threads="2"), environment=environment)
    assert code == 0, answer
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def write_trap(sanitized: Path, tmp_path: Path) -> Path:
    """A library that ends any process that writes outside the folder that it may; tried first on one that does."""
    trap = sanitized / "trap-writes.so"
    writes = [sys.executable, "-c", f"open({str(tmp_path / 'outside')!r}, 'w')"]
    assert subprocess.run(writes, env={**os.environ, "LD_PRELOAD": str(trap)}, check=False).returncode == 98
    return trap


@pytest.mark.parametrize("watched", ["timing", "kernels", "memory"])
@pytest.mark.parametrize("engine", FORMATS)
def test_nothing_is_written_outside_the_scratch_folder(
    runner: Path, tmp_path: Path, write_trap: Path, engine: str, watched: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "HOME": str(tmp_path), "LD_PRELOAD": str(write_trap), "TRAP_ALLOWED": f"{scratch}/"}
    arguments = real_arguments(engine, "bert_small", threads="2")
    code, answer, done = run(runner, *arguments, "--pass", watched, "--scratch", str(scratch), environment=environment)
    assert code == 0, (answer, done.stderr)
    assert list(scratch.iterdir()) == []


def test_an_operator_that_the_engine_lacks_is_unsupported(runner: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.DOUBLE), helper.make_node("Erf", ["wide"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "no kernel for this number format",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [1, 4])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    code, answer, _ = run(runner, *onnx_arguments(tmp_path / "m.onnx", *INPUT, *OUTPUT))
    assert (code, answer["status"]) == (3, "unsupported")
    assert "Could not find an implementation for Erf" in answer["reason"]


def test_sigterm_ends_the_predictions_early_and_is_told(runner: Path) -> None:
    arguments = ["--engine", "sleep", "--threads", "1", "--min-predictions", "2", "--max-predictions", "100000"]
    process = subprocess.Popen([runner, *arguments, "--max-seconds", "3600"], stdout=subprocess.PIPE)
    try:
        wait_until_predicting(process)
        process.send_signal(signal.SIGTERM)
        answer, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    found = Measurement.model_validate_json(answer)
    assert found.status == "ok"
    assert 2 <= len(found.prediction_ms) < 100_000
    assert "SIGTERM ended the predictions early" in found.proof.notes
