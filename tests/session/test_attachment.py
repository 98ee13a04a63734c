"""A phone that goes away in mid-run is waited for; the block in flight is measured again."""

from __future__ import annotations

import shutil
import threading
import time
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from mobilebench.core.errors import BlockFailed, ExitCode, Fault, TargetLost, TargetTaken
from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.results import quarantine
from mobilebench.session import RunResult, attachment, events, worker
from mobilebench.session.coordinator import QUARANTINE
from tests.pinning import Pinned

from ..results.making import phone
from .fakes import Sessions

A = phone("A", facts={"ro.serialno": "1", "boot_id": "one"})


class Clock:
    """Time passes only while a phone is looked for, so that a busy computer gives none up."""

    LOOK_S = 0.02

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def look(self) -> None:
        self.now += self.LOOK_S


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(attachment, "time", made)
    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachment, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(worker, "PAUSE_SECONDS", {})


class Cable(Sessions):
    """What happens to phone A: at which attempts of which blocks it goes away, and how it is seen then."""

    def __init__(self, folder: Path, empty_store: Path, clock: Clock) -> None:
        shutil.copy(empty_store, folder)
        self._clock = clock
        super().__init__(folder, wait_seconds=30)
        self.cuts: dict[int, int] = {}
        """Block to how often the phone goes away during it."""
        self.states: list[TargetInfo | None] = []
        """What is seen of the phone, look by look; then it is back."""
        self.error: Exception = TargetLost("A went away (absent): `x` was running.")
        self.world.engine.behave = self._behave
        self.world.met = self._met

    def _behave(self, planned: PlannedBlock, cancel: threading.Event) -> None:
        if planned.case.target == "A" and self.cuts.get(planned.index, 0):
            self.cuts[planned.index] -= 1
            raise self.error

    def _met(self, info: TargetInfo) -> TargetInfo | None:
        self._clock.look()
        return self.states.pop(0) if self.states else info

    def measure(self, *targets: TargetInfo, wait_seconds: float | None = None) -> RunResult:
        """Measure three rounds, by default on phone A."""
        return self.run(*(targets or (A,)), rounds=3, wait_seconds=wait_seconds)

    @property
    def outcomes(self) -> list[str]:
        return [block.outcome for block in self.stored().blocks]


@pytest.fixture
def cable(tmp_path: Path, empty_store: Path, clock: Clock):
    made = Cable(tmp_path, empty_store, clock)
    yield made
    made.store.close()


def test_the_block_in_flight_is_measured_again_and_the_run_goes_on(cable: Cable) -> None:
    cable.cuts, cable.states = {1: 1}, [None, None]
    result = cable.measure()
    assert cable.world.engine.measured == [0, 1, 1, 2]
    assert (cable.outcomes, result.exit_code) == (["measured"] * 3, ExitCode.OK)
    assert (cable.world.opened, cable.world.put_back) == (["A", "A"], ["A", "A"])
    assert [event["kind"] for event in cable.store.events("last")] == [
        "RunStarted",
        "TargetAway",
        "TargetBack",
        "RunFinished",
    ]
    journal = (cable.store.run_folder(result.run_id) / "journal.jsonl").read_text()
    assert "TargetAway" in journal
    assert "StillWaiting" not in journal
    assert cable.seen.of(events.TargetBack)[0].repeated


def test_each_cut_is_waited_for(cable: Cable) -> None:
    cable.cuts = {0: 2, 1: 2, 2: 1}
    assert cable.measure().exit_code == ExitCode.OK
    assert len(cable.seen.of(events.TargetBack)) == 5


def test_a_block_that_loses_its_phone_every_time_fails_and_the_others_are_measured(
    cable: Cable, pinned: Pinned
) -> None:
    cable.cuts = {1: 99}
    cable.measure()
    block = cable.store.load("last").blocks[1]
    assert (block.outcome, block.fault) == ("failed", "cut connection")
    pinned(str(block.reason))
    assert cable.outcomes == ["measured", "failed", "measured"]


def test_what_is_said_while_waiting(cable: Cable, pinned: Pinned) -> None:
    cable.cuts = {0: 1}
    states = ("offline", "offline", "unauthorized")
    cable.states = [None, *(A.model_copy(update={"state": state}) for state in states)]
    cable.measure()
    away = cable.seen.of(events.TargetAway)
    assert [event.state for event in away] == ["absent", "offline", "unauthorized"]
    pinned(away[2].hint)
    assert 0 < away[2].left_s <= 30
    assert len(cable.seen.of(events.StillWaiting)) == 4


