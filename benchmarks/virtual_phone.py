"""What a virtual phone stands: the rate of files, parallel shells, and a day of simulated time.

Prints the rates of `adb push` and `adb pull` of 100 MB (with `--against`, their ratio to a real adbd's by the same adb;
promise: at least 0.7), the time that 30 shells take which are all open at once, and what battery, temperatures and
memory did in 24 simulated hours: 3 of work and 9 of rest on battery, and 12 at a charger.

    python -m benchmarks.virtual_phone
    python -m benchmarks.virtual_phone --against SERIAL --adb PATH      # a real adbd, and which adb measures
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.push import seconds, version_of
from benchmarks.ratios import paired_ratio
from mobilebench.virtual import adb, phone_records, phones
from mobilebench.virtual.phone_records import VirtualPhone

SIZE = 100_000_000
SHELLS = 30
TMP = "/data/local/tmp"
DAY_S = 86_400.0
SPEED = 3600.0
READS_EVERY_S = 0.05
_MEMORY = "grep VmRSS /proc/$(pgrep -n -f '[v]irtual.daemon import main')/status"


@dataclass(frozen=True)
class Adb:
    """An adb program and the phone that it talks to."""

    program: str
    serial: str

    def run(self, *words: str) -> str:
        """Its output. Raises `CalledProcessError`."""
        command = [self.program, "-s", self.serial, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


@contextmanager
def phone() -> Iterator[VirtualPhone]:
    """A virtual phone that leaves nothing behind."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["MOBILEBENCH_HOME"] = home
        try:
            yield phones.up(chrome=False)[0]
        finally:
            phones.down()


# Files


def rates(ours: Adb, theirs: Adb | None, pairs: int) -> None:
    """Measure and print push and pull."""
    with tempfile.TemporaryDirectory() as folder:
        file, back = Path(folder) / "file", str(Path(folder) / "back")
        file.write_bytes(os.urandom(SIZE))
        ways = {"push": ("push", str(file), f"{TMP}/file"), "pull": ("pull", f"{TMP}/file", back)}
        for name, words in ways.items():
            mine, other = [], []
            for _ in range(pairs):
                mine.append(seconds(partial(ours.run, *words)))
                if theirs is not None:
                    other.append(seconds(partial(theirs.run, *words)))
            print(f"{name}: {SIZE / 1e6 / statistics.median(mine):.0f} MB/s")
            if theirs is not None:
                rate = SIZE / 1e6 / statistics.median(other)
                print(f"  real adbd {rate:.0f} MB/s; rate against it: {paired_ratio(other, mine)}")
        assert Path(back).read_bytes() == file.read_bytes()


# Shells


@dataclass(frozen=True)
class Shells:
    """How long shells took which were all open at once."""

    open_s: float
    """Until the last one was open."""
    answered_s: float
    """From then until the last one had ended with its own answer and exit code."""


