"""How long the zoo takes to build, and how much memory: cold, in a cache of its own, and again.

The ten models of the papers other than VGG-16 and BERT-Base. Promise: at most 12 minutes on 2 cores and 6 GB at any
time; again, under 2 s. Memory is the proportional set size (PSS) of the command and all its descendants together, read
every 0.1 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TEN = (
    *("mobilenet_v2", "resnet50", "ssd_mobilenet_v2", "efficientdet_d1", "yolov5m"),
    *("mobilebert", "bert_small", "esrgan", "pggan", "cyclegan"),
)
SAMPLED_EVERY_S = 0.1


@dataclass(frozen=True)
class Spent:
    """What one command took."""

    seconds: float
    peak_gb: float


def build(names: tuple[str, ...], cache: str) -> Spent:
    """`mobilebench models build NAMES`, with its models in `cache`."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilebench", "models", "build", *names],
        env={**os.environ, "MOBILEBENCH_CACHE": cache},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(pss_kib(pid) for pid in family(process.pid)))
        time.sleep(SAMPLED_EVERY_S)
    if process.returncode:
        raise SystemExit(f"building {', '.join(names)} failed with exit code {process.returncode}")
    return Spent(time.perf_counter() - started, peak * 1024 / 1e9)


def family(pid: int) -> list[int]:
    """A process and all its descendants, as far as they are still there."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def pss_kib(pid: int) -> int:
    """Proportional set size; 0 of a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(TEN))
    names = tuple(parser.parse_args().models)
    with tempfile.TemporaryDirectory(prefix="mobilebench-build-") as cache:
        spent = {}
        for name in names:
            spent[name] = build((name,), cache)
            print(f"{name:<18} {spent[name].seconds:6.1f} s   {spent[name].peak_gb:4.2f} GB", flush=True)
        again = build(names, cache)
    total = sum(one.seconds for one in spent.values())
    print(f"all, cold: {total / 60:.1f} min, peak {max(one.peak_gb for one in spent.values()):.2f} GB")
    print(f"all, again: {again.seconds:.2f} s")


if __name__ == "__main__":
    main()
