"""What the native runner itself costs: time to its first byte without a model, size on disk, memory of its own.

A fresh process each, with the engine that computes nothing. Promises: in the median at most 10 ms from the start of the
process to the first byte of its answer, at most 100 KB for the program of every build, at most 1 MB of memory that is
the process's alone (USS), a memory pass's own readings included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mobilebench.core import paths
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries

LIMIT_MS = 10.0
LIMIT_BYTES = 100_000
LIMIT_KB = 1000
_BLOCK = ("--engine", "sleep", "--backend", "instant", "--threads", "1")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=200, help="processes that are started and timed")
    chosen = parser.parse_args(arguments)
    runner = paths.runner(libraries.host_build())
    if not runner.is_file():
        sys.exit("The native runner is not built: run `make native`.")
    print("| what | median | worst | promised |")
    print("|---|---:|---:|---:|")
    starts = [first_byte_ms(runner) for _ in range(chosen.starts)]
    print(row("start to first byte, ms", starts, LIMIT_MS, 2), flush=True)
    memory = own_memory_kb(runner)
    print(row("private memory (USS), KB", memory, LIMIT_KB, 0))
    programs = list(sizes())
    for build, size in programs:
        print(f"| size of {build}, bytes | {size} | {size} | {LIMIT_BYTES} |")
    kept = within(starts, memory, [size for _, size in programs])
    print(f"\nPromises {'kept' if kept else 'broken'}.")
    return 0


def within(starts_ms: list[float], memory_kb: list[float], sizes_bytes: list[int]) -> bool:
    """Whether every promise is kept."""
    quick = statistics.median(starts_ms) <= LIMIT_MS
    return quick and max(memory_kb) <= LIMIT_KB and max(sizes_bytes) <= LIMIT_BYTES


def first_byte_ms(runner: Path) -> float:
    """From just before the process is started until the first byte of its answer can be read."""
    reader, writer = os.pipe()
    try:
        began = time.perf_counter()
        with subprocess.Popen([runner, *_BLOCK], stdin=subprocess.DEVNULL, stdout=writer) as process:
            os.close(writer)
            os.read(reader, 1)
            spent = time.perf_counter() - began
            while os.read(reader, 65536):
                pass
        if process.returncode != 0:
            sys.exit(f"The runner ended with exit code {process.returncode}.")
    finally:
        os.close(reader)
    return spent * 1e3


def own_memory_kb(runner: Path) -> list[float]:
    """Memory of the process alone at every reading of a memory pass, in KB of 1000 bytes."""
    command = [str(runner), "--engine", "sleep", "--threads", "1", "--pass", "memory", "--memory-period", "5"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    found = Measurement.model_validate(json.loads(done.stdout)).memory
    readings = [reading.uss_kb for reading in found.readings if reading.uss_kb is not None] if found else []
    if not readings:
        sys.exit("This system does not tell which memory is a process's alone.")
    return [reading * 1.024 for reading in readings]


def sizes() -> Iterator[tuple[str, int]]:
    """Every runner that is built here, and its size in bytes."""
    for runner in sorted(paths.runner("any").parents[1].glob("*/mobilebench-runner")):
        yield runner.parent.name, runner.stat().st_size


def row(what: str, values: list[float], limit: float, digits: int) -> str:
    """One line of the table."""
    return f"| {what} | {statistics.median(values):.{digits}f} | {max(values):.{digits}f} | {limit:g} |"


if __name__ == "__main__":
    sys.exit(main())
