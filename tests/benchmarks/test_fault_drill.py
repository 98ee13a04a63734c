"""The fault drill notices what it is there to notice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import fault_drill
from benchmarks.fault_drill import Drill, Dump, Strike
from benchmarks.faults import Fault, Phone
from mobilebench.core.records import Block
from mobilebench.session import events
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import State, to_json, with_value

FAULT = Fault("cable cut", lambda phone: None)


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    """A phone's folder, without a phone."""
    (tmp_path / "data/local/tmp/mobilebench/files/abc").mkdir(parents=True)
    (tmp_path / "data/local/tmp/chrome-command-line").write_text("_ --mine\n")
    files = PhoneFiles(tmp_path)
    files.metadata.mkdir(parents=True)
    (files.metadata / "state.json").write_text(to_json(State()))
    return Phone("x", "127.0.0.1:1", tmp_path)


def test_what_is_left_on_a_phone_is_found(phone: Phone) -> None:
    before = Dump.of(phone)
    assert before.differences(Dump.of(phone)) == []
    tmp = phone.folder / "data/local/tmp"
    (tmp / "mobilebench/files/abc/runner").write_text("kept on purpose")
    assert before.differences(Dump.of(phone)) == []
    (tmp / "mobilebench/restore.json").write_text("{}")
    (tmp / "chrome-command-line").write_text("_ --theirs\n")
    state = with_value(State(), "settings.system.screen_brightness", "17")
    (PhoneFiles(phone.folder).metadata / "state.json").write_text(to_json(state))
    found = before.differences(Dump.of(phone))
    assert [line.split(" ")[0] for line in found] == [
        "settings",
        "data/local/tmp/chrome-command-line",
        "data/local/tmp/mobilebench/restore.json",
    ]
    (tmp / "chrome-command-line").unlink()
    assert any("is gone" in line for line in before.differences(Dump.of(phone)))


def test_outcomes_without_a_name_are_found() -> None:
    def found(event: events.Event) -> list[str]:
        return fault_drill._unnamed(event)

    assert found(events.TargetLost(target="A", reason="x"))
    assert not found(events.TargetLost(target="A", reason="x", loss="offline"))
    assert found(events.Defect(target="A", planned=None, traceback="x"))


def test_every_fault_meets_every_phase(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rack = [Phone(f"p{n}", f"127.0.0.1:{n}", tmp_path / str(n)) for n in range(fault_drill.LONG.phones)]
    table = [Fault(f"fault {n}", lambda phone: None) for n in range(17)]
    monkeypatch.setattr(fault_drill.targets, "select", lambda _: [])
    planned: list[Strike] = []
    monkeypatch.setattr(Drill, "_measure", lambda self, strikes, blocks, pauses: planned.extend(strikes))
    drill = Drill(rack, tmp_path, table, seed=3)
    for turn in range(drill.turns(3)):
        drill.ordered(turn)
    times = Counter((strike.fault.name, strike.phase) for strike in planned)
    assert len(times) == 17 * len(fault_drill.PHASES)
    assert min(times.values()) >= 3


def test_a_strike_waits_for_its_moment(phone: Phone) -> None:
    strike = Strike(FAULT, "opening", phone)
    assert strike.is_due(events.TargetStarted(target="A", blocks=1), 0)
    late = Strike(FAULT, "putting back", phone, block=5)
    done = events.BlockFinished(target="A", block=Block.model_construct())
    assert late.is_due(done, 5)
    assert not late.is_due(done, 4)
    assert not late.is_due(events.TargetStarted(target="A", blocks=1), 5)
