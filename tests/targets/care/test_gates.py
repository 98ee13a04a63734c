"""Gates: what they wait for, until when, and what they do with readings that are missing or garbage."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed, TargetLost
from mobilebench.core.records import Gate, GateLimits, GateReading
from mobilebench.recorders.reading import EMULATOR
from mobilebench.targets.care import gates
from mobilebench.targets.care.gates import Gatekeeper, cooling
from mobilebench.targets.care.readings import Reader
from tests.results.making import host, phone
from tests.targets.care.phones import Scripted, battery, thermal

COOL = GateLimits(temperature=38.0, wait=60.0)
EVERY_S = 0.01


class Passing(threading.Event):
    """The clock of a gate and its cancel event: a wait adds its seconds to the clock, and takes none."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def wait(self, timeout: float | None = None) -> bool:
        self._now += timeout or 0.0
        return self.is_set()


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Passing:
    """For limits of time that are met: how busy this computer is does not change what is read before they are."""
    made = Passing()
    monkeypatch.setattr(gates, "time", made)
    return made


def waited(
    target: Scripted, limits: GateLimits = COOL, cancel: threading.Event | None = None
) -> tuple[Gate, list[str]]:
    """The gate's end, and what was told while it waited."""
    said: list[str] = []

    def tell(closed: Sequence[GateReading], left_s: float) -> None:
        assert 0 < left_s <= limits.wait
        said.append("; ".join(one.describe() for one in closed))

    return Gatekeeper(every_s=EVERY_S).wait(target, limits, cancel or threading.Event(), tell), said


def thermals(*texts: Any) -> Scripted:
    return Scripted({"thermalservice": list(texts)})


def test_a_cool_phone_does_not_wait() -> None:
    gate, said = waited(thermals(thermal(skin=31.0, cpu=60.0)))
    assert (gate.outcome, gate.waited_ms, said) == ("open", 0.0, [])
    assert [(one.source, one.value, one.limit) for one in gate.readings] == [("skin", 31.0, 38.0)]


def test_a_hot_phone_is_waited_for_and_told_why() -> None:
    hot = [thermal(skin=41.2), thermal(skin=39.0), thermal(skin=37.9)]
    gate, said = waited(thermals(*hot))
    assert (gate.outcome, gate.readings[0].value) == ("open", 37.9)
    assert gate.waited_ms > 0
    assert said == ["skin 41.2 °C, limit 38 °C", "skin 39 °C, limit 38 °C"]


def test_the_temperature_is_the_skins_else_the_batterys() -> None:
    for texts, source, value in (
        ({"thermalservice": [thermal(skin=31.0, battery=36.0)]}, "skin", 31.0),
        ({"thermalservice": [thermal(cpu=55.0, battery=36.0)]}, "battery", 36.0),
        ({"thermalservice": [thermal(cpu=55.0)], "battery": [battery(33.3)]}, "battery", 33.3),
        ({"thermalservice": ["Can't find service: thermalservice"], "battery": [battery(33.3)]}, "battery", 33.3),
    ):
        gate, _ = waited(Scripted(texts))
        assert (gate.readings[0].source, gate.readings[0].value) == (source, value)


def test_the_thermal_service_is_asked_once_for_several_limits() -> None:
    phone_ = Scripted({"thermalservice": [thermal(skin=31.0, cpu=40.0)]})
    waited(phone_, GateLimits(temperature=38.0, cpu=60.0, status=0))
    assert phone_.asked == ["dumpsys thermalservice"]


@pytest.mark.parametrize(
    ("otherwise", "outcome"),
    [("mark", "marked"), ("skip", "skipped")],
)
def test_after_the_limit_of_time_it_says_what_did_not_hold(passing: Passing, otherwise: Any, outcome: str) -> None:
    limits = GateLimits(temperature=38.0, status=0, wait=0.05, otherwise=otherwise)
    gate, said = waited(thermals(thermal(status=2, skin=41.2)), limits, passing)
    assert gate.outcome == outcome
    assert gate.waited_ms == pytest.approx(50)
    assert [one.key for one in gate.closed_by] == ["temperature", "status"]
    assert said


