"""What a run on 32 virtual phones costs this computer in memory and processor time.

The run's blocks only sleep, so what is left is mobilebench itself: the phones' own processes are not counted. Promise:
it stays below 300 MB and half a core. `benchmarks.many_phones` times `devices` and `doctor`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.errors import ExitCode
from mobilebench.targets.android import adb_protocol

PHONES = 32

SUITE = """\
title: Sleeping blocks
description: Blocks of one second in which nothing is computed.
models: [mlp_4x256]
threads: [1]
rule: {min_predictions: 20, max_predictions: 20, max_seconds: 60}
blocks: 10
groups:
  - targets: [virtual]
    engines:
      sleep: [cpu]
"""


@dataclass(frozen=True)
class Cost:
    """What a command took, without the processes of the phones."""

    seconds: float
    processor_seconds: float
    megabytes: float
    """Largest resident memory of its process."""


def cost(*words: str, expected: Sequence[int] = (0,)) -> Cost:
    begun = time.monotonic()
    command = [sys.executable, "-m", "mobilebench", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise SystemExit(f"mobilebench {' '.join(words)} ended with {process.returncode}")
    return Cost(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=PHONES)
    chosen = parser.parse_args()
    port = str(adb_protocol.free_port())
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MOBILEBENCH_HOME": home, "ANDROID_ADB_SERVER_PORT": port}
        from mobilebench.virtual import phones

        suite = Path(home, "sleep.yaml")
        suite.write_text(SUITE)
        try:
            serials = [phone.serial for phone in phones.up(chosen.phones, chrome=False)]
            run = (
                "run",
                "--serial",
                ",".join(serials),
                "--suite",
                str(suite),
                "--out",
                str(Path(home, "results")),
                "--json",
            )
            cost(*run, expected=[ExitCode.SUSPECT])  # what is pushed once is there for the next run
            whole = cost(*run, expected=[ExitCode.SUSPECT])
        finally:
            phones.down()
            subprocess.run(["adb", "-P", port, "kill-server"], check=False, capture_output=True)
    cores = whole.processor_seconds / whole.seconds
    print(f"A run of sleeping blocks on all: {whole.megabytes:.0f} MB, {cores:.2f} cores, {whole.seconds:.0f} s")
    return 0 if whole.megabytes < 300 and cores < 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
