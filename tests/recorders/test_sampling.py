"""Readings at an interval on this computer: their times, their end, and what is said of those that fail."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import RecordRequest, TargetInfo
from mobilebench.recorders import load, registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.sampler import Sampler
from mobilebench.recorders.stream import HostSampling

HOST = TargetInfo(
    id="h", kind="host", machine="h", name="h", soc="s", os="Linux", abi="x86_64", runner="linux-x86_64", cores=2
)
INTERVAL_S = 0.02
PATIENCE_S = 60.0


class Target:
    info = HOST


class Reads:
    """Reads a load that grows by one with every reading; readings with a number in `failing` are refused."""

    def __init__(self, failing: tuple[int, ...] = (), slow_s: float = 0.0) -> None:
        self.begun: list[float] = []
        self.failing = failing
        self.slow_s = slow_s
        self.enough = threading.Event()
        """Set after the fourth reading."""

    def __call__(self, source, program, root, *, around):
        self.begun.append(time.monotonic())
        time.sleep(self.slow_s)
        number = len(self.begun)
        if number >= 4:
            self.enough.set()
        if number in self.failing:
            return "/proc/loadavg !denied\n"
        return f"/proc/loadavg {number}.0 0.0 0.0 1/1 1\n"


@pytest.fixture
def reads(monkeypatch):
    def during(**options):
        made = Reads(**options)
        monkeypatch.setattr(
            "mobilebench.recorders.lifecycle.sampling",
            lambda subject, feeds: HostSampling(subject, feeds, Path("/"), made),
        )
        return made

    return during


def threads_left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "sampler of h"]


def test_samples_are_taken_before_during_and_after_the_block(reads):
    made = reads()
    begun = time.monotonic()
    with recording(Subject(Target()), [load.recorder(INTERVAL_S)]) as found:
        assert made.enough.wait(PATIENCE_S)
        measured_ms = (time.monotonic() - begun) * 1000
    series = found.series[0]
    assert series.interval_ms == INTERVAL_S * 1000
    assert series.values[1:-1] == [float(number) for number in range(1, len(made.begun) + 1)]
    assert all(earlier <= later for earlier, later in pairwise(series.times_ms))
    assert series.times_ms[1] >= INTERVAL_S * 1000, "the first one during the block comes an interval after the start"
    assert series.times_ms[-1] >= measured_ms, "the last one comes after the block"
    assert threads_left() == []


def test_readings_that_fail_during_the_block_are_counted_with_their_reason(reads):
    made = reads(failing=(2, 3))
    with recording(Subject(Target()), [load.recorder(INTERVAL_S)]) as found:
        assert made.enough.wait(PATIENCE_S)
    series = found.series[0]
    assert series.values[1:3] == [1.0, 4.0]
    assert series.reason is not None
    assert series.reason.startswith(
        f"2 of {len(made.begun)} readings during the block: the phone does not let a shell read /proc/loadavg"
    )


def test_a_function_that_takes_longer_than_its_interval_is_not_called_more_often():
    begun: list[float] = []
    enough = threading.Event()

    def slow(ended):
        begun.append(time.monotonic())
        time.sleep(0.05)
        if len(begun) == 4:
            enough.set()

    sampler = Sampler(slow, 0.02, "slow")
    sampler.start()
    assert enough.wait(PATIENCE_S)
    sampler.stop()
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(begun))
    assert sampler.failure is None


def test_samples_that_take_longer_than_the_interval_do_not_pile_up(reads):
    made = reads(slow_s=0.05)
    with recording(Subject(Target()), [load.recorder(INTERVAL_S)]):
        assert made.enough.wait(PATIENCE_S)
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(made.begun))


@pytest.mark.parametrize(
    ("text", "interval_ms"), [("load@250ms", 250), ("thermal@1s", 1000), ("battery@0.5min", 30_000)]
)
def test_a_request_names_a_recorder_and_an_interval(text, interval_ms):
    assert registry.request(text) == RecordRequest(recorder=text.partition("@")[0], interval_ms=interval_ms)


@pytest.mark.parametrize("text", ["load", "load@", "load@1x", "load@1ms", "load@2h", "load@61min", "dew@1s", ""])
def test_a_request_that_cannot_be_met_is_refused(text):
    with pytest.raises(BadInput):
        registry.request(text)
