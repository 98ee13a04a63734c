"""What phones say of their batteries: readable files, refused files, the service's answer, and who feeds the phone."""

from __future__ import annotations

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.recorders.energy.fuel_gauge import (
    FOLDER,
    FuelGauge,
    parse_files,
    parse_service,
    plugged_names,
    why_not_discharging,
)
from mobilebench.recorders.energy.quantities import CHARGE, CURRENT, PLUGGED, STATUS, SUSPENDED, VOLTAGE
from mobilebench.recorders.reading import Void
from mobilebench.targets.base import ShellResult

from ..test_reading import PHONE

FILES = f"""{FOLDER}/current_now:-421875
{FOLDER}/voltage_now:3987000
{FOLDER}/charge_counter:2814000
{FOLDER}/status:Discharging
"""
DENIED = "".join(f"grep: {FOLDER}/{name}: Permission denied\n" for name in ("current_now", "voltage_now", "status"))


def service(*, usb: str = "false", ac: str = "false", status: int = 3, extra: str = "", above: str = "") -> str:
    return (
        f"Current Battery Service state:\n{above}  AC powered: {ac}\n  USB powered: {usb}\n"
        "  Wireless powered: false\n  Dock powered: false\n  Max charging current: 0\n  Charge counter: 2814000\n"
        f"  status: {status}\n  health: 2\n  present: true\n  level: 71\n  scale: 100\n  voltage: 3987\n{extra}"
    )


def reason(value: object) -> str:
    assert isinstance(value, Void)
    return value.reason


def test_files_are_read_as_they_are():
    assert parse_files(FILES, f"grep: {FOLDER}/input_suspend: No such file or directory\n") == {
        CURRENT: -421875.0,
        VOLTAGE: 3987000.0,
        CHARGE: 2814000.0,
        STATUS: 3.0,
    }
    suspended = parse_files(FILES + f"{FOLDER}/input_suspend:1\n", "")
    assert suspended[SUSPENDED] == 1.0


def test_files_that_are_refused_missing_or_odd_have_a_reason():
    found = parse_files("", DENIED)
    assert reason(found[CURRENT]) == f"the phone does not let a shell read {FOLDER}/current_now"
    assert reason(found[CHARGE]) == f"the phone has no {FOLDER}/charge_counter"
    odd = parse_files(
        f"{FOLDER}/current_now:12 mA\n{FOLDER}/voltage_now:1\n{FOLDER}/voltage_now:2\n{FOLDER}/status:Warp\n"
        f"{FOLDER}/charge_counter:{'9' * 40}\n",
        "",
    )
    assert "not a number" in reason(odd[CURRENT])
    assert "holds 2 lines" in reason(odd[VOLTAGE])
    assert "not a charging state" in reason(odd[STATUS])
    assert "not a number" in reason(odd[CHARGE])


def test_the_services_answer():
    assert parse_service(service()) == {VOLTAGE: 3987.0, CHARGE: 2814000.0, STATUS: 3.0, PLUGGED: 0.0}
    assert parse_service(service(usb="true", ac="true"))[PLUGGED] == 3.0
    with_log = service(extra="\nEvents:\n  USB powered: true\n  status: 2\n")
    assert parse_service(with_log)[PLUGGED] == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Can't find service: battery\n", "the phone has no service battery"),
        ("hello\n", "not the state of a battery"),
        (service(above="  (UPDATES STOPPED -- use 'reset' to restart)\n"), "set by hand"),
        (service(usb="maybe"), "does not say whether it is plugged in"),
        (service(extra="  USB powered: true\n"), "does not say whether it is plugged in"),
    ],
)
def test_an_answer_that_cannot_be_used(text, expected):
    assert expected in reason(parse_service(text)[PLUGGED])


def test_who_feeds_the_phone():
    assert plugged_names(3.0) == "mains and USB"
    assert plugged_names(8.0) == "a dock"
    assert why_not_discharging({PLUGGED: 0.0, STATUS: 3.0}) is None
    assert why_not_discharging({PLUGGED: 2.0, STATUS: 4.0, SUSPENDED: 1.0}) is None
    assert "powered by USB" in str(why_not_discharging({PLUGGED: 2.0, STATUS: 3.0}))
    assert "powered by USB" in str(why_not_discharging({PLUGGED: 2.0, STATUS: 3.0, SUSPENDED: 0.0}))
    assert "charging" in str(why_not_discharging({PLUGGED: 0.0, STATUS: 2.0}))
    assert "not known" in str(why_not_discharging({}))


class Phone:
    """Answers as the files and the service that it is given."""

    info = PHONE

    def __init__(self, files=FILES, refused="", said=None):
        self.files, self.refused, self.said = files, refused, said or service()
        self.asked = []

    def observe(self, argv, *, timeout, cancel=None):
        self.asked.append(argv[0])
        if argv[0] == "grep":
            if self.files is None:
                raise BlockFailed("The phone does not answer.")
            return ShellResult(self.files.encode(), self.refused.encode(), 2 if self.refused else 0)
        assert list(argv) == ["dumpsys", "battery"]
        return ShellResult(self.said.encode(), b"", 0)


def test_a_phone_on_its_battery_is_read_from_files():
    phone = Phone()
    gauge = FuelGauge(phone, 0.0)
    assert gauge.probe() is None
    assert gauge.source == "files"
    gauge.read_state()
    gauge.read()
    found = {one.name: one for one in gauge.series()}
    assert found["current"].values == [-421875.0]
    assert found["plugged"].values == [0.0]
    assert found["current"].reason is None


def test_a_phone_whose_files_are_refused_is_read_from_its_service():
    gauge = FuelGauge(Phone("", DENIED), 0.0)
    assert gauge.probe() is None
    assert gauge.source == "service"
    gauge.read_state()
    gauge.read()
    found = {one.name: one for one in gauge.series()}
    assert found["charge_counter"].values == [2814000.0, 2814000.0]
    assert found["current"].values == []
    assert found["current"].reason == "`dumpsys battery` does not tell it"


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        (Phone(said=service(usb="true", status=2)), "powered by USB; unplug it and use adb over Wi-Fi"),
        (Phone(said=service(ac="true", status=5)), "powered by mains"),
        (Phone(said=service(status=2)), "the battery is charging"),
        (Phone("", DENIED, service().replace("  Charge counter: 2814000\n", "")), "does not let a shell read"),
        (Phone(None, said="Can't find service: battery\n"), "no service battery"),
    ],
)
def test_a_phone_whose_energy_cannot_be_told_says_why(phone, expected):
    assert expected in str(FuelGauge(phone, 0.0).probe())