def test_a_status_that_never_changes_is_waited_for_once(passing: Passing) -> None:
    keeper, limits = Gatekeeper(every_s=EVERY_S), GateLimits(status=0, wait=0.05)
    target = thermals(thermal(status=1))
    first = keeper.wait(target, limits, passing, lambda *_: None)
    again = keeper.wait(target, limits, passing, lambda *_: None)
    assert (first.outcome, again.outcome) == ("marked", "marked")
    assert (first.waited_ms > 0, again.waited_ms) == (True, 0.0)
    assert again.closed_by[0].reason == "it did not change in an earlier wait"
    other = keeper.wait(thermals(thermal(status=2), thermal(status=0)), limits, passing, lambda *_: None)
    assert other.outcome == "open"


def test_a_temperature_is_waited_for_each_time(passing: Passing) -> None:
    keeper, limits = Gatekeeper(every_s=EVERY_S), GateLimits(temperature=38.0, wait=0.05)
    for _ in range(2):
        gate = keeper.wait(thermals(thermal(skin=41.0)), limits, passing, lambda *_: None)
        assert gate.waited_ms == pytest.approx(50)


def test_no_time_to_wait_is_no_waiting() -> None:
    gate, said = waited(thermals(thermal(skin=41.2)), GateLimits(temperature=38.0, wait=0))
    assert (gate.outcome, gate.waited_ms, said) == ("marked", 0.0, [])


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"thermalservice": ["Can't find service: thermalservice"], "battery": [""]},
        {"thermalservice": [thermal(skin=0.0)], "battery": ["Current Battery Service state:\n  present: false\n"]},
        {"thermalservice": ["\x00\xff" * 5000], "battery": ["temperature: 9999999999999999999\n" * 100]},
        {"thermalservice": [thermal(skin=float("nan"))], "battery": [battery(27.4).replace("274", "-9999")]},
        {"thermalservice": [thermal(skin=99999.0)], "battery": [battery(27.4).replace("274", "warm")]},
    ],
)
def test_a_phone_without_a_usable_sensor_does_not_wait_and_says_so(texts: dict[str, list[Any]]) -> None:
    gate, said = waited(Scripted(texts))
    (reading,) = gate.readings
    assert (gate.outcome, reading.value, said) == ("open", None, [])
    assert reading.reason
    assert "unknown" in reading.describe()


def test_an_emulators_temperatures_are_no_readings() -> None:
    emulator = phone(facts={EMULATOR: "yes"})
    gate, _ = waited(Scripted({"thermalservice": [thermal(skin=80.0)]}, emulator))
    assert gate.outcome == "open"
    assert "made up" in (gate.readings[0].reason or "")


def test_a_sensor_that_falls_silent_does_not_open_the_gate(passing: Passing) -> None:
    limits = GateLimits(temperature=38.0, wait=0.05)
    gate, _ = waited(thermals(thermal(skin=45.0), "Can't find service: thermalservice"), limits, passing)
    (reading,) = gate.closed_by
    assert (gate.outcome, reading.value) == ("marked", 45.0)
    assert "cannot be read any more" in (reading.reason or "")


def test_a_service_that_hangs_is_given_up_after_two_times() -> None:
    hang = BlockFailed("it did not end within 5 s.", fault="hang")
    target = Scripted({"thermalservice": [hang], "battery": [hang]})
    keeper = Gatekeeper(every_s=EVERY_S)
    for _ in range(4):
        assert keeper.wait(target, COOL, threading.Event(), lambda *_: None).outcome == "open"
    assert target.asked.count("dumpsys thermalservice") == 2


def test_a_phone_that_is_lost_while_waiting_is_lost() -> None:
    with pytest.raises(TargetLost):
        waited(thermals(thermal(skin=45.0), TargetLost("R58M went away.")))


def test_cancelling_ends_waiting_at_once() -> None:
    cancel = threading.Event()
    begun = time.monotonic()
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(BlockFailed, match="cancelled"):
        Gatekeeper(every_s=120).wait(thermals(thermal(skin=45.0)), COOL, cancel, lambda *_: None)
    assert time.monotonic() - begun < 30


def test_a_low_battery_is_waited_for_only_while_it_charges() -> None:
    limits = GateLimits(battery=20.0, wait=60.0)
    charging = Scripted({"battery": [battery(level=19, status=2), battery(level=20, status=2)]})
    gate, said = waited(charging, limits)
    assert (gate.outcome, said) == ("open", ["battery charge 19 %, limit 20 %"])
    gate, said = waited(Scripted({"battery": [battery(level=19, status=3)]}), limits)
    assert (gate.outcome, gate.waited_ms, said) == ("marked", 0.0, [])
    assert "not charging" in (gate.closed_by[0].reason or "")


