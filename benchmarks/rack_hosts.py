"""Whether a rack of several hosts is as fast for each phone as one host.

One scheduler, and hosts in network namespaces of their own, each with simulated phones whose blocks sleep. The same
suite runs on all phones of one host, and of all hosts, in turn, by `mobilebench run --rack` into a store in a folder.
Time is that from the first block's beginning to the last one's end, and that of the whole command, which also starts,
reserves the phones, and writes the report. Promise: the blocks of all hosts together take at most 1.1 times as long as
those of one. Needs root, for the namespaces.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import namespaces, rack_fleet
from benchmarks.rack_fleet import Fleet
from benchmarks.ratios import paired_ratio
from mobilebench.core.records import Run
from mobilebench.results.store import Store

LIMIT = 1.1
RUN_S = 600.0


@dataclass(frozen=True)
class Time:
    """One run, in seconds."""

    hosts: int
    blocks: int
    command_s: float
    blocks_s: float


def timed(fleet: Fleet, suite: Path, hosts: int, phones: int, blocks: int) -> Time:
    """Measure the suite on the phones of the first hosts. Ends the program if a block is missing."""
    chosen = ",".join(f"host:{name}" for name in list(fleet.hosts)[:hosts])
    out = fleet.folder / "results"
    words = ["run", *fleet.options, "--serial", chosen, "--suite", str(suite), "--gate=none", "--out", str(out)]
    begun = time.perf_counter()
    fleet.client.start(words)
    ended = fleet.client.wait(RUN_S)
    command_s = time.perf_counter() - begun
    with Store.open(out) as store:
        run = store.load("last")
    if not ended or run.info.status != "finished" or len(run.blocks) != hosts * phones * blocks:
        raise SystemExit(f"{len(run.blocks)} of {hosts * phones * blocks} blocks came:\n{fleet.client.printed()}")
    return Time(hosts, len(run.blocks), command_s, span_s(run))


def span_s(run: Run) -> float:
    """Seconds from the first block's beginning to the last one's end."""
    return (max(one.ended_at for one in run.blocks) - min(one.started_at for one in run.blocks)).total_seconds()


def table(times: Sequence[Time], phones: int, ideal_s: float) -> str:
    """The times as Markdown: medians, and the ratios to one host with their intervals."""
    lines = [
        "| hosts | phones | blocks | command, s | its blocks, s | ideal, s | command / one host | blocks / one host |",
        "|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    by_hosts = {hosts: [one for one in times if one.hosts == hosts] for hosts in sorted({one.hosts for one in times})}
    single = by_hosts[1]
    for hosts, own in by_hosts.items():
        ratios = ["", ""]
        if hosts > 1:
            ratios = [
                _words(own, single, "command_s"),
                _words(own, single, "blocks_s"),
            ]
        lines.append(
            f"| {hosts} | {hosts * phones} | {own[0].blocks} | {median(one.command_s for one in own):.2f} "
            f"| {median(one.blocks_s for one in own):.2f} | {ideal_s:.2f} | {ratios[0]} | {ratios[1]} |"
        )
    return "\n".join(lines)


def _words(own: Sequence[Time], single: Sequence[Time], field: str) -> str:
    ratio = paired_ratio([getattr(one, field) for one in own], [getattr(one, field) for one in single])
    return f"{ratio.median:.3f} ({ratio.interval}, {ratio.pairs} pairs)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--phones", type=int, default=8, help="phones of each host")
    parser.add_argument("--blocks", type=int, default=20, help="blocks of each phone")
    parser.add_argument("--sleep", type=float, default=1.0, help="seconds that a block sleeps")
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    times = []
    with (
        namespaces.network(options.hosts + 1) as network,
        tempfile.TemporaryDirectory(prefix="mobilebench-rack-") as name,
    ):
        folder = Path(name)
        suite = folder / "sleeping.yaml"
        rack_fleet.write_suite(suite, options.blocks, options.sleep)
        offer = ("--simulated", str(options.phones), "--sleep", str(options.sleep))
        with Fleet(folder, network, offer) as fleet:
            if problem := fleet.wait_for_phones(options.hosts * options.phones):
                raise SystemExit(problem)
            for pair in range(options.pairs):
                for hosts in (1, options.hosts) if pair % 2 == 0 else (options.hosts, 1):
                    times.append(timed(fleet, suite, hosts, options.phones, options.blocks))
                print(f"{pair + 1} of {options.pairs} pairs are done.", file=sys.stderr, flush=True)
    print(table(times, options.phones, options.blocks * options.sleep))
    ratio = paired_ratio(*([one.blocks_s for one in times if one.hosts == hosts] for hosts in (options.hosts, 1)))
    return 0 if ratio.median <= LIMIT else 1


def stop(number: int, _frame: object) -> None:
    """End the program in order: its processes and its network end with it."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
