"""Readings at an interval while a block is measured: their times, their end, and what becomes of failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.core.records import RecordRequest, TargetInfo
from mobilebench.recorders import load, registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.sampler import Sampler
from mobilebench.targets.base import ShellResult
from tests.pinning import Pinned

HOST = TargetInfo(
    id="h", kind="host", machine="h", name="h", soc="s", os="Linux", abi="x86_64", runner="linux-x86_64", cores=2
)
INTERVAL_S = 0.02
PATIENCE_S = 30.0


class Target:
    """Its load grows by one with every reading; `behave` may raise at a reading, or wait."""

    info = HOST

    def __init__(self, behave: Callable[[int, threading.Event | None], None] = lambda number, cancel: None) -> None:
        self.behave = behave
        self.read = 0
        self.enough = threading.Event()
        """Set after the fourth reading."""

    def observe(self, argv, *, timeout, cancel=None):
        self.read += 1
        number = self.read
        self.behave(number, cancel)
        if number >= 4:
            self.enough.set()
        return ShellResult(f"{number}.0 0.0 0.0 1/1 1\n".encode(), b"", 0)


def threads_left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "load of h"]


def test_samples_are_taken_before_during_and_after_the_block():
    target = Target()
    begun = time.monotonic()
    with recording(Subject(target), [load.recorder(INTERVAL_S)]) as found:
        assert target.enough.wait(PATIENCE_S)
        measured_ms = (time.monotonic() - begun) * 1000
    (series,) = found.series
    assert series.interval_ms == INTERVAL_S * 1000
    assert series.values == [float(number) for number in range(1, target.read + 1)]
    assert all(earlier < later for earlier, later in pairwise(series.times_ms))
    assert series.times_ms[0] < series.times_ms[1]
    assert series.times_ms[1] >= INTERVAL_S * 1000, "the first one during the block comes an interval after the start"
    assert series.times_ms[-1] >= measured_ms, "the last one comes after the block"
    assert series.reason is None
    assert threads_left() == []


def test_a_block_that_fails_ends_the_samples_without_another_one_and_keeps_them(pinned: Pinned):
    target = Target()
    with pinned.raises(BlockFailed), recording(Subject(target), [load.recorder(INTERVAL_S)]) as found:
        target.enough.wait(PATIENCE_S)
        read = target.read
        raise BlockFailed("it broke")
    assert threads_left() == []
    assert read <= target.read <= read + 1, "at most the reading that was under way"
    assert len(found.series[0].values) >= 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TargetLost("h went away")])
def test_an_interrupted_block_leaves_no_thread(error):
    target = Target()
    with pytest.raises(type(error)), recording(Subject(target), [load.recorder(INTERVAL_S)]):
        target.enough.wait(PATIENCE_S)
        raise error
    assert threads_left() == []


def test_the_end_of_the_block_cancels_a_reading_that_is_under_way():
    waits = threading.Event()

    def behave(number, cancel):
        if cancel is not None:
            waits.set()
            assert cancel.wait(PATIENCE_S)
            raise BlockFailed("`cat` was cancelled.")

    with recording(Subject(Target(behave)), [load.recorder(INTERVAL_S)]) as found:
        assert waits.wait(PATIENCE_S)
    assert found.series[0].values == [1.0, 3.0], "before and after the block"
    assert found.series[0].reason is None
    assert threads_left() == []


def test_readings_that_fail_during_the_block_are_counted_with_their_reason():
    def behave(number, cancel):
        if number in (2, 3):
            raise BlockFailed("h: it is slow.")

    target = Target(behave)
    with recording(Subject(target), [load.recorder(INTERVAL_S)]) as found:
        target.enough.wait(PATIENCE_S)
    (series,) = found.series
    assert series.values[:2] == [1.0, 4.0]
    assert series.reason == f"2 of {target.read - 2} readings during the block: h: it is slow"


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("oops"), TargetLost("h is off.")], ids=["another error", "a lost target"]
)
def test_a_recorder_that_fails_while_it_samples_ends_alone_with_a_reason(error, pinned: Pinned):
    broken = threading.Event()

    def behave(number, cancel):
        if cancel is not None:
            broken.set()
            raise error

    target = Target(behave)
    with recording(Subject(target), [load.recorder(INTERVAL_S)]) as found:
        assert broken.wait(PATIENCE_S)
    assert found.series[0].values == [1.0, 3.0]
    pinned(found.series[0].reason)
    assert target.read == 3


def test_samples_that_take_longer_than_the_interval_do_not_pile_up():
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


@pytest.mark.parametrize(
    ("text", "interval_ms"), [("load@250ms", 250), ("thermal@1s", 1000), ("battery@0.5min", 30_000)]
)
def test_a_request_names_a_recorder_and_an_interval(text, interval_ms):
    assert registry.request(text) == RecordRequest(recorder=text.partition("@")[0], interval_ms=interval_ms)


@pytest.mark.parametrize("text", ["load", "load@", "load@1x", "load@1ms", "load@2h", "load@61min", "dew@1s", ""])
def test_a_request_that_cannot_be_met_is_refused(text):
    with pytest.raises(BadInput):
        registry.request(text)
