"""How long commands take on a store with a large run, and how much memory they need at most.

Builds a store of made-up values: CASES cases, 10 blocks of PREDICTIONS predictions each, and one of two runs with 5
blocks each, which are compared. Prints wall seconds, CPU seconds and the largest resident set of each command, in a
fresh process. Promise for 500 cases and 200 predictions (1 million samples): `results` at most 1 s, `report` at most
10 s and 600 MB, `compare` at most 3 s.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mobilebench.core.records import (
    Block,
    BlockRule,
    Case,
    Measurement,
    OutputSummary,
    PlannedBlock,
    Proof,
    Run,
    RunInfo,
    Sample,
    TargetInfo,
)
from mobilebench.results.store import FILE_NAME, Store

ROUNDS = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
WAYS: tuple[dict[str, Any], ...] = (
    {"engine": "tflite", "backend": "cpu", "delegate": "xnnpack", "arithmetic": "fp32", "threads": 1},
    {"engine": "tflite", "backend": "cpu", "delegate": "xnnpack", "arithmetic": "fp32", "threads": 2},
    {"engine": "onnxruntime", "backend": "cpu", "threads": 1},
    {"engine": "onnxruntime", "backend": "cpu", "threads": 2},
    *(
        {"engine": engine, "backend": "wasm", "wasm_build": build, "threads": threads, "browser": "chrome"}
        for engine in ("tfjs", "ortjs")
        for build, threads in (("plain", 1), ("simd", 1), ("simd-threads", 2))
    ),
)
COMMANDS = {
    "results": "results",
    "results RUN": "results last",
    "report RUN": "report last",
    "results RUN --format parquet": "results last --format parquet --file {folder}/samples.parquet",
    "export RUN": "export last --file {folder}/run.zip",
    "import FILE": "import {folder}/run.zip --out {folder}/other",
    "compare RUN RUN": "compare last~1 last --out {folder}/two",
}


def made_up(cases: int, predictions: int, rounds: int = ROUNDS, number: int = 1) -> Run:
    """A finished run on this computer, the one of this number."""
    rng = random.Random(number)
    chosen = [Case(target="host", model=f"model_{number // len(WAYS)}", **_way(number)) for number in range(cases)]
    planned = [
        PlannedBlock(index=place * cases + number, round=place + 1, case=case, rule=BlockRule())
        for place in range(rounds)
        for number, case in enumerate(chosen)
    ]
    target = TargetInfo(
        id="host",
        kind="host",
        machine="m",
        name="made up",
        soc="made up",
        os="Linux",
        abi="x86_64",
        runner="linux-x86_64",
        cores=2,
        browsers={"chrome": "1"},
    )
    info = RunInfo(
        id=f"2026010{number}-000000-aaaa",
        created_at=START + timedelta(days=number),
        finished_at=START + timedelta(days=number),
        status="finished",
        mobilebench_version="0",
        suite="made-up",
        suite_definition={},
        seed=1,
        targets=[target],
    )
    return Run(info=info, planned=planned, blocks=list(_blocks(planned, predictions, rng)))


def _way(number: int) -> dict[str, Any]:
    return WAYS[number % len(WAYS)]


def _blocks(planned: list[PlannedBlock], predictions: int, rng: random.Random) -> Iterator[Block]:
    for plan in planned:
        case = plan.case
        luck = (2.0 + len(case.engine)) * rng.lognormvariate(0, 0.02)
        yield Block(
            planned=plan,
            outcome="measured",
            measurement=Measurement(
                schema_="mobilebench/measurement/1",
                status="ok",
                engine=case.engine,
                version="1",
                proof=Proof(
                    backend=case.backend,
                    threads=case.threads,
                    threads_source="made up",
                    thread_cpu_ms=[100.0] * case.threads,
                    clock_resolution_ms=1e-6,
                ),
                setup_ms={"model_download" if case.browser else "model_read": 5 * luck},
                warmup_ms=[2 * luck],
                prediction_ms=[luck * rng.lognormvariate(0, 0.01) for _ in range(predictions)],
                output=[
                    OutputSummary(
                        name="y", shape=[1, 2], l1=1, l2=1, max=1, digest="0", sample=Sample(index=[0], value=[1])
                    )
                ],
            ),
            started_at=START + timedelta(seconds=plan.index),
            ended_at=START + timedelta(seconds=plan.index + 1),
            spent_ms={"measure": 900.0},
        )


def make(folder: Path, cases: int, predictions: int) -> int:
    """Store one made-up run, and two in the folder `two`; returns the size of the first store in bytes.

    It runs in a process of its own, because Linux counts the memory of the parent as that of a program that it starts.
    """
    with Store.open(folder) as store:
        store.add([(made_up(cases, predictions), [])], lambda: None)
    with Store.open(folder / "two") as store:
        for number in (1, 2):
            store.add([(made_up(cases, predictions, ROUNDS // 2, number), [])], lambda: None)
    return (folder / FILE_NAME).stat().st_size


def timed(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and largest resident set (MB) of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--predictions", type=int, default=200)
    chosen = parser.parse_args()
    cases, predictions = chosen.cases, chosen.predictions
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        folder = Path(name)
        size = other.submit(make, folder, cases, predictions).result() / 1e6
        print(f"{cases} cases, {cases * ROUNDS * predictions:,} predictions: {size:.0f} MB\n")
        print("| command | time | CPU time | peak memory |\n|---|---:|---:|---:|")
        for title, line in COMMANDS.items():
            words = line.format(folder=folder).split()
            out = [] if "--out" in words else ["--out", str(folder)]
            seconds, busy, peak = timed([sys.executable, "-m", "mobilebench", *words, *out])
            print(f"| `{title}` | {seconds:.1f} s | {busy:.1f} s | {peak:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