@pytest.mark.slow
def test_a_phone_that_does_not_come_back_is_lost(cable: Cable, pinned: Pinned) -> None:
    cable.cuts, cable.states = {1: 1}, [None] * 10_000
    result = cable.measure(wait_seconds=0.1)
    (lost,) = cable.seen.of(events.TargetLost)
    pinned(lost.reason)
    assert "mobilebench restore A" in str(lost.hint)
    assert cable.outcomes == ["measured"]
    assert (result.counts["not measured"], result.exit_code) == (2, ExitCode.CASES_FAILED)


def test_nobody_waits_where_that_was_not_wanted(cable: Cable) -> None:
    cable.cuts = {1: 1}
    cable.measure(wait_seconds=0)
    assert cable.seen.of(events.TargetAway) == []
    assert cable.outcomes == ["measured"]


@pytest.mark.parametrize(
    "other",
    [
        phone("A", facts={"ro.serialno": "2", "boot_id": "two"}),
        phone("A", facts=A.facts, name="another phone"),
        phone("A", facts=A.facts, machine="elsewhere"),
        phone("A", facts=A.facts, virtual=True),
    ],
)
def test_another_phone_under_the_same_serial_is_not_measured(cable: Cable, other: TargetInfo) -> None:
    cable.cuts, cable.states = {1: 1}, [None, other]
    cable.measure()
    assert cable.seen.of(events.TargetLost)[0].reason.startswith("Another phone is attached as A now")
    assert cable.outcomes == ["measured"]


def test_a_phone_that_was_started_anew_is_measured_and_that_is_said(cable: Cable) -> None:
    cable.cuts = {1: 1}
    cable.states = [None, A.model_copy(update={"facts": {"ro.serialno": "1", "boot_id": "another"}})]
    assert cable.measure().exit_code == ExitCode.OK
    assert cable.seen.of(events.TargetBack)[0].restarted


def test_a_phone_that_somebody_else_has_taken_is_not_waited_for(cable: Cable) -> None:
    cable.cuts, cable.error = {1: 1}, TargetTaken("Somebody else has A.")
    cable.measure()
    assert cable.seen.of(events.TargetAway) == []
    assert cable.seen.of(events.TargetLost)[0].reason == "Somebody else has A."


@pytest.mark.parametrize("fault", ["cut connection", "hang"])
def test_a_block_that_was_cut_off_while_the_phone_was_away_is_not_a_failure(cable: Cable, fault: Fault) -> None:
    cable.cuts, cable.error = {1: 1}, BlockFailed("The browser's connection was cut.", fault=fault)
    cable.states = [None, None]
    assert cable.measure().exit_code == ExitCode.OK
    assert cable.seen.of(events.BlockRetried) == []
    assert len(cable.seen.of(events.TargetBack)) == 1


def test_others_go_on_meanwhile(cable: Cable) -> None:
    """A phone that is waited for holds neither its machine's turn nor the computer."""
    here = phone("host", kind="host", machine="x")
    away, beside = phone("A", machine="x"), phone("B", machine="x")
    cable.cuts = {0: 1}

    def met(info: TargetInfo) -> TargetInfo | None:
        done = {event.block.planned.case.target for event in cable.seen.of(events.BlockFinished) if event.block}
        rest = [event.target for event in cable.seen.of(events.TargetFinished)]
        return info if done >= {"B", "host"} and sorted(rest) == ["B", "host"] else None

    cable.world.met = met
    assert cable.measure(away, beside, here).exit_code == ExitCode.OK
    assert cable.outcomes == ["measured"] * 9


def test_ctrl_c_ends_the_wait_at_once(cable: Cable, pinned: Pinned) -> None:
    cable.cuts, cable.states = {1: 1}, [None] * 10_000

    def met(info: TargetInfo) -> TargetInfo | None:
        if cable.seen.of(events.TargetAway):
            cable.cancel.set()
        return None

    cable.world.met = met
    begun = time.monotonic()
    result = cable.measure(wait_seconds=600)
    assert time.monotonic() - begun < 30
    assert (result.exit_code, cable.outcomes) == (ExitCode.INTERRUPTED, ["measured"])
    pinned(cable.seen.of(events.TargetNoticed)[0].words)


def test_a_phone_that_is_away_when_it_is_opened_is_waited_for(cable: Cable) -> None:
    cable.world.dead.add("A")

    def met(info: TargetInfo) -> TargetInfo | None:
        if not cable.seen.of(events.TargetAway):
            return None
        cable.world.dead.clear()
        return info

    cable.world.met = met
    assert cable.measure().exit_code == ExitCode.OK
    assert not cable.seen.of(events.TargetBack)[0].repeated


def test_one_that_is_seen_but_never_opened_is_lost_after_the_limit(cable: Cable) -> None:
    cable.world.dead.add("A")
    cable.measure(wait_seconds=0.1)
    assert cable.seen.of(events.TargetLost)[0].reason == "A does not answer."


