"""The fault drill plans every fault, notices what it is there to notice, and goes on from its journal."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import drill_dump, drill_plan, fault_drill, faults
from benchmarks.drill_dump import Dump
from benchmarks.drill_journal import Journal, Struck, table
from benchmarks.drill_plan import LONG, PHASES, SHORT, PlannedStrike
from benchmarks.fault_drill import Strike
from benchmarks.faults import Phone
from mobilebench.core.records import Block
from mobilebench.session import events
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import State, to_json, with_value

TABLE = faults.table("other adb")
CUT = TABLE[0]
LISTED = """0a  /data/local/tmp/chrome-command-line
===
package:android
===
screen_brightness=5
===
USER PID NAME
shell 1 init
"""


def rack(size: drill_plan.Size) -> list[Phone]:
    names = [f"p{n}" for n in range(size.phones + size.pages)]
    return [Phone(name, f"127.0.0.1:{n}", Path(name), n < size.small, n >= size.phones) for n, name in enumerate(names)]


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    """A phone's folder, without a phone."""
    files = PhoneFiles(tmp_path)
    files.metadata.mkdir(parents=True)
    (files.metadata / "state.json").write_text(to_json(State()))
    return Phone("x", "127.0.0.1:1", tmp_path)


def test_what_is_left_on_a_phone_is_found(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"shell": LISTED, "reverse": "\n"}
    monkeypatch.setattr(faults, "adb", lambda *words: says[words[2]])
    monkeypatch.setattr(drill_dump, "_ENDS_SECONDS", 0.0)
    before = Dump.of(phone)
    assert drill_dump.left(phone, before) == []
    says["shell"] = (
        LISTED.replace("0a ", "0b ")
        .replace("===\npackage", "0c  /data/local/tmp/mobilebench/restore.json\n===\npackage")
        .replace("brightness=5", "brightness=17")
        .replace("package:android", "")
        + "shell 7 mobilebench-runner\n"
    )
    says["reverse"] = "tcp:1 tcp:2\n"
    state = with_value(State(), "screen.on", False)
    (PhoneFiles(phone.folder).metadata / "state.json").write_text(to_json(state))
    found = drill_dump.left(phone, before)
    for part in (
        "screen was",
        "chrome-command-line has changed",
        "restore.json is new",
        "setting is new: screen_brightness=17",
        "setting is gone: screen_brightness=5",
        "package is gone: package:android",
        "process is new: mobilebench-runner",
        "reverse is new: tcp:1 tcp:2",
    ):
        assert any(part in line for line in found), part
    says["shell"] = LISTED.replace("0a  /data/local/tmp/chrome-command-line\n", "")
    assert "/data/local/tmp/chrome-command-line is gone" in drill_dump.left(phone, before)


def test_outcomes_without_a_name_are_found() -> None:
    def found(event: events.Event) -> list[str]:
        return fault_drill._unnamed(event)

    assert found(events.TargetLost(target="A", reason="x"))
    assert not found(events.TargetLost(target="A", reason="x", loss="offline"))
    assert found(events.Defect(target="A", planned=None, traceback="x"))


@pytest.mark.parametrize("seed", [3, 4])
def test_every_fault_meets_every_phase_that_it_can_meet(seed: int) -> None:
    phones = rack(LONG)
    runs = drill_plan.plan(LONG, TABLE, phones, seed)
    assert runs == drill_plan.plan(LONG, TABLE, phones, seed)
    strikes = [strike for run in runs for strike in run.strikes]
    times = Counter((strike.fault, strike.phase) for strike in strikes)
    wanted = drill_plan.wanted(TABLE, phones)
    assert {pair: times[pair] >= LONG.each for pair in wanted} == dict.fromkeys(wanted, True)
    assert {fault.name for fault in TABLE} == {name for name, _ in wanted}
    assert sum(strike.phase == drill_plan.RANDOM for strike in strikes) >= LONG.random_faults
    by_name = {one.name: one for one in phones}
    kinds = {fault.name: fault for fault in TABLE}
    for strike in strikes:
        assert kinds[strike.fault].suits(by_name[strike.phone])
        assert (strike.option is None) == (not kinds[strike.fault].options)
    for run in runs:
        moments = [(one.phone, one.phase) for one in run.strikes if one.phase != drill_plan.RANDOM]
        assert len(moments) == len(set(moments))


