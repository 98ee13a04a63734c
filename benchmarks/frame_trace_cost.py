"""What the browser's trace of frames costs: scenarios that are traced against the same that are not.

In interleaved pairs whose order alternates, each in a fresh Chrome. Shown are the ratio of each scenario's main metric
(frames per second), and the processor time of the whole browser per second of use. Promise: the median of the
paired ratios of the metric lies within 0.99–1.01.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from benchmarks.ratios import paired_ratio
from mobilebench import targets
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import PresentedFrames, Void
from mobilebench.core.proc import TICKS_PER_SECOND, parse_stat
from mobilebench.scenarios import measuring
from mobilebench.scenarios.registry import scenario_of
from mobilebench.targets.base import Target

METRICS = {"typing": "fps", "video": "video_fps"}
LOW, HIGH = 0.99, 1.01


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table; 1 when the promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--scenario", action="append", choices=METRICS, help="default: all")
    chosen = parser.parse_args(arguments)
    head = (
        "scenario",
        "metric",
        "traced / not",
        "95 % interval",
        "pairs",
        "CPU s/s traced",
        "not",
        "trace kB/s",
        "kept",
    )
    print(f"| {' | '.join(head)} |")
    print("|---|---|---:|---|---:|---:|---:|---:|---|")
    kept = True
    server = PageServer(paths.web_pages())
    try:
        with targets.open_target(targets.select(targets.HOST)[0]) as target:
            for name in chosen.scenario or METRICS:
                line, good = row(target, server, name, chosen.pairs, chosen.seconds)
                kept = kept and good
                print(line, flush=True)
    finally:
        server.close()
    return 0 if kept else 1


def row(target: Target, server: PageServer, name: str, pairs: int, seconds: float) -> tuple[str, bool]:
    """One line of the table, and whether the promise was kept."""
    values: dict[bool, list[float]] = {True: [], False: []}
    busy: dict[bool, list[float]] = {True: [], False: []}
    sizes: list[float] = []
    for pair in range(pairs):
        for traced in (True, False) if pair % 2 == 0 else (False, True):
            value, processor, size = used(target, server, name, seconds, traced=traced)
            values[traced].append(value)
            busy[traced].append(processor)
            if traced:
                sizes.append(size / seconds / 1000)
    ratio = paired_ratio(values[True], values[False])
    good = LOW <= ratio.median <= HIGH
    cost = [f"{statistics.median(busy[traced]):.3f}" for traced in (True, False)]
    return (
        f"| {name} | `{METRICS[name]}` | {ratio.median:.3f} | {ratio.interval} | {ratio.pairs} | {cost[0]} | {cost[1]} "
        f"| {statistics.median(sizes):.1f} | {'yes' if good else 'no'} |"
    ), good


def used(target: Target, server: PageServer, name: str, seconds: float, *, traced: bool) -> tuple[float, float, int]:
    """The metric, the processor seconds per second of use, and the size of the trace in bytes."""
    scenario = scenario_of(name)
    with measuring.opened(target, scenario, "chrome", server) as page:
        watch = measuring.watched(page, scenario, seconds, traced=traced)
        before = processor_seconds(page.browser.pid)
        recorded = measuring.record(page, scenario, seconds)
        spent = processor_seconds(page.browser.pid) - before
        result = watch.added(recorded).result
    (value,) = [one.value for one in readings(result) if one.metric.name == METRICS[name]]
    if isinstance(value, Void):
        raise SystemExit(f"{name} has no {METRICS[name]}: {value.reason}")
    if traced and not isinstance(result.presented, PresentedFrames):
        raise SystemExit(f"{name} was not traced: {result.presented.reason}")
    size = result.presented.trace_bytes if isinstance(result.presented, PresentedFrames) else 0
    return value, spent / (result.duration_ms / 1000), size


def processor_seconds(first: int | None) -> float:
    """Of all processes of the browser, which is a process group of its own."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found = parse_stat(stat.read_text(errors="replace"))
        except OSError:
            continue
        if found and found.group == first:
            ticks += found.cpu_ticks
    return ticks / TICKS_PER_SECOND


if __name__ == "__main__":
    sys.exit(main())
