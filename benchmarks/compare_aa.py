"""How often `compare` calls a change between runs in which nothing changed (A/A), and what a plain test would call.

Runs of the same plan are measured one after the other, with pauses, into a store of their own. A family is what one
call of `compare` tests: all cases of two runs, for one stage or for all. Every two runs of the series are compared, and
also only those that follow each other without overlap, as pairs that share no run.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mobilebench.analysis.compare import compare
from mobilebench.analysis.stored import MOST_EARLIER
from mobilebench.analysis.summary import STAGES, RunSummary, summarise
from mobilebench.core.records import Stage
from mobilebench.results.store import Store
from mobilebench.statistics.between_runs import corrected
from mobilebench.statistics.estimates import deviation, unpaired_ratio

LEVEL = 0.05
Family = tuple[int, int]
"""Positions of two runs in the series."""
Called = Callable[[Sequence[RunSummary], Family, tuple[Stage, ...]], bool | None]
"""Whether at least one change is called in a family; None if nothing can be told."""


def main(arguments: list[str] | None = None) -> int:
    """Measure as many runs as are missing, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, help="folder of the runs, of which those that are there are used")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--engines", default="tflite,onnxruntime")
    parser.add_argument("--models", default="bert_small,mlp_4x256")
    parser.add_argument("--longest-pause", type=float, default=8.0, help="seconds between two runs, at random")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        chosen.store = chosen.store or Path(temporary)
        measure(chosen)
        report(chosen)
    return 0


def report(chosen: argparse.Namespace) -> None:
    """Print the tables."""
    with Store.open(chosen.store, create=False) as store:
        runs = [summarise(store.load(info.id)) for info in store.runs() if info.status == "finished"]
    first, last = runs[0].info, runs[-1].info
    print(
        f"{len(runs)} runs of {sum(runs[0].counts.values())} cases, {chosen.blocks} blocks each, within "
        f"{(last.created_at - first.created_at).total_seconds() / 60:.0f} min; load now {os.getloadavg()[0]:.1f}.\n"
    )
    print_calls(runs)
    print_variation(runs)


def measure(chosen: argparse.Namespace) -> None:
    """Measure the runs that the store lacks."""
    there = 0
    if chosen.store.is_dir():
        with Store.open(chosen.store) as store:
            there = sum(info.status == "finished" for info in store.runs())
    command = ["mobilebench", "run", "--serial", "host", "--threads", "1", "--blocks", str(chosen.blocks)]
    command += ["--engine", chosen.engines, "--model", chosen.models, "--out", str(chosen.store)]
    for _ in range(there, chosen.runs):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, chosen.longest_pause))


def by_blocks_alone(runs: Sequence[RunSummary], family: Family, stages: tuple[Stage, ...]) -> bool | None:
    """Welch's test on the block medians, corrected by Holm, without any variation between runs."""
    found = []
    before, after = ({case.case: case for target in runs[at].targets for case in target.cases} for at in family)
    for case, stage in itertools.product(before.keys() & after.keys(), stages):
        if stage in before[case].stages and stage in after[case].stages:
            test = unpaired_ratio(after[case].stages[stage].blocks, before[case].stages[stage].blocks)
            found += [test.p] if test else []
    return min(corrected(found)) <= LEVEL if found else None


def by_compare(earlier: int) -> Called:
    """`compare` with at most so many earlier runs."""

    def called(runs: Sequence[RunSummary], family: Family, stages: tuple[Stage, ...]) -> bool | None:
        before, after = family
        history = [runs[at] for at in range(after) if at != before][-earlier:] if earlier else []
        found = compare(runs[before], runs[after], stages=stages, earlier=history)
        calls = {stage.call for _, stage in found.changes}
        return None if calls == {"cannot be told"} else bool(calls & {"slower", "faster"})

    return called


RULES: dict[str, Called] = {
    "blocks alone": by_blocks_alone,
    "`compare`, no earlier run": by_compare(0),
    "`compare`, 3 earlier runs": by_compare(3),
    f"`compare`, {MOST_EARLIER} earlier runs": by_compare(MOST_EARLIER),
}


def print_calls(runs: Sequence[RunSummary]) -> None:
    """How many families are called changed, by stage and rule."""
    pairs = [(at, at + 1) for at in range(0, len(runs) - 1, 2)]
    every = list(itertools.combinations(range(len(runs)), 2))
    rng = random.Random(1)
    some = every if len(every) <= 400 else rng.sample(every, 400)
    print("| stage | rule | pairs of neighbours called | of all pairs |")
    print("|---|---|---:|---:|")
    for stages in [*((stage,) for stage in reversed(STAGES)), STAGES]:
        for name, rule in RULES.items():
            cells = [share(rule(runs, family, stages) for family in families) for families in (pairs, some)]
            print(f"| {stages[0] if len(stages) == 1 else 'all three'} | {name} | {' | '.join(cells)} |")


def share(called: Iterator[bool | None]) -> str:
    """Such as `2 of 40 (5.0 %)`."""
    told = [one for one in called if one is not None]
    return f"{sum(told)} of {len(told)} ({sum(told) / len(told):.1%})" if told else "–"


def print_variation(runs: Sequence[RunSummary]) -> None:
    """How much the runs of each case differ, and how much that would be if only blocks varied."""
    print("\n| case | stage | standard deviation of runs | expected from blocks | slowest / fastest run |")
    print("|---|---|---:|---:|---:|")
    cases = [case.case for target in runs[0].targets for case in target.cases]
    for case, stage in itertools.product(cases, reversed(STAGES)):
        logs = [
            [math.log(block) for block in one.stages[stage].blocks]
            for run in runs
            for target in run.targets
            for one in target.cases
            if one.case == case and stage in one.stages and len(one.stages[stage].blocks) > 1
        ]
        means = [statistics.fmean(run) for run in logs]
        by_blocks = math.sqrt(statistics.fmean(deviation(run) ** 2 / len(run) for run in logs))
        apart = math.exp(max(means) - min(means))
        print(f"| {case.key} | {stage} | {deviation(means):.1%} | {by_blocks:.1%} | {apart:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