def parallel(ours: Adb, count: int = SHELLS) -> Shells:
    """Open shells that wait for a file, then let all go on at once.

    Raises:
        AssertionError: a shell gave another answer or exit code than its own.
    """
    ours.run("shell", f"rm -rf {TMP}/parallel; mkdir {TMP}/parallel")
    script = f"touch {TMP}/parallel/{{0}}; read word; seq 1 20000 | tail -n 1; echo $word {{0}} >&2; exit {{0}}"
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            [ours.program, "-s", ours.serial, "shell", script.format(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    while len(ours.run("shell", f"ls {TMP}/parallel").split()) < count:
        time.sleep(0.01)
    opened = time.perf_counter()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("answer\n")
        process.stdin.flush()
    for number, process in enumerate(running):
        out, err = process.communicate(timeout=120)
        answer = (out, err, process.returncode)
        assert answer == ("20000\n", f"answer {number}\n", number), answer
    return Shells(opened - start, time.perf_counter() - opened)


# A day


@dataclass(frozen=True)
class Day:
    """What a phone did in 24 simulated hours."""

    real_s: float
    simulated_s: float
    """By the phone's own `time_in_state`."""
    expected_s: float
    """By this computer's clock and the speed."""
    levels: tuple[int, int, int]
    """Charge in percent at the beginning, after 12 hours on battery, and at the end."""
    skin: tuple[float, float, float]
    """°C at the beginning, highest during work, and at the end."""
    memory_kib: tuple[int, int]
    """Resident memory of the phone's daemon after the first hours, and at the end."""
    readings: int

    def __str__(self) -> str:
        return "\n".join(
            (
                f"24 h in {self.real_s:.1f} s: {self.simulated_s / 3600:.3f} h by the phone, "
                f"{self.expected_s / 3600:.3f} h by the clock (ratio {self.simulated_s / self.expected_s:.5f})",
                "  charge {} % → {} % → {} %".format(*self.levels),
                "  skin {:.1f} °C → {:.1f} °C → {:.1f} °C".format(*self.skin),
                "  memory {} KiB → {} KiB after {} readings".format(*self.memory_kib, self.readings),
            )
        )


def day(ours: Adb, name: str, speed: float = SPEED) -> Day:
    """Let a phone work and rest on battery, and charge."""
    hour = 3600.0 / speed
    phones.change_state(name, {"settings.global.stay_on_while_plugged_in": "0", "simulation.speed": speed})
    phones.change_state(name, {"battery.plugged": "none", "settings.system.screen_off_timeout": "600000000"})
    ticks, begin = _simulated(name)
    first = phones.state_of(name)
    command = f"timeout {3 * hour} sh -c 'while :; do :; done'"
    work = subprocess.Popen([ours.program, "-s", ours.serial, "shell", command])
    hottest, readings = 0.0, 0
    memory = [_memory_kib(ours)]
    state = first
    while time.monotonic() < begin + 12 * hour or work.poll() is None:
        state = phones.state_of(name)
        readings += 1
        hottest = max(hottest, state.thermal.skin)
        time.sleep(READS_EVERY_S)
    on_battery = state
    phones.change_state(name, {"battery.plugged": "ac"})
    charging = time.monotonic()
    while time.monotonic() < charging + 12 * hour:
        state = phones.state_of(name)
        readings += 1
        time.sleep(READS_EVERY_S)
    last_ticks, end = _simulated(name)
    memory.append(_memory_kib(ours))
    phones.change_state(name, {"simulation.speed": 1.0})
    return Day(
        end - begin,
        last_ticks - ticks,
        (end - begin) * speed,
        (first.battery.level, on_battery.battery.level, state.battery.level),
        (first.thermal.skin, hottest, state.thermal.skin),
        (memory[0], memory[1]),
        readings,
    )


def _simulated(name: str) -> tuple[float, float]:
    """Simulated seconds that the phone has counted, and this computer's time in the middle of the reading."""
    before = time.monotonic()
    phones.change_state(name, {})  # writes /sys
    after = time.monotonic()
    file = phone_records.folder(name) / "sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state"
    return sum(int(line.split()[1]) for line in file.read_text().splitlines()) / 100, (before + after) / 2


def _memory_kib(ours: Adb) -> int:
    found = re.search(r"\d+", ours.run("shell", _MEMORY))
    return int(found[0]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="SERIAL", help="a phone with a real adbd, listed by the same adb server")
    parser.add_argument("--adb", help="the adb program; the one on PATH by default")
    parser.add_argument("--pairs", type=int, default=12)
    arguments = parser.parse_args()
    program = arguments.adb or adb.program()
    with phone() as started:
        ours = Adb(program, started.serial)
        theirs = Adb(program, arguments.against) if arguments.against else None
        print(f"adb: {version_of(program)}")
        rates(ours, theirs, arguments.pairs)
        shells = parallel(ours)
        print(f"{SHELLS} parallel shells: open after {shells.open_s:.2f} s, answered {shells.answered_s:.2f} s later")
        print(day(ours, started.name))


if __name__ == "__main__":
    main()