def test_the_battery_saver_is_marked_and_not_waited_for() -> None:
    limits = GateLimits(battery_saver=0, wait=60.0)
    for answer, outcome in (("0\n", "open"), ("null\n", "open"), ("1\n", "marked"), ("garbage\n", "open")):
        gate, said = waited(Scripted({"low_power": [answer]}), limits)
        assert (gate.outcome, said) == (outcome, [])
    gate, said = waited(
        Scripted({"low_power": ["1\n"], "thermalservice": [thermal(skin=41.0), thermal(skin=30.0)]}),
        GateLimits(battery_saver=0, temperature=38.0, wait=60.0),
    )
    assert (gate.outcome, len(said)) == ("marked", 1)
    assert [one.key for one in gate.closed_by] == ["battery_saver"]


def test_the_load_is_that_of_each_core() -> None:
    limits = GateLimits(load=0.5, wait=60.0)
    busy, calm = "6.00 1.00 1.00 3/900 1234\n", "3.20 1.00 1.00 1/900 1234\n"
    gate, said = waited(Scripted({"loadavg": [busy, calm]}, phone(cores=8)), limits)
    assert gate.outcome == "open"
    assert said == ["load average of each core 0.75, limit 0.5"]


def test_this_computer_reads_its_cpu_from_hwmon(tmp_path: Any) -> None:
    for number, (name, value) in enumerate((("coretemp", "61000"), ("nvme", "99000"), ("coretemp", "garbage"))):
        driver = tmp_path / f"hwmon{number}"
        driver.mkdir()
        (driver / "name").write_text(f"{name}\n")
        (driver / "temp1_input").write_text(f"{value}\n")
    reader = Reader(hwmon=tmp_path)
    keeper = Gatekeeper(reader)
    target = Scripted(info=host())
    cool = keeper.wait(target, GateLimits(cpu=70.0, wait=0), threading.Event(), lambda *_: None)
    assert (cool.outcome, cool.readings[0].value) == ("open", 61.0)
    hot = keeper.wait(target, GateLimits(cpu=60.0, wait=0), threading.Event(), lambda *_: None)
    assert hot.outcome == "marked"
    none = Gatekeeper(Reader(hwmon=tmp_path / "none")).wait(target, GateLimits(cpu=60.0), threading.Event(), print)
    assert (none.outcome, none.readings[0].value) == ("open", None)


def test_a_stopped_block_is_cooled_below_its_ceiling() -> None:
    assert cooling(GateLimits(stop_above=50.0)).temperature == 45.0
    assert cooling(GateLimits(stop_above=50.0, temperature=38.0)).temperature == 38.0
    assert cooling(GateLimits(temperature=38.0)).temperature == 38.0


class TestWatch:
    def watch(self, target: Scripted, cancel: threading.Event | None = None) -> Any:
        return Gatekeeper(every_s=EVERY_S).watch(target, 45.0, cancel or threading.Event())

    def test_a_block_that_becomes_too_hot_is_stopped(self) -> None:
        with self.watch(thermals(thermal(skin=40.0), thermal(skin=45.0), thermal(skin=45.1))) as watch:
            assert watch.stop.wait(60)
        assert watch.exceeded == ("skin", 45.1)

    def test_a_cool_block_goes_on(self) -> None:
        target = thermals(thermal(skin=45.0))
        with self.watch(target) as watch:
            deadline = time.monotonic() + 60
            while len(target.asked) < 3:
                assert time.monotonic() < deadline
                assert not watch.stop.wait(0.01)
        assert (watch.exceeded, watch.stop.is_set()) == (None, False)

    def test_cancelling_stops_the_block(self) -> None:
        cancel = threading.Event()
        with self.watch(thermals(thermal(skin=30.0)), cancel) as watch:
            cancel.set()
            assert watch.stop.wait(60)
        assert watch.exceeded is None

    def test_a_reading_that_fails_does_not_stop_it(self) -> None:
        target = thermals(TargetLost("R58M went away."), BlockFailed("cut."), thermal(skin=50.0))
        with self.watch(target) as watch:
            assert watch.stop.wait(60)
        assert watch.exceeded == ("skin", 50.0)
