"""What `mobilebench models add` costs for a 100 MB ONNX file, against hashing and copying it and the engine's own load.

Each pair hashes the file, copies it, and loads and runs it in a fresh process of ONNX Runtime's Python API; then adds
it. Promise: adding takes at most 1.5 × hashing and copying, plus the engine's own load.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.ratios import paired_ratio

MEGABYTES = 100
PROMISE = 1.5

LOAD = """
import sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
for _ in range(2):
    session.run(None, {"x": numpy.ones((1, 1024), numpy.float32)})
"""
"""What the engine itself needs for the answers that adding asks for: two, of different inputs."""

ADD = """
import sys, time
from pathlib import Path
from mobilebench.models.user_models import taking
begun = time.perf_counter()
taking.add(Path(sys.argv[1]))
print(time.perf_counter() - begun)
"""


def write_model(file: Path) -> None:
    """An ONNX file of 100 MB: a chain of 1024 × 1024 matrices."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    count = MEGABYTES * 2**20 // (1024 * 1024 * 4)
    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(random.standard_normal((1024, 1024), np.float32) / 32, f"w{place}")
        for place in range(count)
    ]
    names = ["x", *(f"h{place}" for place in range(1, count)), "y"]
    nodes = [helper.make_node("MatMul", [names[place], f"w{place}"], [names[place + 1]]) for place in range(count)]
    tensor = helper.make_tensor_value_info
    ends = [tensor("x", TensorProto.FLOAT, [1, 1024])], [tensor("y", TensorProto.FLOAT, [1, 1024])]
    graph = helper.make_graph(nodes, "chain", *ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))


def hash_and_copy(file: Path, folder: Path) -> float:
    """Seconds to hash a file and to copy it."""
    begun = time.perf_counter()
    with file.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")
    shutil.copyfile(file, folder / "copy")
    seconds = time.perf_counter() - begun
    (folder / "copy").unlink()
    return seconds


def load(file: Path, environment: dict[str, str]) -> float:
    """Seconds of a fresh process that loads the model in its engine, and runs it."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", LOAD, str(file)], check=True, env=environment)
    return time.perf_counter() - begun


def add(file: Path, environment: dict[str, str]) -> float:
    """Seconds of adding the model to an empty home."""
    done = subprocess.run(
        [sys.executable, "-c", ADD, str(file)], check=True, env=environment, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=8)
    pairs = parser.parse_args().pairs
    adding, allowed, copying, loading = [], [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = folder / "chain.onnx"
        write_model(file)
        for number in range(pairs + 1):
            home = folder / f"home-{number}"
            environment = {**os.environ, "MOBILEBENCH_HOME": str(home), "ORT_DISABLE_TELEMETRY": "1"}
            copied, loaded, added = hash_and_copy(file, folder), load(file, environment), add(file, environment)
            shutil.rmtree(home)
            if number == 0:
                continue  # the first pair reads files from the disk that the others find in memory
            copying.append(copied)
            loading.append(loaded)
            adding.append(added)
            allowed.append(PROMISE * copied + loaded)
    print(f"hashing and copying {MEGABYTES} MB: median {median(copying):.3f} s; the engine's own load: ", end="")
    print(f"median {median(loading):.3f} s; adding: median {median(adding):.3f} s")
    print(f"adding against {PROMISE} × hashing and copying plus load: {paired_ratio(adding, allowed)}")


if __name__ == "__main__":
    main()
