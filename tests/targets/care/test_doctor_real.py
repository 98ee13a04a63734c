"""The doctor on virtual phones, through both adb programs: what it finds, mends, and leaves as it was."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import adb_protocol, description
from mobilebench.targets.android.device_changes import RESTORE_FILE
from mobilebench.targets.android.files import BLOCK_FOLDER, HOME
from mobilebench.targets.android.restore import Owner, RestoreFile, SettingBefore
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.care import checks, doctor, questions
from mobilebench.targets.care.base import Finding
from mobilebench.virtual import device_identity, faults, phones
from mobilebench.virtual.android.abilities import refusal
from tests.targets.conftest import own_adb
from tests.virtual.conftest import adb_programs
from tests.virtual.test_abilities import commands, unknown

pytestmark = [pytest.mark.adb, pytest.mark.timeout(180)]

OF_THIS_COMPUTER = {"load", "storage"}
"""A virtual phone shares them, so how busy and how full the computer is decides them."""

Rack = Callable[..., str]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough for every answer, so that a busy computer decides nothing."""
    monkeypatch.setattr(questions, "TOGETHER_SECONDS", 60.0)
    monkeypatch.setattr(questions, "ALONE_SECONDS", 20.0)
    monkeypatch.setattr(description, "SERVICE_SECONDS", 60.0)


def examined(info: TargetInfo, *, fix: bool = False) -> doctor.Report:
    (report,) = doctor.examine_all([info], fix=fix)
    return report


def findings(report: doctor.Report) -> dict[str, Finding]:
    return {check.name: finding for check, finding in report.findings}


def states(report: doctor.Report) -> dict[str, str]:
    return {name: one.state for name, one in findings(report).items() if name not in OF_THIS_COMPUTER}


def ask(serial: str, script: str) -> str:
    return DeviceShell(serial).script(script).stdout.decode()


def everything(serial: str) -> str:
    """Settings, packages, files and forwards of a phone."""
    tables = "; ".join(f"settings list {table}" for table in ("global", "system", "secure"))
    return ask(serial, f"{tables}; pm list packages; find /data/local/tmp | sort; dumpsys power; dumpsys window")


def test_a_good_phone_has_no_fault_and_nothing_is_changed_on_it(rack: Rack) -> None:
    serial = rack("good")
    (info,) = targets.select(serial)
    before = everything(serial)
    report = examined(info, fix=True)
    assert {name: state for name, state in states(report).items() if state != "ok"} == {"fixed_performance": "unknown"}
    assert {findings(report)[name].state for name in OF_THIS_COMPUTER} <= {"ok", "degraded", "blocking"}
    assert report.mended == ()
    assert everything(serial) == before


def test_what_is_wrong_is_found(rack: Rack) -> None:
    (info,) = targets.select(rack("bad"))
    phones.change_state(
        "bad",
        {
            "battery.level": 12,
            "battery.status": 3,
            "battery.plugged": "none",
            "battery.temperature": 46.5,
            "thermal.status": 2,
            "screen.on": False,
            "screen.locked": True,
            "settings.system.accelerometer_rotation": "1",
            "settings.global.animator_duration_scale": "5",
            "settings.global.low_power": "1",
            "settings.global.always_finish_activities": "1",
        },
    )
    report = examined(info)
    found = states(report)
    bad = {"battery", "charging", "throttling", "screen", "lock_screen", "rotation", "animations", "battery_saver"}
    assert {name for name, state in found.items() if state == "degraded"} == {*bad, "developer_options"}
    assert {name for name, state in found.items() if state == "blocking"} == {"battery_temperature"}
    assert report.outcome() == "blocked"
    assert findings(report)["battery_temperature"].words == "46.5 °C"


def test_fixing_switches_the_screen_on_and_undoes_leftovers(rack: Rack) -> None:
    serial = rack("dark")
    (info,) = targets.select(serial)
    phones.change_state("dark", {"screen.on": False, "screen.locked": True})
    killed = RestoreFile(
        owner=Owner(machine="another computer", pid=1, started="1"),
        steps=[SettingBefore(namespace="global", key="stay_on_while_plugged_in", value="0")],
    )
    text = shlex.quote(killed.model_dump_json(by_alias=True))
    ask(serial, f"mkdir -p {BLOCK_FOLDER}; echo x > {HOME}/a.part; echo {text} > {RESTORE_FILE}")
    ask(serial, "settings put global stay_on_while_plugged_in 7")
    first = states(examined(info))
    assert {first[name] for name in ("screen", "lock_screen", "leftovers")} == {"degraded"}
    report = examined(info, fix=True)
    assert {states(report)[name] for name in ("screen", "lock_screen", "leftovers")} == {"ok"}
    assert any("stay_on_while_plugged_in is 0" in sentence for sentence in report.mended)
    assert ask(serial, "settings get global stay_on_while_plugged_in") == "0\n"
    screen = phones.state_of("dark").screen
    assert (screen.on, screen.locked) == (True, False)
    assert ask(serial, f"ls {HOME}").split() == []


