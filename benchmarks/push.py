"""How fast a file reaches a phone, against `adb push` of the same 100 MB.

Prints the speed ratio (above 1 is faster than adb) over interleaved pairs, and what a second push of the same file
costs, against one hash on the phone. Promise: at least 0.9, and one hash.

    python -m benchmarks.push                       # on a virtual phone, switched on for the purpose
    python -m benchmarks.push --serial SERIAL       # on an attached phone
    python -m benchmarks.push --adb PATH            # against another adb than the one on PATH
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.ratios import paired_ratio
from mobilebench import targets
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import TargetInfo
from mobilebench.targets.base import Target
from mobilebench.virtual import adb, phones

SIZE = 100_000_000
SCRATCH = "/data/local/tmp/mobilebench-push-benchmark"
TIMEOUT = 600


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def phone(serial: str | None) -> Iterator[TargetInfo]:
    """The phone asked for, or a virtual one that leaves nothing behind."""
    if serial:
        yield targets.select(serial)[0]
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["MOBILEBENCH_HOME"] = home
        (started,) = phones.up(chrome=False)
        try:
            yield targets.select(started.serial)[0]
        finally:
            phones.down()


def version_of(program: str) -> str:
    """The line of `adb version` that tells programs apart."""
    said = subprocess.run([program, "version"], check=True, capture_output=True, text=True, timeout=60).stdout
    return said.splitlines()[1]


def adb_push(program: str, serial: str, file: Path) -> None:
    """What adb itself does."""
    command = [program, "-s", serial, "push", str(file), f"{SCRATCH}/adb.bin"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def remote_hash(target: Target, path: str) -> None:
    """One hash on the phone, which is what a second push may cost."""
    target.shell(["sha256sum", path], timeout=TIMEOUT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serial", help="an attached phone; a virtual one by default")
    parser.add_argument("--adb", help="the adb to compare with; the one on PATH by default")
    parser.add_argument("--pairs", type=int, default=12)
    arguments = parser.parse_args()
    program = arguments.adb or adb.program()

    theirs, ours, verified, again, hashed = [], [], [], [], []
    with phone(arguments.serial) as info, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "push.bin"
        file.write_bytes(os.urandom(SIZE))
        sha256 = sha256_of(file)
        for _ in range(arguments.pairs):
            with targets.open_target(info) as target:
                target.shell(["rm", "-rf", SCRATCH], timeout=TIMEOUT)
                theirs.append(seconds(partial(adb_push, program, info.id, file)))
                start = time.perf_counter()
                pushed = target.push(file, sha256=sha256)
                ours.append(time.perf_counter() - start)
                target.shell(["true"], timeout=TIMEOUT)  # waits until the phone has verified the file
                verified.append(time.perf_counter() - start)
                hashed.append(seconds(partial(remote_hash, target, str(pushed.path))))
            with targets.open_target(info) as target:
                again.append(seconds(partial(target.push, file, sha256=sha256)))
                target.shell(["rm", "-rf", SCRATCH, str(pushed.path)], timeout=TIMEOUT)
    print(f"{info.name} ({info.soc}), {SIZE // 10**6} MB, adb {SIZE / 1e6 / min(theirs):.0f} MB/s at best")
    print(f"adb: {version_of(program)}")
    print(f"speed of push against adb push: {paired_ratio(theirs, ours)}")
    print(f"the same, until the phone has verified the file: {paired_ratio(theirs, verified)}")
    print(f"time of a second push against one hash on the phone: {paired_ratio(again, hashed)}")


if __name__ == "__main__":
    main()
