"""How fast the native runner predicts, against the engine's own Python API on the same file and inputs.

A fresh process each, in interleaved pairs whose order alternates. Promise: with one thread at most 1.02 for every
model. With two threads the ratio is only reported: processes differ too much from each other.
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
from collections.abc import Mapping
from pathlib import Path

from benchmarks.blocks import MODELS, PREDICTIONS, built, measured, p50
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.models.manifest import ModelFiles

PROMISED = 1.02
APIS = {"onnxruntime": "onnxruntime", "tensorflow": "tflite", "tflite-c-api": "tflite", "litert": "tflite"}
"""Python API to the runner's engine."""
OTHER_VERSION = frozenset({"litert"})


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1, help="with more than one, nothing is promised")
    parser.add_argument("--predictions", type=int, help="per process, after one warmup; else about two seconds of them")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--apis", nargs="+", default=list(APIS), choices=APIS)
    parser.add_argument("--tensorflow-python", metavar="PYTHON", help="leaves the row `tensorflow` out when missing")
    chosen = parser.parse_args(arguments)
    ratios: dict[tuple[str, str], Ratio] = {}
    pythons = dict.fromkeys(chosen.apis, sys.executable) | {"tensorflow": chosen.tensorflow_python}
    print("| model | Python API | p50 runner, ms | p50 Python, ms | runner / Python | 95 % interval | pairs |")
    print("|---|---|---:|---:|---:|---|---:|")
    for model in chosen.models:
        for api in chosen.apis:
            if pythons[api] is None:
                continue
            predictions = chosen.predictions or PREDICTIONS[model]
            ours, theirs = measure(built(model), api, pythons[api], chosen.pairs, predictions, chosen.threads)
            ratios[model, api] = paired_ratio(ours, theirs)
            print(row(model, api, ours, theirs, ratios[model, api]), flush=True)
    if chosen.threads == 1:
        print(f"\n{verdict(ratios)}")
    return 0


def verdict(ratios: Mapping[tuple[str, str], Ratio]) -> str:
    """Which rows break the promise, in one sentence. Rows of another version of the engine do not count."""
    over = [f"{model} with {api} ({ratio})" for (model, api), ratio in ratios.items() if breaks(api, ratio)]
    kept = f"Promise kept: no median is above {PROMISED:g} where both sides run the same version."
    return f"Promise broken by {'; '.join(over)}." if over else kept


def breaks(api: str, ratio: Ratio) -> bool:
    """Whether a row's median is above what is promised."""
    return api not in OTHER_VERSION and ratio.median > PROMISED


def measure(
    files: ModelFiles, api: str, python: str, pairs: int, predictions: int, threads: int
) -> tuple[list[float], list[float]]:
    """p50 in ms of every runner process and of every Python process, pair by pair."""
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs):
        for turn in ("runner", "python") if pair % 2 == 0 else ("python", "runner"):
            if turn == "runner":
                ours.append(p50(measured(files, APIS[api], predictions, threads=threads)))
            else:
                theirs.append(python_p50(files, api, python, predictions, threads))
    return ours, theirs


def python_p50(files: ModelFiles, api: str, python: str, predictions: int, threads: int) -> float:
    """Median prediction of one fresh Python process."""
    command = [python, "-m", "benchmarks.python_apis", api, files.manifest.model]
    done = subprocess.run(
        [*command, "--predictions", str(predictions), "--threads", str(threads)],
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
