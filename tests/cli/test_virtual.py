"""`mobilebench virtual fault`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.virtual import faults, phone_records
from mobilebench.virtual.fault_kinds import FAULTS
from tests.cli.command_line import mobilebench


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Records what would have been done to a phone."""
    found: list[object] = []
    monkeypatch.setattr("mobilebench.targets.require_adb", lambda **_: None)
    monkeypatch.setattr(faults, "apply", lambda *words, **options: found.append((words, options)))
    monkeypatch.setattr(faults, "clear", lambda *words: found.append(("clear", *words)))
    monkeypatch.setattr(faults, "active", lambda _name: {"heat": "", "dialog": "anr"})
    return found


def test_a_fault_is_caused_with_its_kind_and_times(asked: list[object]) -> None:
    assert mobilebench("virtual fault phone-1 dialog usb --for 5 --after 2").code == 0
    assert asked == [(("phone-1", "dialog"), {"seconds": 5.0, "after": 2.0, "option": "usb"})]


def test_a_phone_may_be_named_by_its_serial(monkeypatch: pytest.MonkeyPatch, asked: list[object]) -> None:
    made = phone_records.Record(name="phone-1", profile="tensor-g3", port=16501, number=1)
    monkeypatch.setattr(phone_records, "records", lambda: [made])
    assert mobilebench("virtual fault 127.0.0.1:16501 clear").code == 0
    assert asked == [("clear", "phone-1", None)]


def test_faults_are_cleared_and_listed(asked: list[object]) -> None:
    assert mobilebench("virtual fault phone-1 clear").code == 0
    assert mobilebench("virtual fault phone-1 clear heat").code == 0
    assert asked == [("clear", "phone-1", None), ("clear", "phone-1", "heat")]
    assert mobilebench("virtual fault phone-1").out == "heat\ndialog anr\n"


def test_the_help_names_every_fault() -> None:
    shown = mobilebench("virtual fault --help").out
    assert all(f"{name} " in shown for name in FAULTS)


def test_a_wrong_fault_is_a_wrong_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mobilebench.targets.require_adb", lambda **_: None)
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    ended = mobilebench("virtual fault phone-1 earthquake")
    assert ended.code == 2
    assert "earthquake" in ended.err and "unplug" in ended.err
    assert "no virtual phone" in mobilebench("virtual fault phone-1 heat").err