def test_the_short_drill_has_something_in_every_phase_and_several_faults() -> None:
    ordered, at_random = drill_plan.plan(SHORT, TABLE, rack(SHORT), 0)
    assert {strike.phase for strike in ordered.strikes} == set(PHASES)
    assert len({strike.fault for strike in ordered.strikes}) > 5
    assert len(at_random.strikes) == SHORT.random_faults


def test_what_did_not_strike_is_planned_again() -> None:
    phones = rack(LONG)
    wanted = drill_plan.wanted(TABLE, phones)
    struck = Counter(dict.fromkeys(wanted, LONG.each))
    assert drill_plan.missing(struck, LONG.each, TABLE, phones) == {}
    lacking = random.Random(1).choice(wanted)
    struck[lacking] = 1
    missing = drill_plan.missing(struck, LONG.each, TABLE, phones)
    assert missing == {lacking: LONG.each - 1}
    runs = drill_plan.ordered(missing, TABLE, phones, 0, "again")
    assert [(one.fault, one.phase) for run in runs for one in run.strikes] == [lacking] * (LONG.each - 1)


def test_one_fault_is_repeated_on_every_phone_that_can_have_it() -> None:
    name, option = drill_plan.named("dialog anr", TABLE)
    dialog = next(fault for fault in TABLE if fault.name == name)
    (run,) = drill_plan.repeated(dataclasses.replace(dialog, options=(option,)), "in a block", 1, rack(LONG), 0)
    assert {(strike.fault, strike.option, strike.phase) for strike in run.strikes} == {("dialog", "anr", "in a block")}
    assert len(run.strikes) == LONG.pages
    with pytest.raises(SystemExit, match="no fault"):
        drill_plan.named("dialog soft", TABLE)


def test_a_strike_waits_for_its_moment(phone: Phone) -> None:
    strike = Strike(PlannedStrike(CUT.name, None, "opening", phone.name), CUT, phone)
    assert strike.is_due(events.TargetStarted(target="A", blocks=1), 0)
    late = Strike(PlannedStrike(CUT.name, None, "putting back", phone.name, 5), CUT, phone)
    done = events.BlockFinished(target="A", block=Block.model_construct())
    assert late.is_due(done, 5)
    assert not late.is_due(done, 4)
    assert not late.is_due(events.TargetStarted(target="A", blocks=1), 5)


def test_a_drill_goes_on_from_its_journal(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    first = Journal("seed 1", file)
    first.add("ordered 1", 2.0, [Struck("dialog anr", "opening", "p", "waited (absent) + measured")], ["x is new"])
    Journal("seed 2", file).add("ordered 1", 2.0, [], [])
    again = Journal("seed 1", file)
    assert [run.key for run in again.done] == ["ordered 1"]
    assert again.findings == ["ordered 1: x is new"]
    assert fault_drill._counted(again, TABLE) == {("dialog", "opening"): 1}
    assert "| dialog anr | 1 |" in table(again.strikes, PHASES)
    assert "waited (absent) 1×, measured 1×" in table(again.strikes, PHASES)


def test_a_run_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()
    reasons: list[str] = []
    monkeypatch.setattr(fault_drill, "_give_up", lambda reason: (reasons.append(reason), given_up.set()))
    with fault_drill._watchdog("ordered 1", 0.01):
        assert given_up.wait(60)
    assert "ordered 1 and its checks have not ended" in reasons[0]
    with fault_drill._watchdog("ordered 2", 3600):
        pass
    assert len(reasons) == 1
