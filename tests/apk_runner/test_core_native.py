"""The app's core with the C runner through JNI, against the runner's program on the same jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core import paths
from mobilebench.engines import libraries
from tests.apk_runner import core
from tests.native import running
from tests.native.models import negative
from tests.native.running import FORMATS, INPUT, OUTPUT, SLEEP, onnx_arguments, real_arguments

pytestmark = pytest.mark.build

MODELS = ("mobilenet_v2", "bert_small")
STAGES = ["stage=setup", "stage=warmup", "stage=prediction", "stage=done"]


@pytest.fixture(scope="module")
def runner() -> Path:
    return paths.runner(libraries.host_build())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("engine", FORMATS)
def test_app_and_program_give_the_same_answer_bit_by_bit(tmp_path: Path, runner: Path, engine: str, model: str) -> None:
    arguments = real_arguments(engine, model, max_predictions="3")
    code, found, done = core.run(tmp_path, arguments)
    program = running.measured(runner, *arguments)
    assert (code, found.reason) == (0, None)
    assert done.stdout.splitlines() == STAGES
    assert found.output == program.output
    assert found.output[0].non_finite == 0
    assert found.version == program.version
    assert set(found.setup_ms) == set(program.setup_ms)
    assert set(found.cost) == set(program.cost)
    assert len(found.prediction_ms) == len(program.prediction_ms) == 3
    for field in (
        "files",
        "backend",
        "graph_nodes",
        "delegates",
        "model_access",
        "cpu_features",
        "environment",
        "cpuset",
    ):
        assert getattr(found.proof, field) == getattr(program.proof, field), field


@pytest.mark.alone
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", FORMATS)
def test_only_threads_of_the_block_are_counted(tmp_path: Path, runner: Path, engine: str, threads: int) -> None:
    """In a process with some twenty threads of the virtual machine."""
    arguments = real_arguments(engine, "mobilenet_v2", threads=str(threads), min_predictions="20")
    _, found, _ = core.run(tmp_path, arguments)
    assert found.proof.threads == found.proof.threads_alive == threads
    assert len(found.proof.thread_cpu_ms) == threads
    assert found.proof.affinity_kept is True
    assert any("leaves out those of the app and its virtual machine" in note for note in found.proof.notes)


def test_conditions_are_those_of_the_blocks_threads(tmp_path: Path) -> None:
    """The virtual machine's threads keep all cores and their priority."""
    core_ = min(os.sched_getaffinity(0))
    priority = os.getpriority(os.PRIO_PROCESS, 0) + 1
    asked = ["--affinity", hex(1 << core_), "--priority", str(priority)]
    code, found, _ = core.run(tmp_path, [*real_arguments("onnxruntime", "bert_small"), *asked])
    assert code == 0
    assert found.proof.affinity == [core_]
    assert found.proof.affinity_kept is True
    assert found.proof.priority == priority


