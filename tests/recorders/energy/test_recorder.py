"""The recorder keeps idle times around the block, reads meanwhile, and leaves no thread behind."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from mobilebench.core.records import BlockRule, Conditions, EnergyWindow, PlannedBlock
from mobilebench.recorders.base import Subject
from mobilebench.recorders.energy import meter_files
from mobilebench.recorders.energy import recorder as energy
from mobilebench.recorders.energy.quantities import MARK, METER, RAPL_COUNTER, series_of
from mobilebench.recorders.energy.recorder import EnergyRecorder
from mobilebench.recorders.lifecycle import recording

from ...results.making import case, host, phone
from .test_fuel_gauge import Phone, service
from .test_rapl import zone


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))


class Here:
    """This computer, which is not asked anything."""

    info = host()


def planned(**window: object) -> PlannedBlock:
    conditions = Conditions(energy=EnergyWindow(**{"seconds": 0.1, "idle_seconds": 0.05, **window}))
    return PlannedBlock(index=0, round=0, case=case(), rule=BlockRule(), conditions=conditions, pass_="energy")


def own_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "meter" or one.name.startswith("energy of ")]


def recorded(target, recorder: EnergyRecorder, block: PlannedBlock, body=lambda: None):
    with recording(Subject(target, block=block), [recorder]) as found:
        body()
    assert not own_threads()
    return found.series


def test_a_window_on_this_computer(tmp_path):
    counter = zone(tmp_path, "intel-rapl:0", "package-0", "500") / "energy_uj"
    series = recorded(Here(), EnergyRecorder(tmp_path), planned(), lambda: counter.write_text("900\n"))
    marks = series_of(series, MARK)
    assert marks.values == [0.0, 1.0, 2.0, 3.0]
    assert marks.times_ms == sorted(marks.times_ms)
    assert all(
        after - before >= 45 for before, after in itertools.pairwise(marks.times_ms) if before != marks.times_ms[1]
    )
    values = series_of(series, ("package-0", RAPL_COUNTER))
    assert (values.values[0], values.values[-1]) == (500.0, 900.0)
    assert values.times_ms[0] <= marks.times_ms[0]
    assert values.times_ms[-1] >= marks.times_ms[-1]


def test_this_computer_without_counters_has_the_reason(tmp_path):
    recorder = EnergyRecorder(tmp_path)
    assert "shows no energy counters" in recorder.why_not_now(Here(), EnergyWindow())
    (counter,) = (one for one in recorded(Here(), recorder, planned()) if one.unit == RAPL_COUNTER)
    assert counter.values == []
    assert "shows no energy counters" in counter.reason


def test_a_window_on_a_phone():
    series = recorded(Phone(), EnergyRecorder(), planned())
    assert series_of(series, ("plugged", "state")).values == [0.0, 0.0]
    assert set(series_of(series, ("current", "as the gauge reports")).values) == {-421875.0}


def test_a_phone_on_a_cable_is_refused_before_its_block():
    reason = EnergyRecorder().why_not_now(Phone(said=service(usb="true", status=2)), EnergyWindow())
    assert "powered by USB" in reason
    assert EnergyRecorder().why_not_now(Phone(), EnergyWindow()) is None


def of_file(file: Path) -> dict[str, str | None]:
    meter, sha256 = meter_files.named(f"csv:{file}")
    return {"meter": meter, "meter_sha256": sha256}


def test_a_meter_that_is_not_there_refuses_the_block(tmp_path):
    recorder, asked = EnergyRecorder(tmp_path), of_file(tmp_path / "none.csv")
    assert "There is no file" in recorder.why_not_now(Here(), EnergyWindow(**asked))
    series = recorded(Here(), recorder, planned(**asked))
    assert "There is no file" in series_of(series, METER).reason
    unknown = planned(meter="csv:none.csv", meter_sha256="0" * 64)
    assert "not known on this computer" in series_of(recorded(Here(), recorder, unknown), METER).reason


def test_a_meter_makes_a_phone_on_a_cable_measurable(tmp_path):
    file = tmp_path / "meter.csv"
    file.write_text("monotonic,power_mw\n1,500\n1e9,500\n")
    window = EnergyWindow(**of_file(file), idle_seconds=0.05)
    plugged = Phone(said=service(usb="true", status=2))
    assert EnergyRecorder().why_not_now(plugged, window) is None
    series = recorded(plugged, EnergyRecorder(), planned(**of_file(file)))
    assert series_of(series, METER).values == [500.0]


def test_a_block_that_fails_or_is_cancelled_does_not_wait():
    block, cancel = planned(idle_seconds=600), threading.Event()
    cancel.set()
    recorder = EnergyRecorder(Path("/nowhere"))
    with (
        pytest.raises(RuntimeError),
        recording(Subject(Here(), block=block, cancel=cancel), [recorder]) as found,
    ):
        raise RuntimeError
    assert not own_threads()
    assert series_of(found.series, MARK).values == [0.0, 1.0, 2.0]


def test_which_targets_it_records():
    recorder = energy.recorder(None)
    emulator = phone(facts={"emulator": "yes"})
    assert recorder.validate(host(), planned(), None) is None
    assert recorder.validate(phone(), planned(), None) is None
    assert "made up" in recorder.validate(emulator, planned(), None)
    assert recorder.validate(emulator, planned(meter="tcp:h:1"), None) is None
    assert recorder.validate(host(kind="manual"), planned(), None) is not None
