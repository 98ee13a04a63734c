"""The app's core on this computer's Java virtual machine against the C runner's program: same library, model and input.

`jni` is the core with the C runner in its process, as the app measures. Promise: its median prediction takes at most
1.02 of the program's. `java` is the core with ONNX Runtime's Java classes; both sides then load the library of their
archive. Nothing is promised there: the row states what the classes cost. A fresh process each, in pairs whose order
alternates.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apk_runner import archives
from apk_runner.core import build
from benchmarks.blocks import MODELS, PREDICTIONS, built, p50
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.core import paths
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.engines.libraries import unpack
from mobilebench.engines.native import tensor_arguments
from mobilebench.models.manifest import ModelFiles

PROMISED = 1.02
WAYS = ("jni", "java")
_PROCESSORS = {"linux-x86_64": "linux-x64", "linux-aarch64": "linux-aarch64"}
"""Runner build to the folder of ONNX Runtime's archive for Java."""


@dataclass(frozen=True)
class Core:
    """The app's core as it is built now, in a folder that also holds jobs and answers."""

    folder: Path

    def measured(self, way: str, arguments: list[str]) -> Measurement:
        """One job in a fresh virtual machine."""
        given, answer = self.folder / "job.json", self.folder / "answer.json"
        runner = "native" if way == "jni" else "java"
        job = {"schema": "mobilebench.job/1", "id": "0", "runner": runner, "context": "app-service"}
        given.write_text(json.dumps({**job, "arguments": arguments}))
        natives = paths.runner(libraries.host_build()).parent
        ours = [self.folder / "core.jar", self.folder / "json.jar"]
        classpath = [*ours, *(archives.obtain("onnxruntime") if way == "java" else [])]
        command = ["java", f"-Djava.library.path={natives}", f"-Djava.io.tmpdir={self.folder}"]
        command += ["-cp", ":".join(map(str, classpath)), "org.mobilebench.core.Main", str(given), str(answer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return _good(answer.read_text())


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--predictions", type=int, help="per process, after one warmup; else about two seconds of them")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    chosen = parser.parse_args(arguments)
    if shutil.which("java") is None:
        sys.exit("There is no Java virtual machine here (`apt-get install default-jdk-headless`).")
    ratios: dict[tuple[str, str], Ratio] = {}
    print("| model | core through | p50 core, ms | p50 program, ms | core / program | 95 % interval | pairs |")
    print("|---|---|---:|---:|---:|---|---:|")
    with tempfile.TemporaryDirectory(prefix="mobilebench-core-") as name:
        build.build(Path(name))
        core = Core(Path(name))
        for model in chosen.models:
            for way in chosen.ways:
                predictions = chosen.predictions or PREDICTIONS[model]
                ours, theirs = measure(core, built(model), way, chosen.pairs, predictions)
                ratios[model, way] = paired_ratio(ours, theirs)
                print(row(model, way, ours, theirs, ratios[model, way]), flush=True)
    print(f"\n{verdict(ratios)}")
    return 0


def measure(core: Core, files: ModelFiles, way: str, pairs: int, predictions: int) -> tuple[list[float], list[float]]:
    """p50 in ms of every process of the core and of every one of the program, pair by pair."""
    library = libraries.library("onnxruntime", libraries.host_build()).path if way == "jni" else _of_java(core.folder)
    program = [*_arguments(files, predictions), "--library", str(library)]
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs):
        for turn in ("core", "program") if pair % 2 == 0 else ("program", "core"):
            if turn == "core":
                ours.append(p50(core.measured(way, program if way == "jni" else program[:-2])))
            else:
                theirs.append(p50(_by_program(program)))
    return ours, theirs


def verdict(ratios: Mapping[tuple[str, str], Ratio]) -> str:
    """Which rows break the promise, in one sentence. Only those through JNI can."""
    over = [f"{model} ({ratio})" for (model, way), ratio in ratios.items() if way == "jni" and ratio.median > PROMISED]
    kept = f"Promise kept: no median through JNI is above {PROMISED:g}."
    return f"Promise broken by {'; '.join(over)}." if over else kept


def row(model: str, way: str, ours: list[float], theirs: list[float], ratio: Ratio) -> str:
    """One line of the table."""
    medians = f"{statistics.median(ours):.3f} | {statistics.median(theirs):.3f}"
    return f"| {model} | {way} | {medians} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} |"


def _arguments(files: ModelFiles, predictions: int) -> list[str]:
    """One thread and exactly this many predictions; without a library."""
    model = files.file("onnx")
    assert model is not None, "the zoo's models have it"
    count = str(predictions)
    options = ["--engine", "onnxruntime", "--threads", "1", "--model", str(model), "--max-seconds", "600"]
    options += ["--min-predictions", count, "--max-predictions", count]
    return [*options, *tensor_arguments(files, "onnx")]


def _by_program(arguments: list[str]) -> Measurement:
    command = [str(paths.runner(libraries.host_build())), *arguments]
    return _good(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode())


def _good(text: str) -> Measurement:
    found = Measurement.model_validate_json(text)
    if found.proof.threads != 1:
        sys.exit(f"One thread was asked for, but {found.proof.threads} worked.")
    return found


def _of_java(folder: Path) -> Path:
    """The library in ONNX Runtime's archive for Java, so that both sides run the same one."""
    unpacked = folder / "libonnxruntime.so"
    if not unpacked.is_file():
        member = f"ai/onnxruntime/native/{_PROCESSORS[libraries.host_build()]}/libonnxruntime.so"
        unpack.from_zip(archives.obtain("onnxruntime")[0], member, unpacked)
    return unpacked


if __name__ == "__main__":
    sys.exit(main())
