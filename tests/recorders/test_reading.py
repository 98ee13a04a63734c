"""Recorders read before and after a block or at an interval; a phone that is silent costs values, not the block."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.core.records import TargetInfo
from mobilebench.recorders.base import Subject
from mobilebench.recorders.registry import READERS
from mobilebench.targets.base import ShellResult
from tests.pinning import Pinned

PHONE = TargetInfo(
    id="p", kind="android", machine="p", name="p", soc="s", os="Android 14", abi="arm64-v8a", runner="r", cores=8
)
HOST = PHONE.model_copy(update={"id": "host", "kind": "host"})


class Answering:
    """A target whose shell answers in turn; a test that leaves an answer unused fails."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    info = PHONE

    def observe(self, argv, *, timeout, cancel=None):
        self.asked.append(tuple(argv))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ShellResult) else ShellResult(answer, b"", 0)


def watch(name, *answers):
    target = Answering(*answers)
    recorder = READERS[name](None)
    subject = Subject(target)
    recorder.start(subject)
    recorder.stop(subject)
    assert target.answers == []
    return recorder.result().series, target.asked


def test_a_series_holds_both_readings_with_their_times():
    (series,), asked = watch("load", b"0.50 1 1 1/1 1\n".replace(b" 1 1 ", b" 0.10 0.10 "), b"1.50 0.10 0.10 1/1 2\n")
    assert asked == [("cat", "/proc/loadavg")] * 2
    assert (series.recorder, series.name, series.unit) == ("load", "load_1min", "processes")
    assert series.values == [0.5, 1.5]
    assert 0 <= series.times_ms[0] < series.times_ms[1]


def test_a_reading_that_fails_leaves_the_other_one_at_its_own_time(pinned: Pinned):
    (series,), _ = watch("load", BlockFailed("Phone p: it is slow."), b"1.50 0.10 0.10 1/1 2\n")
    assert series.values == [1.5]
    assert series.times_ms[0] > 0
    pinned(series.reason)


def test_a_refused_command_has_a_reason_in_place_of_a_value(pinned: Pinned):
    denied = ShellResult(b"", b"Permission Denial: can't dump BatteryService\n", 1)
    series, _ = watch("battery", denied, ShellResult(b"", b"", 20))
    assert [(one.name, one.values, one.times_ms) for one in series] == [
        ("level", [], []),
        ("temperature", [], []),
        ("status", [], []),
    ]
    pinned(series[0].reason)


def test_output_beside_a_bad_exit_code_is_no_reading():
    failed = ShellResult(b"1.50 0.10 0.10 1/1 2\n", b"", 1)
    (series,), _ = watch("load", failed, failed)
    assert (series.values, series.reason) == ([], "`cat /proc/loadavg` failed (exit code 1)")


def test_denied_load_has_a_reason(pinned: Pinned):
    denied = ShellResult(b"", b"cat: /proc/loadavg: Permission denied\n", 1)
    (series,), _ = watch("load", denied, denied)
    pinned(series.reason)


def test_a_target_that_hung_twice_in_a_row_is_not_asked_again(pinned: Pinned):
    hang = BlockFailed("p: `dumpsys` did not end within 5 s.", fault="hang")
    status = b"Thermal Status: 0\n"
    target = Answering(hang, status, hang, hang)
    recorder = READERS["thermal"](None)
    for block in range(3):
        recorder.start(Subject(target))
        recorder.stop(Subject(target))
        states = next(one for one in recorder.result().series if one.name == "status")
        if block == 0:
            assert states.values == [0]
            pinned(states.reason)
    assert len(target.asked) == 4
    assert states.values == []
    pinned(states.reason)


def test_what_the_phone_gave_up_counts_as_a_hang():
    gave_up = b"*** SERVICE 'thermalservice' DUMP TIMEOUT (10000ms) EXPIRED ***\n"
    target = Answering(gave_up, gave_up)
    recorder = READERS["thermal"](None)
    for _ in range(2):
        recorder.start(Subject(target))
        recorder.stop(Subject(target))
    assert len(target.asked) == 2


def test_a_lost_phone_is_not_hidden():
    with pytest.raises(TargetLost):
        READERS["thermal"](None).start(Subject(Answering(TargetLost("gone"))))
