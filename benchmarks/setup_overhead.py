"""How long the native runner takes for setup, against a minimal C program that does only the same calls of the engine.

The programs (`benchmarks/minimal/`) are compiled here, into a folder that goes again. A fresh process each, in
interleaved pairs whose order alternates; library and model are in the page cache by then. Promise: setup takes at most
1.10 of the program's time, or at most 10 ms more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.blocks import MODELS, built, measured
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench.engines import libraries
from mobilebench.models.manifest import Format, ModelFiles

PROMISED = 1.10
PROMISED_MS = 10.0
ENGINES: dict[str, Format] = {"tflite": "tflite", "onnxruntime": "onnx"}
SOURCES = Path(__file__).parent / "minimal"
WARMING = 2
"""Pairs that are not counted: they bring library and model into the page cache."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    chosen = parser.parse_args(arguments)
    print("| model | engine | setup runner, ms | minimal, ms | difference, ms | ratio | 95 % interval | pairs | kept |")
    print("|---|---|---:|---:|---:|---:|---|---:|---|")
    with tempfile.TemporaryDirectory(prefix="mobilebench-minimal-") as folder:
        programs = {engine: compiled(engine, Path(folder)) for engine in chosen.engines}
        for model in chosen.models:
            for engine in chosen.engines:
                ours, theirs = measure(built(model), engine, programs[engine], chosen.pairs)
                print(row(model, engine, ours, theirs), flush=True)
    return 0


def compiled(engine: str, folder: Path) -> Path:
    """The minimal program of an engine, made by this computer's C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        sys.exit("There is no C compiler here: install one, or name it in CC.")
    program = folder / engine
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(program), str(SOURCES / f"{engine}.c"), "-ldl"], check=True)
    return program


def measure(files: ModelFiles, engine: str, program: Path, pairs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of setup of every runner process and of every minimal process, pair by pair."""
    ours: list[float] = []
    theirs: list[float] = []
    for pair in range(pairs + WARMING):
        for turn in ("runner", "minimal") if pair % 2 == 0 else ("minimal", "runner"):
            if turn == "runner":
                ours.append(sum(measured(files, engine, 1).setup_ms.values()))
            else:
                theirs.append(minimal_ms(files, engine, program))
    return ours[WARMING:], theirs[WARMING:]


def minimal_ms(files: ModelFiles, engine: str, program: Path) -> float:
    """What one process of the minimal program says that its calls took."""
    library = libraries.library(engine, libraries.host_build()).path
    done = subprocess.run(
        [str(program), str(library), str(files.file(ENGINES[engine])), "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        check=True,
    )
    return float(done.stdout)


def row(model: str, engine: str, ours: list[float], theirs: list[float]) -> str:
    """One line of the table."""
    ratio = paired_ratio(ours, theirs)
    more = statistics.median(one - other for one, other in zip(ours, theirs, strict=True))
    p50 = f"{statistics.median(ours):.2f} | {statistics.median(theirs):.2f} | {more:+.2f}"
    kept = "yes" if keeps(ratio, more) else "**no**"
    return f"| {model} | {engine} | {p50} | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} | {kept} |"


def keeps(ratio: Ratio, more_ms: float) -> bool:
    """Whether the promise holds: a share of the program's time, or so little that it does not matter."""
    return ratio.median <= PROMISED or more_ms <= PROMISED_MS


if __name__ == "__main__":
    sys.exit(main())