@pytest.mark.parametrize("android", [7, 9, 14])
def test_the_lock_screen_is_read_as_this_android_shows_it(tmp_path: Path, android: int) -> None:
    with own_adb(tmp_path / "home", Path(adb_programs()["installed"])):
        (phone,) = phones.up(names=["locked"], android=android)
        (info,) = targets.select(phone.serial)
        seen = []
        for locked, keyguard in ((False, "none"), (False, "secret"), (True, "swipe"), (True, "secret")):
            phones.change_state("locked", {"screen.locked": locked, "screen.keyguard": keyguard})
            found = findings(examined(info))["lock_screen"]
            seen.append((found.state, found.words))
    shown, with_secret = "it is shown", "it is shown, and asks for a secret"
    told = with_secret if android >= 8 else shown
    assert seen == [("ok", "it is not shown")] * 2 + [("degraded", shown), ("degraded", told)]


def test_a_phone_that_refuses_its_settings_is_degraded_and_says_how_to_allow_it(rack: Rack) -> None:
    (info,) = targets.select(rack("strict"))
    faults.apply("strict", "refuse-settings")
    found = findings(examined(info))["settings_access"]
    assert found.state == "degraded" and "SecurityException" in found.words
    faults.clear("strict", "refuse-settings")
    assert findings(examined(info))["settings_access"].state == "ok"


def test_a_phone_that_is_measured_is_left_alone(rack: Rack) -> None:
    (info,) = targets.select(rack("busy"))
    phones.change_state("busy", {"screen.on": False})
    with targets.open_target(info):
        report = examined(info, fix=True)
    assert [check.name for check, _ in report.faults] == ["free"]
    assert report.mended == ()
    assert phones.state_of("busy").screen.on is False


def test_services_that_refuse_or_talk_nonsense_leave_their_checks_unknown(rack: Rack) -> None:
    (info,) = targets.select(rack("odd"))
    nonsense = "\x1b[2J$(reboot)\nmWakefulness=\nlevel: NaN\n" + "x" * 300_000
    phones.change_state(
        "odd",
        {
            "services.battery": nonsense,
            "services.thermalservice": "denied",
            "services.power": "missing",
            "services.window": "denied",
        },
    )
    found = states(examined(info))
    asked = {"battery", "battery_temperature", "charging", "throttling", "screen", "lock_screen"}
    assert {name for name, state in found.items() if state == "unknown"} == {*asked, "fixed_performance"}
    assert not {"degraded", "blocking"} & set(found.values())


@pytest.mark.slow
def test_a_service_that_hangs_leaves_only_its_check_unknown(rack: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "TOGETHER_SECONDS", 3.0)
    (info,) = targets.select(rack("stuck"))
    phones.change_state("stuck", {"services.thermalservice": "hangs"})
    found = findings(examined(info))
    assert found["throttling"].state == "unknown" and "did not answer" in found["throttling"].words
    assert {found[name].state for name in ("battery", "screen", "rotation", "clock")} == {"ok"}


def test_a_phone_that_is_gone_is_blocked_and_the_others_are_examined(rack: Rack) -> None:
    gone, here = rack("gone"), rack("here")
    infos = targets.select(f"{gone},{here}")
    phones.down(["gone"])
    first, second = doctor.examine_all(infos)
    assert (first.outcome(), states(first)["online"]) == ("blocked", "blocking")
    assert states(second)["online"] == "ok"


@pytest.mark.parametrize("android", [7, 9, 11, 13, 16])
def test_every_command_is_in_the_table_and_works_on_its_android(
    tmp_path: Path, android: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = adb_protocol.service

    def recording(serial, name, limit):  # type: ignore[no-untyped-def]
        if name.startswith(("shell", "exec")):
            sent.append(name.partition(":")[2])
        return real(serial, name, limit)

    monkeypatch.setattr(adb_protocol, "service", recording)
    with own_adb(tmp_path / "home", Path(adb_programs()["installed"])):
        (phone,) = phones.up(names=["asked"], android=android)
        (info,) = targets.select(phone.serial)
        sent.clear()
        phones.change_state("asked", {"screen.on": False})
        report = examined(info, fix=True)
    asked = [words for script in sent for words in commands(script)]
    assert {"settings", "dumpsys", "df", "date", "grep"} <= {words[0] for words in asked}
    assert [one for words in asked for one in unknown(words)] == []
    level = device_identity.LEVELS[android]
    refused = {shlex.join(words[:2]) for words in asked if refusal(words, level)}
    assert refused == ({"dumpsys thermalservice"} if level < 29 else set())
    expected = {"throttling"} if level < 29 else set()
    expected |= {"fixed_performance"} if level >= 30 else set()
    assert {name for name, state in states(report).items() if state == "unknown"} == expected
    assert {name for name, state in states(report).items() if state == "degraded"} == (
        {"android"} if android == 7 else set()
    )
    assert len(report.findings) == len(checks.OF_PHONES)
