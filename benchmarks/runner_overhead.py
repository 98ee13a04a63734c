"""How fast the native runner predicts, against the engine's own Python API on the same file and inputs.

One thread, a fresh process each, in interleaved pairs whose order alternates. Promise: at most 1.02 for both models.
For TensorFlow Lite the engine's own Python API is `tf.lite.Interpreter` of the version that the runner loads
(engines/libraries/lock.yaml). That is not the TensorFlow of this environment, so it lives in one of its own, named by
`--tensorflow-python`. The row `litert` is a newer version of the engine (`ai-edge-litert`), so it compares versions as
well; the row `tflite-c-api` calls the runner's very own library from Python.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from threading import Event

from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.engines.registry import engines
from mobilebench.models import cache
from mobilebench.models.manifest import ModelFiles
from mobilebench.results.records import BlockRule, Case, PlannedBlock
from mobilebench.targets import host

MODELS = ("mobilenet_v2", "bert_small")
APIS = {"onnxruntime": "onnxruntime", "tensorflow": "tflite", "tflite-c-api": "tflite", "litert": "tflite"}
"""Python API to the runner's engine."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--predictions", type=int, default=400, help="predictions per process, after one warmup")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--apis", nargs="+", default=list(APIS), choices=APIS)
    parser.add_argument("--tensorflow-python", metavar="PYTHON", help="leaves the row `tensorflow` out when missing")
    chosen = parser.parse_args(arguments)
    pythons = dict.fromkeys(chosen.apis, sys.executable) | {"tensorflow": chosen.tensorflow_python}
    print("| model | Python API | p50 runner, ms | p50 Python, ms | runner / Python | 95 % interval | pairs |")
    print("|---|---|---:|---:|---:|---|---:|")
    for model in chosen.models:
        for api in chosen.apis:
            if pythons[api] is None:
                continue
            ours, theirs = measure(built(model), api, pythons[api], chosen.pairs, chosen.predictions)
            print(row(model, api, ours, theirs, paired_ratio(ours, theirs)), flush=True)
    return 0


def built(model: str) -> ModelFiles:
    """The model, which has to be built already."""
    files = cache.find(model)
    if files is None:
        sys.exit(f"{model} is not built: run `mobilebench models build {model}`.")
    return files


def measure(files: ModelFiles, api: str, python: str, pairs: int, predictions: int) -> tuple[list[float], list[float]]:
    """p50 in ms of every runner process and of every Python process, pair by pair."""
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs):
        for turn in ("runner", "python") if pair % 2 == 0 else ("python", "runner"):
            if turn == "runner":
                ours.append(runner_p50(files, APIS[api], predictions))
            else:
                theirs.append(python_p50(files, api, python, predictions))
    return ours, theirs


def runner_p50(files: ModelFiles, engine: str, predictions: int) -> float:
    """Median prediction of one block, measured as every block is."""
    chosen = engines()[engine]
    rule = BlockRule(min_predictions=predictions, max_predictions=predictions, max_seconds=600)
    case = Case(
        target=host.HOST,
        engine=engine,
        backend="cpu",
        setting=chosen.backends[0].settings[0],
        threads=1,
        model=files.manifest.model,
    )
    block = PlannedBlock(index=0, round=0, case=case, rule=rule)
    result = chosen.measure(host.HostTarget(host.describe()), block, files, cancel=Event())
    return statistics.median(result.measurement.prediction_ms)


def python_p50(files: ModelFiles, api: str, python: str, predictions: int) -> float:
    """Median prediction of one fresh Python process."""
    command = [python, "-m", "benchmarks.python_apis", api, files.manifest.model]
    done = subprocess.run(
        [*command, "--predictions", str(predictions)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        check=True,
    )
    predictions_ms: list[float] = json.loads(done.stdout)
    return statistics.median(predictions_ms)


def row(model: str, api: str, ours: list[float], theirs: list[float], ratio: Ratio) -> str:
    """One line of the table."""
    p50 = f"{statistics.median(ours):.3f} | {statistics.median(theirs):.3f}"
    return f"| {model} | {api} | {p50} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} |"


if __name__ == "__main__":
    sys.exit(main())
