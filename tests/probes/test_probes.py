"""Probes read once before and once after a block, and a phone that does not answer costs the series, not the block."""

from __future__ import annotations

import pytest

from mobilebench.errors import BlockFailed, TargetLost
from mobilebench.probes import probes
from mobilebench.results.records import TargetInfo
from mobilebench.targets.base import ShellResult

PHONE = TargetInfo(
    id="p", kind="android", machine="p", name="p", soc="s", os="Android 14", abi="arm64-v8a", runner="r", cores=8
)
HOST = PHONE.model_copy(update={"id": "host", "kind": "host"})


class Answering:
    """A target whose shell answers in turn; a test that leaves an answer unused fails."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def shell(self, argv, *, timeout, environment=None, cancel=None):
        self.asked.append(tuple(argv))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ShellResult) else ShellResult(answer, b"", 0)


def watch(name, *answers):
    target = Answering(*answers)
    probe = probes()[name]
    probe.start(target)
    probe.stop(target)
    assert target.answers == []
    return probe.result(), target.asked


def test_a_series_holds_both_readings_with_their_times():
    (series,), asked = watch("load", b"0.50 1 1 1/1 1\n".replace(b" 1 1 ", b" 0.10 0.10 "), b"1.50 0.10 0.10 1/1 2\n")
    assert asked == [("cat", "/proc/loadavg")] * 2
    assert (series.probe, series.name, series.unit) == ("load", "load_1min", "processes")
    assert series.values == [0.5, 1.5]
    assert series.times_ms[0] == 0
    assert series.times_ms[1] > 0


def test_a_reading_that_fails_leaves_the_other_one_at_its_own_time():
    (series,), _ = watch("load", BlockFailed("slow"), b"1.50 0.10 0.10 1/1 2\n")
    assert series.values == [1.5]
    assert series.times_ms[0] > 0


def test_a_command_that_is_refused_tells_nothing():
    series, _ = watch("battery", ShellResult(b"level: 3", b"denied", 1), ShellResult(b"", b"", 20))
    assert series == []


def test_a_lost_phone_is_not_hidden():
    with pytest.raises(TargetLost):
        probes()["thermal"].start(Answering(TargetLost("gone")))


def test_the_registry_is_fresh_each_time_and_says_what_it_watches():
    first, second = probes(), probes()
    assert list(first) == ["battery", "thermal", "load"]
    assert all(first[name] is not second[name] for name in first)
    assert all(name == probe.name and probe.description.endswith(".") for name, probe in first.items())


def test_only_phones_have_androids_services():
    refused = {name: probe.validate(HOST) for name, probe in probes().items()}
    assert refused == {"battery": refused["battery"], "thermal": refused["thermal"], "load": None}
    assert "Android" in refused["battery"]
    assert all(probe.validate(PHONE) is None for probe in probes().values())
