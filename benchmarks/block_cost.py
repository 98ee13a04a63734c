"""What a block in a browser costs beside its measured stages, and what many blocks in a row leave behind.

Whole blocks of bert_small on TensorFlow.js wasm simd, the browsers taking turns. Promise: at most 1.5 s in Chromium and
4 s in Firefox (median), and nothing is left: no process, profile, forward, reverse or visit, and no growing memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from threading import Event

from mobilebench import targets
from mobilebench.browsers import launching
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.engines import web
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.base import Target
from mobilebench.targets.limits import Limit

MODEL = "bert_small"
PROMISES_S = {"chrome": 1.5, "firefox": 4.0}
RULE = BlockRule(min_predictions=1, max_predictions=5, max_seconds=0.2)
MOST_GROWTH_MB = 16


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a Markdown table; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--browsers", nargs="+", default=list(PROMISES_S))
    parser.add_argument("--serial", default=targets.HOST, help="host, or a phone that has these browsers")
    chosen = parser.parse_args(arguments)
    info = targets.select(chosen.serial)[0]
    files = obtain.find(MODEL)
    if files is None:
        sys.exit(f"{MODEL} is not built: run `mobilebench models build {MODEL}`.")
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        costs, memory = measure(info, files, chosen.browsers, chosen.blocks)
        left = left_behind(Path(folder), info)
    print("| target | browser | beside the stages, s | worst | promise | blocks |")
    print("|---|---|---:|---:|---:|---:|")
    kept = not left
    for browser, seconds in costs.items():
        promise = PROMISES_S[browser.partition("@")[0]]
        kept = kept and statistics.median(seconds) <= promise
        print(
            f"| {info.id} | {browser} {info.browsers[browser]} | {statistics.median(seconds):.2f} | {max(seconds):.2f} "
            f"| {promise} | {len(seconds)} |"
        )
    early, late = memory[len(memory) // 4], memory[-1]
    print(f"\nLeft behind: {', '.join(left) or 'nothing'}.")
    print(f"Our memory after a quarter of the blocks: {early:.1f} MB, at the end: {late:.1f} MB.")
    return 0 if kept and late - early <= MOST_GROWTH_MB else 1


def measure(
    info: TargetInfo, files: ModelFiles, browsers: list[str], blocks: int
) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds beside the stages of every block, by browser, and our resident memory in MB after each."""
    costs: dict[str, list[float]] = {browser: [] for browser in browsers}
    memory = []
    with targets.open_target(info) as target:
        for number in range(blocks):
            browser = browsers[number % len(browsers)]
            costs[browser].append(cost(target, files, browser))
            memory.append(resident_mb())
    web.close()
    return costs, memory


def cost(target: Target, files: ModelFiles, browser: str) -> float:
    """Seconds that one block took beside setup, warmup and predictions."""
    case = Case(
        target=target.info.id,
        engine="tfjs",
        backend="wasm",
        wasm_build="simd",
        threads=1,
        browser=browser,
        model=MODEL,
    )
    engine = engines()["tfjs"]
    prepared = engine.prepare(target, PlannedBlock(index=0, round=0, case=case, rule=RULE), files)
    result = engine.measure(prepared, cancel=Event())
    return result.spent_ms["launch"] / 1000


def left_behind(folder: Path, info: TargetInfo) -> list[str]:
    """What is still there after the last block."""
    profiles = [path.name for path in folder.iterdir()]
    processes = [f"process {path.name}" for path in Path("/proc").glob("[0-9]*") if _is_of(path, folder)]
    return [*profiles, *processes, *(_ports(info.id) if info.kind == "android" else [])]


def _is_of(process: Path, folder: Path) -> bool:
    try:
        return str(folder / launching.PROFILE_PREFIX).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


def _ports(serial: str) -> list[str]:
    limit = Limit("Asking for forwards and reverses", 10)
    forwards = adb_protocol.query("host:list-forward", limit, serial).splitlines()
    with adb_protocol.service(serial, "reverse:list-forward", limit) as stream:
        reverses = adb_protocol.read_text(stream, limit).decode().splitlines()
    return [*(line for line in forwards if line.startswith(serial)), *reverses]


def resident_mb() -> float:
    """Our resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
