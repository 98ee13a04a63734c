"""The runner of this computer, started by hand as the engines start it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.engines.native import tensor_arguments
from mobilebench.models import obtain
from mobilebench.models.manifest import ModelFiles

FORMATS: dict[str, Any] = {"tflite": "tflite", "onnxruntime": "onnx"}
INPUT = ["--input", "x,float32,1x4,uniform:0:1"]
OUTPUT = ["--output", "y=y"]
SLEEP = ["--engine", "sleep", "--threads", "1", "--max-predictions", "3"]
INSTANT = ["--engine", "sleep", "--backend", "instant", "--threads", "1"]


def run(
    runner: Path, *arguments: str, environment: dict[str, str] | None = None, before: tuple[str, ...] = ()
) -> tuple[int, dict[str, Any], subprocess.CompletedProcess[bytes]]:
    """Exit code and answer, which is whole or the test fails; `before` are words in front of the command."""
    done = subprocess.run(
        [*before, runner, *arguments],
        capture_output=True,
        env=environment,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.endswith(b"}\n"), (done.returncode, done.stdout, done.stderr)
    answer = json.loads(done.stdout)
    Measurement.model_validate(answer)
    return done.returncode, answer, done


def measured(runner: Path, *arguments: str, before: tuple[str, ...] = ()) -> Measurement:
    """The answer of a run that has to succeed."""
    code, answer, done = run(runner, *arguments, before=before)
    assert code == 0, (answer["reason"], done.stderr)
    return Measurement.model_validate(answer)


def wait_until_predicting(process: subprocess.Popen[bytes]) -> None:
    """Wait until a runner has begun its predictions: from then on it catches SIGTERM, which ends them early."""
    deadline = time.monotonic() + 60
    while True:
        (caught,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def model_files(model: str) -> ModelFiles:
    files = obtain.find(model)
    assert files is not None, f"run `mobilebench models build {model}` first"
    return files


def real_arguments(engine: str, model: str | ModelFiles, /, **changes: str) -> list[str]:
    """The command line for a model of the zoo."""
    files = model_files(model) if isinstance(model, str) else model
    library = libraries.library(engine, libraries.host_build())
    options = {
        "--engine": engine,
        "--library": str(library.path),
        "--model": str(files.file(FORMATS[engine])),
        "--threads": "1",
        **{f"--{name.replace('_', '-')}": value for name, value in changes.items()},
    }
    return [word for pair in options.items() for word in pair] + tensor_arguments(files, FORMATS[engine])


def onnx_arguments(model: Path, *tensors: str, threads: int = 1) -> list[str]:
    """The command line for an ONNX file of a test's own."""
    library = libraries.library("onnxruntime", libraries.host_build()).path
    options = ["--engine", "onnxruntime", "--threads", str(threads), "--library", str(library)]
    return [*options, "--model", str(model), *tensors]
