"""What the sampler of recorders costs: blocks that are sampled against blocks that are not.

MobileNetV2 on TensorFlow Lite with 1 thread, on this computer and on a virtual phone, in interleaved pairs whose order
alternates. All recorders of the target read at one interval. Promise: the 95 % interval of the ratio of p50 lies within
0.99–1.01. The last column is the processor time that the sampler took, by its own account, per second of the block; on
a phone that is its shell with the commands that it starts, without adb and the services that answer `dumpsys`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.blocks import built, measured, p50
from benchmarks.eight_phones import free_port
from benchmarks.ratios import Ratio, paired_ratio
from mobilebench import targets
from mobilebench.core import paths
from mobilebench.models.manifest import ModelFiles
from mobilebench.recorders.base import Recorder, Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.registry import READERS
from mobilebench.recorders.stream import RECORDER
from mobilebench.targets.base import Target

MODEL, ENGINE = "mobilenet_v2", "tflite"
TARGETS = ("host", "virtual phone")
LOW, HIGH = 0.99, 1.01
LEFT_OUT = {"host": {"battery", "thermal", "current", "rapl", "energy"}, "android": {"rapl", "energy"}}
"""Recorders that have nothing to read on such a target. That of energy has blocks of its own, and leaves the target
idle before each, which would make the sampled blocks differ."""


@dataclass
class Costs:
    """What was measured on one target, pair by pair."""

    sampled: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    """p50 in ms."""
    processor: list[float] = field(default_factory=list)
    """Processor seconds of the sampler per second, of each sampled block."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table; 1 when the promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--predictions", type=int, default=800, help="per block")
    parser.add_argument("--targets", nargs="+", default=TARGETS, choices=TARGETS)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two readings of each recorder")
    chosen = parser.parse_args(arguments)
    files = built(MODEL)
    print("| target | recorders | every | sampled / plain | 95 % interval | pairs | kept | processor s per s |")
    print("|---|---:|---:|---:|---|---:|---|---:|")
    kept = True
    for name in chosen.targets:
        with opened(name) as target:
            costs = measure(target, files, chosen.pairs, chosen.predictions, chosen.interval)
            count = len(readers(target, chosen.interval))
        ratio = paired_ratio(costs.sampled, costs.plain)
        kept = kept and is_kept(ratio)
        print(row(name, count, chosen.interval, ratio, costs.processor), flush=True)
    return 0 if kept else 1


@contextmanager
def opened(name: str) -> Iterator[Target]:
    """This computer, or a fresh virtual phone on an adb server of its own."""
    if name == "host":
        with targets.open_target(targets.select(targets.HOST)[0]) as target:
            yield target
        return
    port = str(free_port())
    with tempfile.TemporaryDirectory() as home:
        before = {key: os.environ.get(key) for key in ("MOBILEBENCH_HOME", "ANDROID_ADB_SERVER_PORT")}
        os.environ |= {"MOBILEBENCH_HOME": home, "ANDROID_ADB_SERVER_PORT": port}
        from mobilebench.virtual import phones

        try:
            (phone,) = phones.up(1, chrome=False)
            with targets.open_target(targets.select(phone.serial)[0]) as target:
                yield target
        finally:
            phones.down()
            subprocess.run(["adb", "-P", port, "kill-server"], check=False, capture_output=True)
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})


def readers(target: Target, interval_s: float) -> list[Recorder]:
    """Every recorder that can read this target, at an interval."""
    names = [name for name in READERS if name not in LEFT_OUT[target.info.kind]]
    return [READERS[name](interval_s) for name in names]


def measure(target: Target, files: ModelFiles, pairs: int, predictions: int, interval_s: float) -> Costs:
    """Blocks with and without the sampler, after one that is not counted."""
    costs = Costs()
    measured(files, ENGINE, predictions // 4, target=target)
    for pair in range(pairs):
        for sampled in (True, False) if pair % 2 == 0 else (False, True):
            if not sampled:
                costs.plain.append(p50(measured(files, ENGINE, predictions, target=target)))
                continue
            subject = Subject(target, program=paths.runner(target.info.runner).name)
            with recording(subject, readers(target, interval_s)) as found:
                costs.sampled.append(p50(measured(files, ENGINE, predictions, target=target)))
            (cost,) = [one for one in found.series if one.recorder == RECORDER]
            if len(cost.values) == 2:
                costs.processor.append(per_second(cost.times_ms, cost.values))
    return costs


def per_second(times_ms: list[float], seconds: list[float]) -> float:
    """Growth of the sampler's processor time per second."""
    return (seconds[-1] - seconds[0]) / ((times_ms[-1] - times_ms[0]) / 1000)


def is_kept(ratio: Ratio) -> bool:
    """Whether the interval lies within the promised limits."""
    return ratio.low is not None and ratio.high is not None and ratio.low >= LOW and ratio.high <= HIGH


def row(name: str, recorders: int, interval_s: float, ratio: Ratio, processor: list[float]) -> str:
    """One line of the table."""
    told = f"{statistics.median(processor):.4f}" if processor else "not told"
    kept = "yes" if is_kept(ratio) else "**no**"
    return (
        f"| {name} | {recorders} | {interval_s:g} s | {ratio.median:.4f} | {ratio.interval} | {ratio.pairs} | {kept} "
        f"| {told} |"
    )


if __name__ == "__main__":
    sys.exit(main())
