"""How long eight virtual phones take with blocks that only sleep, against one of them.

Such blocks claim no computing time, so they take no turns: what is left is what mobilebench itself costs a target.
Prints the median ratio over interleaved pairs of runs. Promise: at most 1.2.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ratios import paired_ratio
from mobilebench.core.errors import ExitCode
from mobilebench.results.store import Store

PHONES = 8

SUITE = """\
title: Sleeping blocks
description: Blocks of one second in which nothing is computed.
models: [bert_small]
threads: [1]
rule: {min_predictions: 20, max_predictions: 20, max_seconds: 60}
blocks: 5
groups:
  - targets: [virtual]
    engines:
      sleep: {cpu: [default]}
"""


def seconds(serials: list[str], suite: Path, out: Path) -> float:
    """Wall seconds from the record of a run to its end, on these phones."""
    command = [sys.executable, "-m", "mobilebench", "run", "--serial", ",".join(serials)]
    command += ["--suite", str(suite), "--out", str(out), "--json"]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL)
    if ended.returncode != ExitCode.SUSPECT:  # a block that computes nothing is suspect
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}")
    with Store.open(out, create=False) as store:
        info = store.runs()[-1]
    assert info.finished_at is not None
    return (info.finished_at - info.created_at).total_seconds()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6)
    pairs = parser.parse_args().pairs
    port = str(free_port())
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MOBILEBENCH_HOME": home, "ANDROID_ADB_SERVER_PORT": port}
        from mobilebench.virtual import phones

        suite = Path(home, "sleep.yaml")
        suite.write_text(SUITE)
        try:
            serials = [phone.serial for phone in phones.up(PHONES, chrome=False)]
            out = Path(home, "results")
            for serial in serials:  # what is pushed once is there for all runs
                seconds([serial], suite, out)
            one, eight = [], []
            for pair in range(pairs):
                one.append(seconds([serials[pair % PHONES]], suite, out))
                eight.append(seconds(serials, suite, out))
                print(f"one phone {one[-1]:.2f} s, {PHONES} phones {eight[-1]:.2f} s", flush=True)
        finally:
            phones.down()
            subprocess.run(["adb", "-P", port, "kill-server"], check=False, capture_output=True)
    print(f"{PHONES} sleeping phones against one: {paired_ratio(eight, one)}")


if __name__ == "__main__":
    main()
