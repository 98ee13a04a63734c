"""The sampler on a virtual phone, through both adb programs: one stream, and nothing left on the phone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.recorders import stream
from mobilebench.recorders.base import Subject
from mobilebench.recorders.lifecycle import recording
from mobilebench.recorders.registry import READERS
from mobilebench.recorders.sources import Processes
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.virtual import phones

pytestmark = [pytest.mark.adb, pytest.mark.timeout(180)]

BUSY = ["awk", "BEGIN { for (i = 0; i < 60000000; i++) x += i }"]
"""Computes for some seconds: several readings of the sampler, each of which takes a while on a virtual phone."""
PATIENCE_S = 60.0


def every_recorder(interval_s: float) -> list[Any]:
    return [make(interval_s) for name, make in READERS.items() if name not in ("rapl", "energy")]


def is_stream(name: str) -> bool:
    return "while [ $((end-now)) -gt 0 ]" in name


def left_on(serial: str) -> list[str]:
    """Processes of samplers on the phone, once those that are ending have ended."""
    shell = DeviceShell(serial)
    deadline = time.monotonic() + PATIENCE_S
    while found := shell.run(["pgrep", "-f", "T=mobilebench-"], timeout=20).stdout.decode().split():
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return []


def test_all_recorders_of_a_block_read_by_one_stream(open_phone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    real = adb_protocol.service

    def listening(serial: str, name: str, limit: Any) -> Any:
        sent.append(name)
        return real(serial, name, limit)

    with open_phone() as phone:
        phones.change_state("plain", {"thermal.cpu": 52.5})  # else it rises from one reading to the next
        monkeypatch.setattr(adb_protocol, "service", listening)
        with recording(Subject(phone, program="awk"), every_recorder(0.25)) as found:
            before = len(sent)
            for _ in range(3):
                phone.shell(BUSY, timeout=PATIENCE_S)
            during = [name for name in sent[before:] if not is_stream(name)]
        assert left_on(phone.info.id) == []
        phones.change_state("plain", {"thermal.cpu": None})
    assert [is_stream(name) for name in sent].count(True) == 1
    assert len(during) == 3, "no command beside those that are measured, whatever is recorded"
    series = {(one.recorder, one.name): one for one in found.series}
    for key in [("thermal", "cpu"), ("battery", "level"), ("clocks", "policy0"), ("zones", "cpu"), ("cpu", "whole")]:
        assert len(series[key].values) >= 3, (key, series[key].reason)
    assert max(series["cpu", "measured"].values) > 2
    assert series["ram", "measured"].values
    assert min(series["ram", "available"].values) > 100
    assert series["current", "voltage"].values[0] == pytest.approx(4.12, abs=0.01)
    assert {*series["thermal", "cpu"].values, *series["zones", "cpu"].values} == {52.5}
    assert min(series["gpu", "clock"].values) >= 300
    assert series["gpu", "load"].values
    assert 0 <= series["sampler", "cpu_time"].values[-1] < PATIENCE_S
    for one in found.series:
        assert one.times_ms == sorted(one.times_ms), one.name


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a defect")], ids=["Ctrl-C", "defect"])
def test_nothing_is_left_when_a_block_is_broken_off(open_phone: Any, error: BaseException) -> None:
    with open_phone() as phone:
        with pytest.raises(type(error)), recording(Subject(phone), every_recorder(0.1)):
            phone.shell(["true"], timeout=PATIENCE_S)
            raise error
        assert left_on(phone.info.id) == []


def test_a_cut_cable_ends_the_sampler_on_the_phone_and_keeps_what_was_read(rack: Callable[..., str]) -> None:
    serial = rack("cable")
    (info,) = targets.select(serial)
    recorders = every_recorder(0.05)
    load = next(one for one in recorders if one.declaration.name == "load")
    deadline = time.monotonic() + PATIENCE_S
    with (
        pytest.raises(Exception),  # noqa: B017 - what a lost phone raises depends on when adb notices it
        targets.open_target(info) as phone,
        recording(Subject(phone), recorders) as found,
    ):
        while len(load._readings) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        subprocess.run(["adb", "disconnect", serial], capture_output=True, check=True)
        while load._failure is None and time.monotonic() < deadline:
            time.sleep(0.02)
        phone.shell(["true"], timeout=60)
    series = {(one.recorder, one.name): one for one in found.series}
    assert len(series["load", "load_1min"].values) >= 4
    assert "during the block: " in (series["load", "load_1min"].reason or "")
    subprocess.run(["adb", "connect", serial], capture_output=True, check=True)
    deadline = time.monotonic() + PATIENCE_S
    while adb_protocol.state(serial) != "device" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_on(serial) == []


def test_the_program_is_short_enough_for_every_adb() -> None:
    program = stream.phone_program(
        every_recorder(1.0), f"mobilebench-{'0' * 16}", Processes(program="mobilebench-runner")
    )
    assert len(program) < 8000
