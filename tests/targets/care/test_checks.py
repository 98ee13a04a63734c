"""Every check of the doctor: what it finds in true, refused and impossible answers."""

from __future__ import annotations

import dataclasses

import pytest

from mobilebench.core import paths
from mobilebench.core.records import TargetInfo
from mobilebench.recorders.reading import EMULATOR, Void
from mobilebench.targets.care import checks, host, limits, questions
from mobilebench.targets.care.base import Examined, Finding
from mobilebench.targets.care.doctor import judged

NOW = 1_800_000_000.0
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  status: 2
  health: 2
  present: true
  level: 87
  scale: 100
  voltage: 4120
  temperature: 274
"""
THERMAL = "IsStatusOverride: false\nThermal Status: 0\nCurrent temperatures from HAL:\n"
GOOD: dict[str, str | Void] = {
    "busy": "cpu  0 0 0 0\ncpu  10 0 0 90",
    "clock": f"{NOW:.0f}",
    "storage": "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/dm-5 115249236 20131572 94986592 18% /data",
    "battery": BATTERY,
    "thermal": THERMAL,
    "power": "  mWakefulness=Awake",
    "keyguard": "showing=false\nsecure=false",
    "global": "adb_enabled=1\nwindow_animation_scale=1.0\nstay_on_while_plugged_in=0",
    "system": "accelerometer_rotation=0\nscreen_off_timeout=30000\nuser_rotation=0",
    "writing": "written",
    "leftovers": ".",
}


def phone(**changes: object) -> TargetInfo:
    values: dict[str, object] = {
        "id": "R58M",
        "kind": "android",
        "machine": "R58M",
        "name": "Galaxy",
        "soc": "Snapdragon 888",
        "os": "Android 10",
        "abi": "arm64-v8a",
        "runner": "android-arm64-v8a",
        "cores": 8,
        "browsers": {"chrome": "156.0"},
        "facts": {"ro.build.version.sdk": "29"},
    }
    return TargetInfo.model_validate({**values, **changes})


def found(info: TargetInfo | None = None, **answers: str | Void) -> dict[str, Finding]:
    seen = Examined(info or phone(), {**GOOD, **answers}, (NOW - 1, NOW + 1))
    return {check.name: finding for check, finding in judged(checks.OF_PHONES, seen).findings}


def replaced(name: str, old: str, new: str) -> dict[str, str | Void]:
    text = GOOD[name]
    assert isinstance(text, str) and old in text
    return {name: text.replace(old, new)}


def test_a_good_phone_is_ready() -> None:
    assert {name: one.state for name, one in found().items() if one.state != "ok"} == {}
    assert judged(checks.OF_PHONES, Examined(phone(), GOOD, (NOW, NOW))).outcome() == "ready"


@pytest.mark.parametrize(
    ("check", "state", "answers"),
    [
        ("battery", "degraded", replaced("battery", "level: 87", "level: 29")),
        ("battery", "blocking", replaced("battery", "level: 87", "level: 4")),
        ("battery", "unknown", replaced("battery", "level: 87", "level: NaN")),
        ("battery", "unknown", {"battery": Void("it hung")}),
        ("battery_temperature", "degraded", replaced("battery", "temperature: 274", "temperature: 380")),
        ("battery_temperature", "blocking", replaced("battery", "temperature: 274", "temperature: 450")),
        ("battery_temperature", "unknown", replaced("battery", "temperature: 274", "temperature: 99999")),
        ("charging", "degraded", replaced("battery", "status: 2", "status: 3")),
        ("charging", "ok", replaced("battery", "status: 2", "status: 5")),
        ("battery_saver", "degraded", {"global": "adb_enabled=1\nlow_power=1"}),
        ("battery_saver", "unknown", {"global": ""}),
        ("throttling", "degraded", replaced("thermal", "Status: 0", "Status: 1")),
        ("throttling", "blocking", replaced("thermal", "Status: 0", "Status: 4")),
        ("throttling", "unknown", {"thermal": "Can't find service: thermalservice"}),
        ("load", "degraded", {"busy": "cpu  0 0 0 0\ncpu  30 0 0 70"}),
        ("load", "unknown", {"busy": "grep: /proc/stat: Permission denied"}),
        ("clock", "ok", {"clock": f"{NOW + 31:.0f}"}),
        ("clock", "degraded", {"clock": f"{NOW + 33:.0f}"}),
        ("clock", "degraded", {"clock": f"{NOW - 86400 * 30:.0f}"}),
        ("clock", "unknown", {"clock": "yesterday"}),
        ("storage", "degraded", {"storage": "/dev/dm-5 1000 100 400000 18% /data"}),
        ("storage", "blocking", {"storage": "/dev/dm-5 1000 100 4000 18% /data"}),
        ("screen", "degraded", {"power": "mWakefulness=Asleep"}),
        ("screen", "unknown", {"power": "Permission Denial: can't dump"}),
        ("lock_screen", "degraded", {"keyguard": "showing=true\nsecure=true"}),
        ("stay_awake", "ok", {"global": "adb_enabled=1\nstay_on_while_plugged_in=2", "writing": "not set"}),
        ("stay_awake", "ok", {"system": "screen_off_timeout=600000", "writing": "not set"}),
        ("stay_awake", "degraded", {"writing": "java.lang.SecurityException: no"}),
        ("rotation", "degraded", {"system": "accelerometer_rotation=1"}),
        ("rotation", "degraded", {"system": "accelerometer_rotation=0\nuser_rotation=1"}),
        ("rotation", "unknown", {"system": "user_rotation=17"}),
        ("animations", "degraded", {"global": "animator_duration_scale=10.0"}),
        ("animations", "ok", {"global": "\n".join(f"{one}=0" for one in questions.GLOBAL)}),
        ("animations", "unknown", {"global": "animator_duration_scale=NaN"}),
        ("developer_options", "degraded", {"global": "always_finish_activities=1"}),
        ("developer_options", "degraded", {"global": "development_settings_enabled=0"}),
        ("settings_access", "degraded", {"writing": "java.lang.SecurityException: Permission denial"}),
        ("settings_access", "unknown", {"writing": "not set"}),
        ("leftovers", "degraded", {"leftovers": "/data/local/tmp/mobilebench/restore.json\n."}),
        ("leftovers", "unknown", {"leftovers": ""}),
    ],
)
def test_what_a_check_finds(check: str, state: str, answers: dict[str, str | Void]) -> None:
    assert found(**answers)[check].state == state


@pytest.mark.parametrize(
    ("check", "state", "info"),
    [
        ("android", "degraded", phone(os="Android 7", facts={"ro.build.version.sdk": "24"})),
        ("android", "unknown", phone(facts={})),
        ("android", "unknown", phone(facts={"ro.build.version.sdk": "9" * 5000})),
        ("browsers", "degraded", phone(browsers={}, unusable_browsers={"chrome": "Chrome is disabled"})),
        ("browsers", "unknown", phone(browsers={}, unknown={"browsers": "no answer"})),
        ("app_installs", "unknown", phone(manufacturer="Xiaomi")),
        ("app_installs", "ok", phone(manufacturer="Xiaomi", virtual=True)),
        ("app_installs", "ok", phone(manufacturer="Google")),
        ("fixed_performance", "unknown", phone(facts={"ro.build.version.sdk": "34"})),
        ("battery", "unknown", phone(facts={EMULATOR: "yes"})),
        ("throttling", "unknown", phone(facts={EMULATOR: "yes"})),
    ],
)
def test_what_a_check_finds_on_other_phones(check: str, state: str, info: TargetInfo) -> None:
    assert found(info)[check].state == state


@pytest.mark.parametrize(
    ("state", "authorised", "online"),
    [
        ("unauthorized", "blocking", "unknown"),
        ("no permissions (missing udev rules?)", "blocking", "unknown"),
        ("offline", "unknown", "blocking"),
        ("recovery", "unknown", "blocking"),
        ("not answering", "ok", "blocking"),
        ("absent", "unknown", "blocking"),
    ],
)
def test_a_phone_that_cannot_be_asked_is_blocked_and_nothing_else_is_claimed(
    state: str, authorised: str, online: str
) -> None:
    report = judged(checks.OF_PHONES, Examined(phone(state=state)))
    by_name = {check.name: finding for check, finding in report.findings}
    assert (by_name["authorised"].state, by_name["online"].state) == (authorised, online)
    told = {"authorised", "online", "android", "browsers", "app_installs", "fixed_performance"}
    assert {finding.state for name, finding in by_name.items() if name not in told} == {"unknown"}
    assert report.outcome() == "blocked"


def test_a_phone_that_is_measured_is_asked_nothing_else() -> None:
    report = judged(checks.OF_PHONES, Examined(phone(), holder="pid 7 on another computer"))
    assert [(check.name, finding.state) for check, finding in report.faults] == [("free", "blocking")]
    assert "pid 7" in (report.line() or "")


def test_what_is_not_asked_is_unknown_for_every_check_that_asks() -> None:
    void = dict.fromkeys(questions.QUESTIONS, Void("no answer"))
    states = {name: one.state for name, one in found(**void).items()}
    needs_no_question = {"authorised", "online", "free", "android", "browsers", "app_installs", "fixed_performance"}
    assert {states[name] for name in states if name not in needs_no_question} == {"unknown"}


GOOD_HOST: dict[str, str | Void] = {
    "busy": "cpu  0 0 0 0\ncpu  10 0 0 90",
    "memory": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB",
    "disk": str(50 * 10**9),
    "governors": "performance\nperformance",
    "temperatures": "45000\n0\n-273000",
    "supplies": "Mains 1\nBattery",
}


class TestHost:
    @pytest.mark.parametrize(
        ("check", "state", "answers"),
        [
            ("load", "degraded", {"busy": "cpu  0 0 0 0\ncpu  50 0 0 50"}),
            ("memory", "degraded", {"memory": "MemAvailable: 400000 kB"}),
            ("memory", "unknown", {"memory": ""}),
            ("storage", "degraded", {"disk": str(10**9)}),
            ("storage", "blocking", {"disk": "5"}),
            ("governor", "degraded", {"governors": "performance\npowersave"}),
            ("governor", "unknown", {"governors": Void("none")}),
            ("temperature", "degraded", {"temperatures": "81000"}),
            ("temperature", "unknown", {"temperatures": "nan\n999999999\n"}),
            ("mains", "degraded", {"supplies": "Mains 0"}),
            ("mains", "unknown", {"supplies": ""}),
        ],
    )
    def test_what_a_check_finds(self, check: str, state: str, answers: dict[str, str | Void]) -> None:
        info = phone(id="host", kind="host")
        assert judged(checks.OF_HOST, Examined(info, GOOD_HOST)).outcome() == "ready"
        findings = judged(checks.OF_HOST, Examined(info, {**GOOD_HOST, **answers})).findings
        assert next(one.state for of, one in findings if of.name == check) == state

    def test_this_computer_answers(self) -> None:
        findings = judged(checks.OF_HOST, Examined(phone(id="host", kind="host"), host.read())).findings
        states = {check.name: finding.state for check, finding in findings}
        assert {states["load"], states["memory"], states["storage"]} <= {"ok", "degraded", "blocking"}


def test_the_documentation_has_the_tables_and_names_no_other_check() -> None:
    text = (paths.PACKAGE.parent / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert checks.markdown(checks.OF_PHONES) in text
    assert checks.markdown(checks.OF_HOST) in text


@pytest.mark.parametrize("which", [checks.OF_PHONES, checks.OF_HOST])
def test_every_check_is_complete_and_its_name_is_its_own(which: tuple[checks.Check, ...]) -> None:
    assert len({one.name for one in which}) == len(which)
    for one in which:
        assert all(getattr(one, field.name) for field in dataclasses.fields(one) if field.name != "mending"), one.name
        assert one.why.endswith(".") and one.mend.endswith((".", ")")), one.name


def test_limits_are_in_order() -> None:
    assert limits.EMPTY_CHARGE_PERCENT < limits.LEAST_CHARGE_PERCENT
    assert limits.WARM_BATTERY_CELSIUS < limits.HOT_BATTERY_CELSIUS
    assert limits.NO_SPACE_MB < limits.LITTLE_SPACE_MB
    assert limits.LIGHT_THROTTLING < limits.CRITICAL_THROTTLING