def test_adb_is_asked_at_growing_intervals_to_connect_the_phone_again(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachment, "TRY_SECONDS", (0.0, 0.0, 3600.0))
    cable.cuts, cable.world.can_ask = {1: 1}, True
    away = A.model_copy(update={"state": "offline"})
    cable.states = [None, away, away, away]
    assert cable.measure().exit_code == ExitCode.OK
    assert cable.world.asked == [("A", "absent"), ("A", "offline")]
    assert cable.seen.of(events.TargetBack)[0].asked == 2


def test_a_phone_that_has_another_serial_now_is_named(
    cable: Cable, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(attachment, "TRY_SECONDS", (0.0,))
    cable.cuts, cable.states = {1: 1}, [None] * 10_000
    cable.world.other_serials = {"A": "192.168.1.7:5555"}
    cable.measure(wait_seconds=0.1)
    away = cable.seen.of(events.TargetAway)
    assert [(event.state, event.loss) for event in away] == [
        ("absent", "absent"),
        ("attached as 192.168.1.7:5555", "other serial"),
    ]
    pinned(str(away[1].hint))
    assert cable.seen.of(events.TargetLost)[0].loss == "other serial"


@pytest.mark.parametrize(
    ("state", "loss"),
    [
        (None, "absent"),
        ("offline", "offline"),
        ("unauthorized", "unauthorised"),
        ("no permissions (missing udev rules?)", "unauthorised"),
        ("recovery", "not Android"),
        ("not answering", "no answer"),
        ("out of reach", "no adb server"),
    ],
)
def test_a_phone_that_is_given_up_has_a_named_loss(cable: Cable, state: str | None, loss: str) -> None:
    cable.cuts = {1: 1}
    cable.states = [A.model_copy(update={"state": state}) if state else None] * 10_000
    cable.measure(wait_seconds=0.02)
    assert [event.loss for event in cable.seen.of(events.TargetLost)] == [loss]


def test_a_phone_that_is_lost_in_block_after_block_is_given_up(cable: Cable, pinned: Pinned) -> None:
    cable.cuts = dict.fromkeys(range(5), 99)
    result = cable.run(A, rounds=5)
    (lost,) = cable.seen.of(events.TargetLost)
    assert lost.loss == "unstable"
    pinned(lost.reason)
    assert (cable.outcomes, result.counts["not measured"]) == (["failed"] * 3, 2)
    (left_out,) = quarantine.in_force(cable.store)
    assert (left_out.serial, left_out.until - lost.at) == ("A", QUARANTINE)
    assert "mobilebench quarantine lift A" in cable.seen.of(events.TargetNoticed)[-1].words


def test_losses_of_blocks_that_are_not_in_a_row_do_not_make_a_phone_unstable(cable: Cable) -> None:
    cable.cuts = {0: 99, 1: 99, 3: 99, 4: 99}
    cable.run(A, rounds=5)
    assert cable.outcomes == ["failed", "failed", "measured", "failed", "failed"]
    assert cable.seen.of(events.TargetLost) == []


def test_a_crash_that_was_a_restart_of_the_phone_is_not_a_failure(cable: Cable) -> None:
    cable.cuts, cable.error = {1: 1}, BlockFailed("The runner was killed by signal 9.", fault="crash")
    cable.states = [None, None]
    assert cable.measure().exit_code == ExitCode.OK
    assert cable.seen.of(events.BlockRetried) == []


def test_a_connection_that_is_cut_while_changes_are_undone_is_waited_for(cable: Cable) -> None:
    """The next opening undoes what is left."""
    cuts = iter([BlockFailed("not every change could be put back", fault="cut connection")])
    opened = cable.world.put_back

    class Undone(list[str]):
        def append(self, name: str) -> None:
            super().append(name)
            if error := next(cuts, None):
                raise error

    cable.world.put_back = Undone(opened)
    assert cable.measure().exit_code == ExitCode.OK
    assert cable.world.put_back == ["A", "A"]
    assert cable.world.engine.measured == [0, 1, 2]


def test_a_change_that_cannot_be_undone_is_told_at_once(cable: Cable) -> None:
    class Refused(list[str]):
        def append(self, name: str) -> None:
            raise BlockFailed("the phone refuses")

    cable.world.put_back = Refused()
    cable.measure()
    assert [event.reason for event in cable.seen.of(events.TargetLost)] == ["the phone refuses"]
    assert cable.seen.of(events.TargetAway) == []


def test_a_clock_that_jumps_does_not_change_how_long_a_block_took(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = iter(range(0, 1000, 2))

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Jumping:
            return cls.fromtimestamp(time.time() + 3600 * next(jumps), tz)

    monkeypatch.setattr(worker, "datetime", Jumping)
    cable.measure()
    for block in cable.stored().blocks:
        assert 0 <= (block.ended_at - block.started_at).total_seconds() < 600
