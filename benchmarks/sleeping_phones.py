"""What a run on 32 virtual phones costs this computer in memory and processor time.

The run's blocks only sleep, so what is left is mobilebench itself, with all processes that it starts (the phones' own
processes and adb's server are not counted). Memory is resident memory, summed over these processes, at its largest:
while blocks are measured, and until the command ends, which writes the report last. Promise: while blocks are measured
it stays below 300 MB, and the run below half a core. `benchmarks.many_phones` times `devices` and `doctor`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.core import proc
from mobilebench.core.errors import ExitCode
from mobilebench.results.store import Store
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


READS_EVERY_S = 0.1


@dataclass(frozen=True)
class Cost:
    """What a command took, with all processes that it started."""

    seconds: float
    processor_seconds: float
    megabytes: float
    """Largest resident memory of all of them together, as it was read."""
    largest_process: float
    """Largest resident memory of any one of them in MB, as the kernel kept it."""
    readings: Sequence[tuple[datetime, float]]
    """Resident memory of all of them in MB."""


def cost(*words: str, expected: Sequence[int] = (0,)) -> Cost:
    """Run a command of mobilebench. Raises `SystemExit` if it ends with another exit code than the expected ones."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "mobilebench", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    readings: list[tuple[datetime, float]] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(READS_EVERY_S):
            readings.append((datetime.now(UTC), sum(map(resident_mb, family(process.pid)))))

    reader = threading.Thread(target=read)
    reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    ended.set()
    reader.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise SystemExit(f"mobilebench {' '.join(words)} ended with {process.returncode}")
    largest = usage.ru_maxrss * 1024 / 1e6
    whole = max(largest, *(megabytes for _, megabytes in readings))
    return Cost(seconds, usage.ru_utime + usage.ru_stime, whole, largest, readings)


def family(pid: int) -> Iterator[int]:
    """A process and all below it, except those that have only just begun: they still show their parent's memory."""
    yield pid
    own = _command(pid)
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, file.read_text().split()):
                if _command(child) != own:
                    yield from family(child)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 if it has ended."""
    try:
        return proc.kib_fields(Path(f"/proc/{pid}/status").read_text()).get("VmRSS", 0) * 1024 / 1e6
    except OSError:
        return 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=PHONES)
    chosen = parser.parse_args()
    port = str(adb_protocol.free_port())
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"MOBILEBENCH_HOME": home, "ANDROID_ADB_SERVER_PORT": port}
        from mobilebench.virtual import owner, phones

        owner.own()
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
        with Store.open(Path(home, "results"), create=False) as store:
            measured_until = max(block.ended_at for block in store.load("last").blocks if block.ended_at)
    measuring = max(megabytes for at, megabytes in whole.readings if at <= measured_until)
    cores = whole.processor_seconds / whole.seconds
    print(f"A run of sleeping blocks on {chosen.phones} phones: {cores:.2f} cores, {whole.seconds:.0f} s")
    print(f"Memory: {measuring:.0f} MB while blocks were measured, {whole.megabytes:.0f} MB at most, with the report")
    print(f"(largest single process: {whole.largest_process:.0f} MB)")
    return 0 if measuring < 300 and cores < 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
