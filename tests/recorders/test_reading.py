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


def loaded(average):
    return f"/proc/loadavg {average} 0.10 0.10 1/1 2\n".encode()


def test_a_series_holds_both_readings_with_their_times():
    (series,), asked = watch("load", loaded("0.50"), loaded("1.50"))
    assert [words[:2] for words in asked] == [("sh", "-c")] * 2
    assert (series.recorder, series.name, series.unit) == ("load", "load_1min", "processes")
    assert series.values == [0.5, 1.5]
    assert 0 <= series.times_ms[0] < series.times_ms[1]


def test_a_reading_that_fails_leaves_the_other_one_at_its_own_time(pinned: Pinned):
    (series,), _ = watch("load", BlockFailed("Phone p: it is slow."), loaded("1.50"))
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
        ("voltage", [], []),
        ("charge_counter", [], []),
    ]
    pinned(series[0].reason)


def test_output_beside_a_bad_exit_code_is_no_reading():
    failed = ShellResult(b"Thermal Status: 0\n", b"", 1)
    series, _ = watch("thermal", failed, failed)
    assert (series[0].values, series[0].reason) == ([], "`dumpsys thermalservice` failed (exit code 1)")


def test_denied_load_has_a_reason(pinned: Pinned):
    (series,), _ = watch("load", b"/proc/loadavg !denied\n", b"/proc/loadavg !denied\n")
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


CPU = "/proc/stat cpu  {} 0 0 {} 0 0 0 0 0 0\n{}"
SEEN = "/proc/9/stat 9 (mobilebench-run) R 1 1 1 0 -1 0 0 0 0 0 {} 0 0 0 20 0 1 0 100 1 1\n"


def test_what_grows_is_computed_from_one_reading_to_the_next():
    target = Answering(CPU.format(100, 100, "").encode(), CPU.format(400, 200, "").encode())
    recorder = READERS["cpu"](1.0)
    recorder.start(Subject(target, program="mobilebench-runner"))
    began = recorder._readings[0].at
    recorder.take(began + 1.0, CPU.format(150, 150, SEEN.format(10)))
    recorder.take(began + 2.0, CPU.format(250, 150, SEEN.format(60)))
    recorder.stop(Subject(target))
    whole, measured, others = recorder.result().series
    assert whole.values == pytest.approx([50.0, 100.0, 75.0])
    assert others.values == pytest.approx([50.0])
    assert (measured.values, measured.reason) == (pytest.approx([50.0]), None)
    assert measured.times_ms == pytest.approx([whole.times_ms[1]])


def test_a_process_that_was_never_seen_has_one_reason():
    series, _ = watch("cpu", CPU.format(100, 100, "").encode(), CPU.format(200, 200, "").encode())
    assert [(one.name, one.values) for one in series] == [
        ("whole", [50.0]),
        ("measured", []),
        ("others", []),
    ]
    never = "the measured process was not seen by two readings in a row: it ended early, or is hidden"
    assert [one.reason for one in series[1:]] == [never, never]


def test_what_cannot_be_computed_has_the_reason_of_the_reading_that_failed():
    series, _ = watch("cpu", BlockFailed("p: it is slow."), CPU.format(200, 200, "").encode())
    assert (series[0].values, series[0].reason) == ([], "p: it is slow")


def test_the_mean_clock_is_stored_once_for_a_block():
    state = "/sys/devices/system/cpu/cpufreq/policy0/{} {}\n"
    before = state.format("scaling_cur_freq", "300000") + state.format("stats/time_in_state", "300000 100")
    after = state.format("scaling_cur_freq", "600000") + state.format("stats/time_in_state", "300000 300")
    series, asked = watch("clocks", before.encode(), after.encode())
    assert [(one.name, one.unit, one.values) for one in series] == [
        ("policy0", "MHz", [300.0, 600.0]),
        ("policy0 mean", "MHz", [300.0]),
        ("policy0 at 300 MHz", "s", [2.0]),
    ]
    assert len(asked) == 2