@pytest.mark.parametrize("engine", FORMATS)
def test_every_pass_is_the_programs(tmp_path: Path, runner: Path, engine: str) -> None:
    arguments = [*real_arguments(engine, "bert_small", max_predictions="3"), "--scratch", str(tmp_path)]
    code, kernels, _ = core.run(tmp_path, [*arguments, "--pass", "kernels"])
    program = running.measured(runner, *arguments, "--pass", "kernels")
    assert code == 0
    assert [one.name for one in kernels.kernels] == [one.name for one in program.kernels]
    code, memory, _ = core.run(tmp_path, [*arguments, "--pass", "memory"])
    assert code == 0
    assert memory.memory is not None
    assert memory.memory.readings[0].stage == "process_start"
    assert memory.memory.graphics_kb is None
    assert "graphics memory is unknown: an app may not ask dumpsys" in memory.memory.notes
    assert any("are the app's own" in note for note in memory.memory.notes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.json", "job.json"]


def cut_short(folder: Path) -> list[str]:
    whole = Path(libraries.library("tflite", libraries.host_build()).path)
    part = folder / "cut.so"
    part.write_bytes(whole.read_bytes()[:100_000])
    return ["--engine", "tflite", "--threads", "1", "--library", str(part), "--model", str(part), *INPUT, *OUTPUT]


def no_library(folder: Path) -> list[str]:
    file = folder / "words.so"
    file.write_text("no library\n" * 20)
    return ["--engine", "onnxruntime", "--threads", "1", "--library", str(file), "--model", "m", *INPUT, *OUTPUT]


def another_engines_library(folder: Path) -> list[str]:
    arguments = onnx_arguments(negative(folder / "negative.onnx", 1, 4), *INPUT, *OUTPUT)
    at = arguments.index("--library") + 1
    return [*arguments[:at], str(libraries.library("tflite", libraries.host_build()).path), *arguments[at + 1 :]]


def no_model(folder: Path) -> list[str]:
    return onnx_arguments(folder / "none.onnx", *INPUT, *OUTPUT)


def broken_model(folder: Path) -> list[str]:
    path = folder / "broken.onnx"
    path.write_bytes(b"\x08\x07broken" * 40)
    return onnx_arguments(path, *INPUT, *OUTPUT)


def another_output(folder: Path) -> list[str]:
    return onnx_arguments(negative(folder / "negative.onnx", 1, 4), *INPUT, "--output", "y=z")


BAD: dict[str, Any] = {
    "nothing": lambda _: [],
    "no value": lambda _: ["--engine"],
    "unknown option": lambda _: ["--frobnicate", "1"],
    "help": lambda _: ["--help"],
    "unknown engine": lambda _: ["--engine", "dream", "--threads", "1"],
    "unknown backend": lambda _: ["--engine", "sleep", "--threads", "1", "--backend", "dream"],
    "other letters": lambda _: ["--engine", "träumen-夢-\N{GRINNING FACE}", "--threads", "1"],
    "cut library": cut_short,
    "no library": no_library,
    "another engine's library": another_engines_library,
    "no model": no_model,
    "broken model": broken_model,
    "another output": another_output,
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_has_the_programs_words_and_exit_code(tmp_path: Path, runner: Path, what: str) -> None:
    arguments = BAD[what](tmp_path)
    code, found, _ = core.run(tmp_path, arguments)
    if what == "help":
        assert (code, found.reason) == (2, "option `--help` lacks its value")
        return
    expected, program, _ = running.run(runner, *arguments)
    assert code == expected != 0
    assert found.reason == program["reason"]
    assert (found.status, found.engine) == (program["status"], program["engine"])


@pytest.mark.parametrize("what", ["library", "delegate"])
@pytest.mark.parametrize("engine", FORMATS)
def test_a_check_tries_to_load_as_the_program_does(tmp_path: Path, runner: Path, engine: str, what: str) -> None:
    arguments = ["--engine", engine, "--threads", "1", "--check", what]
    arguments += ["--library", str(libraries.library(engine, libraries.host_build()).path)]
    assert core.run(tmp_path, arguments)[0] == running.run(runner, *arguments)[0] == 0
    bad = [*arguments[:-1], str(Path(__file__))]
    code, found, _ = core.run(tmp_path, bad)
    expected, program, _ = running.run(runner, *bad)
    assert (code, found.reason) == (expected, program["reason"])


def test_without_its_library_the_core_says_so(tmp_path: Path) -> None:
    code, found, _ = core.run(tmp_path, SLEEP, natives=tmp_path)
    assert (code, found.status) == (1, "error")
    assert found.reason is not None
    assert found.reason.startswith("the native runner cannot be loaded: no mobilebench-runner in java.library.path")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_app_that_is_ended_leaves_no_part_of_an_answer(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["--engine", "sleep", "--threads", "1", "--max-predictions", "100000", "--max-seconds", "60"]
    answer = tmp_path / "answer.json"
    command = core.command(core.job(tmp_path, arguments), answer)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "stage=prediction\n":
                process.send_signal(number)
                break
        process.wait(30)
    assert process.returncode in (128 + number, -number)
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]


def test_a_job_of_another_schema_is_refused(tmp_path: Path) -> None:
    code, found, done = core.run(tmp_path, SLEEP, schema="mobilebench.job/2")
    assert (code, found.status, found.engine) == (2, "error", "unknown")
    assert found.reason is not None
    assert "mobilebench.job/2" in found.reason
    assert done.stdout.splitlines() == ["stage=done"]


def test_wrong_arguments_of_the_program_itself_are_answered_on_standard_error() -> None:
    command = ["java", "-cp", ":".join(map(str, core.jars())), core.MAIN, "one"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage:")


def test_the_answer_is_the_schemas_json(tmp_path: Path) -> None:
    core.run(tmp_path, SLEEP)
    assert json.loads((tmp_path / "answer.json").read_text())["schema"] == "mobilebench/measurement/1"
