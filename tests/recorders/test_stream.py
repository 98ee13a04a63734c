"""One sampler for all recorders of a block, on a real shell: readings at their intervals, and nothing left running."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from itertools import pairwise
from pathlib import Path

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Series, TargetInfo
from mobilebench.recorders import cpu, frames, load, registry, stream
from mobilebench.recorders.base import Declaration, Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.reading import ReadingRecorder, Readings
from mobilebench.recorders.sources import Command, Files, Part, Processes, Source

from .local_phone import PHONE, LocalPhone

INTERVAL_S = 0.05
PATIENCE_S = 60.0


class Counting(ReadingRecorder):
    """Counts the readings during a block; `enough` is set after some of them."""

    def __init__(self, name: str, *parts: Part, interval_s: float = INTERVAL_S, enough: int = 4) -> None:
        declaration = Declaration(name=name, title=name, description="", cost="around the block", sampled=True)
        super().__init__(declaration, Source(parts), self._parse, interval_s=interval_s)
        self.texts: list[str] = []
        self.enough = threading.Event()
        self._needed = enough

    def _parse(self, text: str) -> Readings:
        return {("lines", "lines"): float(len(text.splitlines()))}

    def take(self, at: float, text: str) -> None:
        super().take(at, text)
        self.texts.append(text)
        if len(self.texts) >= self._needed:
            self.enough.set()

    def fail(self, reason: str) -> None:
        super().fail(reason)
        self.enough.set()


def series_of(found: list[Series], recorder: str) -> Series:
    (series,) = [one for one in found if one.recorder == recorder]
    return series


def named(found: list[Series], name: str) -> Series:
    (series,) = [one for one in found if one.name == name]
    return series


def samplers_left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("sampler of")]


UPTIME, LOADAVG = Files(("/proc/uptime",)), Files(("/proc/loadavg",))


def test_one_stream_serves_all_recorders_at_their_intervals() -> None:
    phone = LocalPhone()
    fast = Counting("fast", UPTIME, interval_s=0.03, enough=12)
    slow = Counting("slow", LOADAVG, interval_s=0.15, enough=3)
    begun = time.monotonic()
    with recording(Subject(phone, program="x"), [fast, slow]) as found:
        assert fast.enough.wait(PATIENCE_S) and slow.enough.wait(PATIENCE_S)
    assert len(phone.scripts) == 1
    assert len(fast.texts) > len(slow.texts)
    assert all(text.startswith("/proc/uptime ") for text in fast.texts)
    assert all(text.startswith("/proc/loadavg ") for text in slow.texts)
    series = series_of(found.series, "fast")
    assert len(series.values) == len(fast.texts) + 2, "also before and after the block"
    assert all(earlier <= later for earlier, later in pairwise(series.times_ms))
    assert series.times_ms[-1] <= (time.monotonic() - begun) * 1000 + 100
    assert phone.left() == []
    assert samplers_left() == []


def test_readings_with_one_interval_need_one_sleep_for_all(tmp_path: Path) -> None:
    slept = tmp_path / "slept"
    sleep = tmp_path / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >>{slept}\nPATH=/usr/bin:/bin exec sleep "$1"\n')
    sleep.chmod(0o755)
    phone = LocalPhone(folder=tmp_path)
    recorders = [Counting(name, UPTIME, interval_s=0.2, enough=5) for name in "abcdef"]
    with recording(Subject(phone), recorders):
        assert all(one.enough.wait(PATIENCE_S) for one in recorders)
    assert len(slept.read_text().split()) < sum(len(one.texts) for one in recorders) / 2
    assert phone.left() == []


def test_without_an_uptime_readings_go_on_and_have_their_time_of_arrival() -> None:
    class Refused(LocalPhone):
        def stream(self, script: str, *, cancel: threading.Event) -> Generator[bytes, None, None]:
            return super().stream(script.replace("</proc/uptime", "</no/uptime"), cancel=cancel)

    phone = Refused()
    recorder = Counting("load", LOADAVG, enough=4)
    begun = time.monotonic()
    with recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
    times = series_of(found.series, "load").times_ms
    assert times == sorted(times)
    assert times[1] >= INTERVAL_S * 1000
    assert times[-1] <= (time.monotonic() - begun) * 1000
    assert phone.left() == []


def test_readings_have_the_phones_own_time() -> None:
    phone = LocalPhone()
    recorder = Counting("up", UPTIME, enough=6)
    # A pause between the two clocks makes the difference smaller.
    offset = max(float(Path("/proc/uptime").read_text().split()[0]) - time.monotonic() for _ in range(20))
    with recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
    read = [float(text.split()[1]) for text in recorder.texts]
    began = recorder._began
    stated = [began + ms / 1000 for ms in series_of(found.series, "up").times_ms[1:-1]]
    # The first reading may arrive late; what is left is the same delay for all of them, and hundredths of a second.
    delays = [at - (uptime - offset) for at, uptime in zip(stated, read, strict=True)]
    assert min(delays) > -0.05
    assert delays == pytest.approx([delays[-1]] * len(delays), abs=0.05) or delays[0] > delays[-1]


def test_the_cost_of_the_sampler_is_stored_with_the_block() -> None:
    phone = LocalPhone()
    recorder = Counting("up", UPTIME, enough=10)
    with recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
    cost = series_of(found.series, "sampler")
    assert (cost.name, cost.unit) == ("cpu_time", "s")
    assert 0 < len(cost.values) <= 2
    assert 0 <= cost.values[0] <= cost.values[-1] < PATIENCE_S
    assert cost.reason is None


def test_the_cost_includes_the_commands_that_it_starts(tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    busy.write_text("#!/bin/sh\ni=0\nwhile [ $i -lt 60000 ]; do i=$((i+1)); done\necho done\n")
    busy.chmod(0o755)
    phone = LocalPhone(folder=tmp_path)
    recorder = Counting("busy", Command(("busy",)), UPTIME, enough=6)
    with recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
    assert series_of(found.series, "sampler").values[-1] > 0
    assert phone.left() == []


def run_until_enough(phone: LocalPhone, recorder: Counting, end: Callable[[], None] = lambda: None) -> list[Series]:
    with recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
        end()
    return found.series


@pytest.mark.parametrize("hangs_up", [True, False], ids=["adbd sends SIGHUP", "only the output is closed"])
def test_nothing_is_left_on_the_phone_when_the_block_ends(hangs_up: bool) -> None:
    phone = LocalPhone(hangs_up=hangs_up)
    run_until_enough(phone, Counting("up", UPTIME))
    assert phone.left() == []


def test_a_long_sleep_ends_with_the_block() -> None:
    phone = LocalPhone()
    recorder = Counting("rare", UPTIME, interval_s=3000.0)  # of which one sleep takes a minute
    deadline = time.monotonic() + PATIENCE_S
    with recording(Subject(phone), [recorder]):
        while not _sleeps(phone):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert phone.left() == [], "no `sleep` goes on"


def _sleeps(phone: LocalPhone) -> bool:
    if not phone.shells:
        return False
    children = subprocess.run(
        ["pgrep", "-P", str(phone.shells[0].pid), "sleep"], capture_output=True, check=False
    ).stdout
    return bool(children.strip())


def test_nothing_is_left_when_the_cable_is_cut() -> None:
    phone = LocalPhone()
    recorder = Counting("up", UPTIME)

    def cut() -> None:
        recorder.enough.clear()
        phone.cut.set()
        while not recorder._failure:
            assert recorder.enough.wait(PATIENCE_S)
            recorder.enough.clear()

    found = run_until_enough(phone, recorder, cut)
    assert series_of(found, "up").reason == "during the block: p: the connection was cut"
    assert len(series_of(found, "up").values) >= 6
    assert phone.left() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BlockFailed("it broke")], ids=["Ctrl-C", "a failed block"])
def test_nothing_is_left_when_the_block_is_broken_off(error: BaseException) -> None:
    phone = LocalPhone()
    recorder = Counting("up", UPTIME)
    with pytest.raises(type(error)), recording(Subject(phone), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
        raise error
    assert len(series_of(found.series, "up").values) >= 4
    assert phone.left() == []
    assert samplers_left() == []


def test_a_command_that_is_running_ends_with_the_block(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    script = tmp_path / "dumpsys"
    script.write_text(f"#!/bin/sh\nif mkdir {hangs}; then exec sleep 3000; fi\n")
    script.chmod(0o755)
    phone = LocalPhone(folder=tmp_path)
    hangs.mkdir()
    with recording(Subject(phone), [Counting("hung", Command(("dumpsys",)), UPTIME)]):
        hangs.rmdir()
        deadline = time.monotonic() + PATIENCE_S
        while not hangs.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert phone.left() == []


def test_a_program_of_a_phone_that_ends_by_itself_is_a_reason() -> None:
    class Short(LocalPhone):
        def stream(self, script: str, *, cancel: threading.Event) -> Generator[bytes, None, None]:
            return super().stream("echo nothing", cancel=cancel)

    recorder = Counting("up", UPTIME)
    found = run_until_enough(Short(), recorder)
    assert series_of(found, "up").reason == "during the block: the phone ended the sampler"
    assert series_of(found, "sampler").values == []
    assert series_of(found, "sampler").reason == "the sampler told nothing about its processor time"


def test_garbage_and_huge_output_leave_the_other_recorders(tmp_path: Path) -> None:
    noisy = tmp_path / "dumpsys"
    noisy.write_text("#!/bin/sh\nhead -c 700000 /dev/urandom\n")
    noisy.chmod(0o755)
    phone = LocalPhone(folder=tmp_path)
    garbage = Counting("garbage", Command(("dumpsys",)), interval_s=0.1, enough=2)
    plain = Counting("plain", UPTIME, interval_s=0.1, enough=2)
    with recording(Subject(phone), [garbage, plain]):
        assert garbage.enough.wait(PATIENCE_S) and plain.enough.wait(PATIENCE_S)
    assert all(len(text) <= frames.LONGEST_TEXT for text in garbage.texts)
    assert all(text.startswith("/proc/uptime ") for text in plain.texts)
    assert phone.left() == []


def test_a_target_that_has_no_stream_is_a_reason() -> None:
    class Plain:
        info = PHONE
        observe = LocalPhone().observe

    recorder = Counting("up", UPTIME)
    with recording(Subject(Plain()), [recorder]) as found:
        assert recorder.enough.wait(PATIENCE_S)
    assert series_of(found.series, "up").reason == "during the block: this target cannot be sampled"


def test_an_interval_that_is_too_short_is_said() -> None:
    class Slow(LocalPhone):
        def stream(self, script: str, *, cancel: threading.Event) -> Generator[bytes, None, None]:
            return super().stream(script.replace("w=$((m-now))", "w=60"), cancel=cancel)

    recorder = Counting("up", UPTIME, enough=3)
    found = run_until_enough(Slow(), recorder)
    reason = series_of(found, "up").reason
    assert reason is not None and re.fullmatch(r"during the block: only \d+ of \d+ readings could be taken", reason)


def test_the_program_fits_into_one_request_to_adb() -> None:
    feeds = [one for make in registry.READERS.values() if isinstance(one := make(1.0), ReadingRecorder)]
    assert len(feeds) == len(registry.READERS) - 1  # energy has blocks of its own
    program = stream.phone_program(feeds, "mobilebench-0011223344556677", Processes(program="mobilebench-runner"))  # type: ignore[arg-type]
    assert len(program) < 8000
    assert subprocess.run(["sh", "-n", "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("program", ["a'b; touch /tmp/never", "$(touch /tmp/never)", "-n"])
def test_the_name_of_the_program_is_quoted(program: str, tmp_path: Path) -> None:
    recorder = Counting("up", UPTIME, enough=1)
    phone = LocalPhone()
    with recording(Subject(phone, program=program), [recorder]):
        assert recorder.enough.wait(PATIENCE_S)
    assert not Path("/tmp/never").exists()


def test_processes_that_the_engine_tells_are_read_from_then_on() -> None:
    recorder = cpu.recorder(INTERVAL_S)
    seen = threading.Event()
    take = recorder.take

    def taking(at: float, text: str) -> None:
        take(at, text)
        if text.count(f"/proc/{child.pid}/stat {child.pid} (") == 1 and f"/proc/{os.getpid()}/stat " in text:
            seen.set()

    recorder.take = taking  # type: ignore[method-assign]
    phone = LocalPhone()
    subject = Subject(phone)
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            with recording(subject, [recorder]) as found:
                subject.processes.are(Processes((child.pid, os.getpid())))
                assert seen.wait(PATIENCE_S)
                seen.clear()
                assert seen.wait(PATIENCE_S)
        finally:
            child.kill()
    assert phone.left() == []
    assert len(phone.scripts) <= 2, "one stream at a time: the second one replaces the first"
    assert named(found.series, "measured").values
    spent = named(found.series, "cpu_time").values
    assert spent == sorted(spent)


def test_a_recorder_that_reads_no_process_keeps_its_stream() -> None:
    recorder = Counting("up", UPTIME, enough=2)
    phone = LocalPhone()
    subject = Subject(phone)
    with recording(subject, [recorder]):
        subject.processes.are(Processes((1,)))
        assert recorder.enough.wait(PATIENCE_S)
    assert len(phone.scripts) == 1


def test_why_the_processes_cannot_be_told_is_the_reason() -> None:
    phone = LocalPhone()
    subject = Subject(phone)
    with recording(subject, [cpu.recorder(INTERVAL_S)]) as found:
        subject.processes.are(Processes(unknown="this browser does not tell"))
    measured = named(found.series, "measured")
    assert (measured.values, measured.reason) == ([], "this browser does not tell")


HOST = TargetInfo(
    id="h", kind="host", machine="h", name="h", soc="s", os="Linux", abi="x86_64", runner="linux-x86_64", cores=2
)


class Host:
    info = HOST


def test_this_computer_is_read_without_any_process() -> None:
    recorder = Counting("up", UPTIME, enough=5)
    with recording(Subject(Host()), [recorder]) as found:  # type: ignore[arg-type]
        assert recorder.enough.wait(PATIENCE_S)
    assert all(text.startswith("/proc/uptime ") for text in recorder.texts)
    series = series_of(found.series, "up")
    assert len(series.values) == len(recorder.texts) + 2
    assert series.reason is None
    assert series_of(found.series, "sampler").values[-1] >= 0
    assert samplers_left() == []


def test_a_defect_of_one_reading_is_a_reason() -> None:
    class Broken(Counting):
        def take(self, at: float, text: str) -> None:
            raise ZeroDivisionError("oops")

    recorder = Broken("up", UPTIME)
    with recording(Subject(Host()), [recorder]) as found:  # type: ignore[arg-type]
        assert recorder.enough.wait(PATIENCE_S)
    assert (
        series_of(found.series, "up").reason == "during the block: the sampler has a defect (ZeroDivisionError: oops)"
    )
    assert samplers_left() == []


def test_without_an_interval_there_is_no_sampler() -> None:
    phone = LocalPhone()
    with recording(Subject(phone), [load.recorder()]) as found:
        pass
    assert phone.scripts == []
    assert [one.recorder for one in found.series] == ["load"]
