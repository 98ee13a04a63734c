"""How much the medians of blocks of one case differ, with the engine held to fixed cores; and why, where it is much.

Blocks of all cases take turns, each in a fresh process. Their coefficient of variation is printed, and above 3 % what
the system counted during the slow blocks: threads that were put off the processor, processor time that was not given,
clocks that changed, other load. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.blocks import MODELS, PREDICTIONS, built, measured, p50
from mobilebench.models.manifest import ModelFiles

MUCH = 0.03
"""A coefficient of variation above this is explained."""
ENGINES = ("tflite", "onnxruntime")

_SWITCHES_A_SECOND = 50.0
_PROCESSOR_SHARE = 0.97
_CLOCK_CHANGE = 0.02


@dataclass(frozen=True)
class Told:
    """One block, and what the system told around it."""

    median_ms: float
    switches: float
    """Times a second that a thread was put off the processor although it had work."""
    processor: float
    """Processor time of all threads, as a share of the predictions' wall time."""
    load: float
    """Threads that wanted to run on this machine, just before the block."""
    clock_mhz: float | None
    """Of the fastest of the cores, just after; None where the system does not tell."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table, with an explanation below it for every case that needs one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--affinity", default=default_mask(), help="a mask of cores; default: the last one alone")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    chosen = parser.parse_args(arguments)
    if chosen.blocks < 5:
        parser.error("at least 5 blocks are needed for a spread")
    cases = [(built(model), engine) for model in chosen.models for engine in chosen.engines]
    told: list[list[Told]] = [[] for _ in cases]
    for _ in range(chosen.blocks):
        for place, (files, engine) in enumerate(cases):
            told[place].append(block(files, engine, chosen.affinity))
    print(f"Cores: {chosen.affinity}, one thread, {chosen.blocks} blocks each.\n")
    print("| model | engine | median of medians, ms | coefficient of variation | slowest / fastest |")
    print("|---|---|---:|---:|---:|")
    for (files, engine), blocks in zip(cases, told, strict=True):
        print(row(files.manifest.model, engine, blocks))
    for (files, engine), blocks in zip(cases, told, strict=True):
        if variation(blocks) > MUCH:
            print(f"\n{files.manifest.model} on {engine}: {'; '.join(explained(blocks))}.")
    return 0


def default_mask() -> str:
    """The last core alone: the first one serves most interrupts."""
    return hex(1 << max(os.sched_getaffinity(0)))


def block(files: ModelFiles, engine: str, affinity: str) -> Told:
    """Measure one block, and ask the system around it."""
    load = os.getloadavg()[0]
    found = measured(files, engine, PREDICTIONS[files.manifest.model], affinity=affinity)
    if not found.proof.affinity_kept:
        sys.exit(f"{engine} did not keep to the cores {affinity}: {found.proof.affinity}.")
    wall_ms = sum(found.prediction_ms) * found.predictions_per_sample
    cost = found.cost["prediction"]
    return Told(
        median_ms=p50(found),
        switches=cost.involuntary_switches / wall_ms * 1e3,
        processor=(cost.user_ms + cost.system_ms) / wall_ms,
        load=load,
        clock_mhz=clock_mhz(found.proof.affinity or []),
    )


def clock_mhz(cores: Sequence[int], root: Path = Path("/sys/devices/system/cpu")) -> float | None:
    """The highest clock of these cores as the system tells it now."""
    found = []
    for core in cores:
        try:
            found.append(int((root / f"cpu{core}" / "cpufreq" / "scaling_cur_freq").read_text()) / 1e3)
        except (OSError, ValueError):
            continue
    return max(found, default=None)


def variation(blocks: Sequence[Told]) -> float:
    """Coefficient of variation of the blocks' medians."""
    medians = [one.median_ms for one in blocks]
    return statistics.stdev(medians) / statistics.fmean(medians)


def row(model: str, engine: str, blocks: Sequence[Told]) -> str:
    """One line of the table."""
    medians = sorted(one.median_ms for one in blocks)
    spread = f"{variation(blocks):.1%} | {medians[-1] / medians[0]:.3f}"
    return f"| {model} | {engine} | {statistics.median(medians):.3f} | {spread} |"


def explained(blocks: Sequence[Told]) -> list[str]:
    """What the slow half of the blocks had that the fast half had not; what is not known is said, too."""
    ordered = sorted(blocks, key=lambda one: one.median_ms)
    fast, slow = ordered[: len(ordered) // 2], ordered[(len(ordered) + 1) // 2 :]
    found = [
        _switched([one.switches for one in fast], [one.switches for one in slow]),
        _starved([one.processor for one in fast], [one.processor for one in slow]),
        _clocked([one.clock_mhz for one in fast], [one.clock_mhz for one in slow]),
        _loaded([one.load for one in blocks]),
    ]
    said = [one for one in found if one]
    return said or [
        "nothing that this system counts tells slow blocks from fast ones: a virtual machine's host, another thread on "
        "the same physical core or the placement of memory may be the reason"
    ]


def _switched(fast: list[float], slow: list[float]) -> str | None:
    few, many = statistics.fmean(fast), statistics.fmean(slow)
    if many < _SWITCHES_A_SECOND or many < 1.2 * few:
        return None
    return (
        f"in slow blocks the thread was put off the processor {many:.0f} times a second, in fast ones {few:.0f} times"
    )


def _starved(fast: list[float], slow: list[float]) -> str | None:
    much, little = statistics.fmean(fast), statistics.fmean(slow)
    if little >= _PROCESSOR_SHARE or little >= much:
        return None
    return f"slow blocks got {little:.0%} of a processor's time, fast ones {much:.0%}"


def _clocked(fast: list[float | None], slow: list[float | None]) -> str | None:
    known_fast, known_slow = [one for one in fast if one], [one for one in slow if one]
    if not known_fast or not known_slow:
        return None
    high, low = statistics.fmean(known_fast), statistics.fmean(known_slow)
    if high - low < _CLOCK_CHANGE * high:
        return None
    return f"after slow blocks the clock was at {low:.0f} MHz, after fast ones at {high:.0f} MHz"


def _loaded(load: list[float]) -> str | None:
    cores, typical = os.cpu_count() or 1, statistics.fmean(load)
    if typical <= 1.5:
        return None
    return f"the machine was not idle: {typical:.1f} threads wanted to run on {cores} cores"


if __name__ == "__main__":
    sys.exit(main())
