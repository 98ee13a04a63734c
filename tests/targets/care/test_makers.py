"""The doctor on the answers of phones of several makers (`captured/README.md` says where they come from)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mobilebench.core.records import TargetInfo
from mobilebench.targets.care import checks, questions
from mobilebench.targets.care.base import Examined, Finding
from mobilebench.targets.care.doctor import judged
from tests.targets.care.test_checks import NOW, phone

FOLDER = Path(__file__).parent / "captured"
RECORDERS = Path(__file__).parents[2] / "recorders" / "captured"
LEVELS = {7: 24, 9: 28, 10: 29, 11: 30, 12: 31, 13: 33, 14: 34, 16: 36}

DIFFERENT: dict[str, dict[str, str]] = {
    "google-pixel-8-tensor-g3-android-16": {"fixed_performance": "unknown"},
    "samsung-galaxy-s24-exynos-2400-android-14": {
        "screen": "degraded",
        "lock_screen": "degraded",
        "rotation": "degraded",
        "fixed_performance": "unknown",
    },
    "samsung-galaxy-s9-exynos-9810-android-9": {
        "storage": "degraded",
        "battery_saver": "degraded",
        "load": "degraded",
        "leftovers": "degraded",
        "throttling": "unknown",
    },
    "xiaomi-13-snapdragon-8-gen-2-android-13": {
        "charging": "degraded",
        "throttling": "degraded",
        "settings_access": "degraded",
        "stay_awake": "degraded",
        "fixed_performance": "unknown",
    },
    "xiaomi-redmi-note-4-snapdragon-625-android-7": {
        "clock": "degraded",
        "lock_screen": "degraded",
        "settings_access": "degraded",
        "stay_awake": "degraded",
        "android": "degraded",
        "throttling": "unknown",
    },
    "oneplus-9-snapdragon-888-android-12": {
        "animations": "degraded",
        "developer_options": "degraded",
        "rotation": "degraded",
        "load": "unknown",
        "throttling": "unknown",
        "fixed_performance": "unknown",
    },
    "huawei-p30-kirin-980-android-10": {
        "screen": "degraded",
        "lock_screen": "degraded",
        "settings_access": "unknown",
    },
    "motorola-moto-g52-snapdragon-680-android-11": {
        "clock": "degraded",
        **dict.fromkeys(("storage", "screen", "lock_screen", "stay_awake", "rotation", "animations"), "unknown"),
        **dict.fromkeys(("battery_saver", "developer_options", "settings_access", "leftovers"), "unknown"),
        "throttling": "unknown",
        "fixed_performance": "unknown",
    },
}
"""Phone to the checks that are not `ok`."""

WORDS = {
    ("samsung-galaxy-s24-exynos-2400-android-14", "lock_screen"): "it is shown, and asks for a secret",
    ("samsung-galaxy-s24-exynos-2400-android-14", "battery_temperature"): "31.2 °C",
    ("samsung-galaxy-s9-exynos-9810-android-9", "storage"): "170 MB are free",
    ("xiaomi-13-snapdragon-8-gen-2-android-13", "throttling"): "moderate (2)",
    ("xiaomi-redmi-note-4-snapdragon-625-android-7", "clock"): "it is 3647 days behind this computer's",
    ("xiaomi-redmi-note-4-snapdragon-625-android-7", "throttling"): "the phone has no service thermalservice",
    ("oneplus-9-snapdragon-888-android-12", "animations"): "they are slowed down 10 times",
    ("oneplus-9-snapdragon-888-android-12", "developer_options"): "“Don't keep activities” is on",
    ("huawei-p30-kirin-980-android-10", "stay_awake"): "the screen stays on while the phone is plugged in",
    ("motorola-moto-g52-snapdragon-680-android-11", "clock"): "it is 60 minutes ahead of this computer's",
}


def sections(file: Path) -> dict[str, str]:
    parts = re.split(r"^== (\w+)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def answers(name: str) -> dict[str, str]:
    recorded = sections(RECORDERS / f"{name}.txt")
    return {"battery": recorded["battery"], "thermal": recorded["thermalservice"], **sections(FOLDER / f"{name}.txt")}


def info(name: str) -> TargetInfo:
    release = int(name.rpartition("-")[2])
    return phone(os=f"Android {release}", facts={"ro.build.version.sdk": str(LEVELS[release])})


def findings(name: str) -> dict[str, Finding]:
    report = judged(checks.OF_PHONES, Examined(info(name), answers(name), (NOW, NOW)))
    return {check.name: finding for check, finding in report.findings}


def test_there_are_answers_of_each_phone_to_every_question() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == sorted(DIFFERENT)
    for name in DIFFERENT:
        assert answers(name).keys() == questions.QUESTIONS.keys(), name


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_the_doctor_finds(name: str) -> None:
    assert {check: one.state for check, one in findings(name).items() if one.state != "ok"} == DIFFERENT[name]


@pytest.mark.parametrize(("name", "check"), WORDS)
def test_how_it_says_it(name: str, check: str) -> None:
    assert findings(name)[check].words == WORDS[name, check]


def test_each_check_that_asks_a_phone_is_ok_on_one_phone_and_not_on_another() -> None:
    """What no file shows: states of the connection and of this computer's adb, an empty or hot battery, no browser, the
    maker."""
    elsewhere = {"authorised", "online", "free", "battery", "battery_temperature", "browsers", "app_installs"}
    seen = [findings(name) for name in DIFFERENT]
    for check in checks.OF_PHONES:
        states = {one[check.name].state for one in seen}
        assert "ok" in states, check.name
        assert len(states) > 1 or check.name in elsewhere, check.name


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_not_ok_says_why(name: str) -> None:
    for check, one in findings(name).items():
        assert one.words and "\n" not in one.words and len(one.words) < 300, check
