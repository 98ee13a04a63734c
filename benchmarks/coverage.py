"""How often the 95 % intervals hold the true value: simulated blocks, fixed and adaptive, single times and ratios.

Each simulation draws log block medians around a known mean and computes the interval by the functions that reports
use. Noise: normal with a coefficient of variation of 5 %, heavy tails (Student's t with 3 degrees of freedom of the
same size; normal with a tail of slow blocks; an exponential tail alone), a drift of 0.25 % from block to block, AR(1),
and block medians that were measured on one machine (`benchmarks/block_traces.json`, made by `--measure`): drawn
singly, and as stretches in their order. A ratio pairs two cases within rounds that share half of their noise. The
adaptive plan is that of `run --within 2%`: it looks at the interval after five blocks, then after as many further
blocks as `stopping.further_blocks` proposes, at most as many as there are already.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilebench.statistics.estimates import Estimate, estimate
from mobilebench.statistics.stopping import LEAST_TO_STOP, further_blocks

TRACES = Path(__file__).with_name("block_traces.json")
FIXED = (3, 5, 10, 12, 20)
PRECISION = 0.02
MOST = 200
"""Blocks after which the adaptive plan gives up."""
SIZE = 0.05
"""Standard deviation of the logarithms, for simulated noise."""

DRIFT = 0.0025

Values = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Values]
"""Draws so many log block medians around 0, or around a line that rises by `DRIFT`."""


@dataclass(frozen=True)
class Coverage:
    """How often intervals of one plan hold the true value."""

    share: float
    blocks: float
    """Mean number of blocks."""


def normal(random: np.random.Generator, count: int) -> Values:
    return random.normal(0, SIZE, count)


def heavy(random: np.random.Generator, count: int) -> Values:
    return SIZE / math.sqrt(3) * random.standard_t(3, count)


def slow_tail(random: np.random.Generator, count: int) -> Values:
    return random.exponential(SIZE, count) - SIZE


def mixed_tail(random: np.random.Generator, count: int) -> Values:
    """Normal noise of 2 %; every fifth block, on average, is slower by an exponential time of 5 %."""
    slow = random.random(count) < 0.2
    return random.normal(0, 0.02, count) + slow * random.exponential(SIZE, count) - 0.2 * SIZE


def drifting(random: np.random.Generator, count: int) -> Values:
    """Normal noise of 5 % on a line that rises by 0.25 % with each block."""
    return normal(random, count) + DRIFT * np.arange(count)


def remembering(rho: float) -> Noise:
    """AR(1) noise with this lag-1 correlation."""

    def draw(random: np.random.Generator, count: int) -> Values:
        steps = random.normal(0, SIZE, count)
        made = np.empty(count)
        made[0] = steps[0]
        for index in range(1, count):
            made[index] = rho * made[index - 1] + math.sqrt(1 - rho**2) * steps[index]
        return made

    return draw


def singly(trace: Values) -> Noise:
    """Measured block medians in random order."""
    return lambda random, count: random.choice(trace, count)


def stretches(trace: Values) -> Noise:
    """Measured block medians in their order, from a random start; the end is joined to the beginning."""

    def draw(random: np.random.Generator, count: int) -> Values:
        start = int(random.integers(len(trace)))
        return np.asarray(trace[(start + np.arange(count)) % len(trace)], dtype=np.float64)

    return draw


def paired(noise: Noise) -> Noise:
    """Logarithms of ratios of two cases that share half of the variance of their noise."""

    def draw(random: np.random.Generator, count: int) -> Values:
        shared = noise(random, count) / math.sqrt(2)
        above, below = (shared + noise(random, count) / math.sqrt(2) for _ in range(2))
        return np.asarray(above - below, dtype=np.float64)

    return draw


def fixed(noise: Noise, blocks: int, simulations: int, random: np.random.Generator) -> Coverage:
    """Coverage with a fixed number of blocks."""
    held = sum(_holds(noise, estimate(_times(noise(random, blocks)))) for _ in range(simulations))
    return Coverage(held / simulations, blocks)


def adaptive(noise: Noise, simulations: int, random: np.random.Generator) -> Coverage:
    """Coverage of the plan that continues until the interval is within ±2 %."""
    held, used = 0, 0
    for _ in range(simulations):
        times = _times(noise(random, MOST))
        count = LEAST_TO_STOP
        found = estimate(times[:count])
        while further := further_blocks(found, PRECISION, min(count, MOST - count)):
            count += further
            found = estimate(times[:count])
        held += _holds(noise, found)
        used += count
    return Coverage(held / simulations, used / simulations)


def _times(logs: Values) -> list[float]:
    return [float(value) for value in np.exp(logs)]


def _holds(noise: Noise, found: Estimate) -> bool:
    """Whether the interval holds the true mean over the measured blocks."""
    true = math.exp(DRIFT * (found.blocks - 1) / 2) if noise is drifting else 1.0
    return found.interval is not None and found.interval.holds(true)


SIMULATED: dict[str, Noise] = {
    "normal, 5 %": normal,
    "Student's t with 3 degrees": heavy,
    "normal with a tail": mixed_tail,
    "exponential tail alone": slow_tail,
    "drift of 0.25 % a block": drifting,
    "AR(1), 0.3": remembering(0.3),
    "AR(1), 0.6": remembering(0.6),
}


def measured_noises() -> dict[str, Noise]:
    """Noise of measured blocks by its name in the table: of cases, and of ratios of two cases within rounds."""
    cases = traces()
    pairs = {
        f"{above} over {below}": cases[above] - cases[below]
        for below in cases
        for above in cases
        if below.startswith("tflite ") and above == below.replace("tflite ", "onnxruntime ")
    }
    found: dict[str, Noise] = {}
    for name, trace in {**cases, **pairs}.items():
        found[f"{name}, singly"] = singly(trace)
        found[f"{name}, in order"] = stretches(trace)
    return found


def traces() -> dict[str, Values]:
    """Logarithms of measured block medians around their mean, by case; empty without the file."""
    if not TRACES.is_file():
        return {}
    stored = json.loads(TRACES.read_text(encoding="utf-8"))["medians_ms"]
    logs = {name: np.log(np.asarray(medians, dtype=np.float64)) for name, medians in stored.items()}
    return {name: values - values.mean() for name, values in logs.items()}


def measure(blocks: int) -> None:
    """Measure blocks of two native cases in turn, and store their medians."""
    from benchmarks.blocks import built, measured, p50

    cases = [(built(model), engine) for model in ("bert_small", "mobilenet_v2") for engine in ("tflite", "onnxruntime")]
    found: dict[str, list[float]] = {f"{engine} {files.manifest.model}": [] for files, engine in cases}
    for number in range(1, blocks + 1):
        for files, engine in cases:
            median = p50(measured(files, engine, 50, threads=2))
            found[f"{engine} {files.manifest.model}"].append(round(median, 5))
        about = (
            f"Medians of {number} blocks of 50 predictions with 2 threads, in turn, on {os.cpu_count()} virtual cores "
            f"(load average {os.getloadavg()[0]:.1f})."
        )
        TRACES.write_text(json.dumps({"about": about, "medians_ms": found}, indent=1) + "\n", encoding="utf-8")
        print(f"\r{number} of {blocks} rounds", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a Markdown table: coverage in percent, and the mean number of blocks of the adaptive plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", type=int, metavar="BLOCKS", help="measure new traces first: so many blocks a case")
    chosen = parser.parse_args(arguments)
    if chosen.measure:
        measure(chosen.measure)
    random = np.random.default_rng(chosen.seed)
    columns = [f"{count} blocks" for count in FIXED]
    print(f"| noise | {' | '.join(columns)} | until ±2 % | blocks | ratio, 10 rounds | ratio, until ±2 % | rounds |")
    print(f"|---|{'---:|' * (len(FIXED) + 5)}")
    for name, noise in {**SIMULATED, **measured_noises()}.items():
        row = [fixed(noise, count, chosen.simulations, random) for count in FIXED]
        until = adaptive(noise, chosen.simulations // 4, random)
        shares = [f"{one.share * 100:.1f}" for one in (*row, until)]
        ratios = ["–"] * 3
        if name in SIMULATED:
            ratio = fixed(paired(noise), 10, chosen.simulations, random)
            ratio_until = adaptive(paired(noise), chosen.simulations // 4, random)
            ratios = [f"{ratio.share * 100:.1f}", f"{ratio_until.share * 100:.1f}", f"{ratio_until.blocks:.0f}"]
        print(f"| {' | '.join([name, *shares, f'{until.blocks:.0f}', *ratios])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
