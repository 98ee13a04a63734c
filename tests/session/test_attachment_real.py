"""A virtual phone whose connection is cut in the middle of a block, by the real adb."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cable import Cable
from mobilebench import targets
from mobilebench.core.errors import ExitCode
from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, run
from mobilebench.suite import Plan
from mobilebench.targets.android import adb_protocol
from mobilebench.virtual import adb, phones
from tests.session.fakes import SUITE, Seen
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.build]

RULE = BlockRule(min_predictions=60, max_predictions=60, max_seconds=30)
LONG = BlockRule(min_predictions=160, max_predictions=160, max_seconds=60)
"""Of the block in which the phone goes away: it lasts 8 s, so that it has not ended by then on a busy computer."""
BLOCKS = 3


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=["cut"])[0].serial


class Cutter(Seen):
    """Cuts the phone off in its second block, and connects it again when the run waits for it."""

    def __init__(self, serial: str) -> None:
        super().__init__()
        self._serial = serial
        self._cut = False

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        if isinstance(event, events.BlockStarted) and event.planned.index == 1 and not self._cut:
            self._cut = True
            threading.Timer(0.5, self._adb, ["disconnect"]).start()
        elif isinstance(event, events.StillWaiting) and adb_protocol.state(self._serial) == "absent":
            self._adb("connect")

    def _adb(self, word: str) -> None:
        subprocess.run([BUNDLED_ADB, word, self._serial], check=True, capture_output=True, timeout=30)


class Forgetful(Seen):
    """Lets adb forget the phone in its second block, and does nothing about it."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self._words = words
        self._done = False

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        if isinstance(event, events.BlockStarted) and event.planned.index == 1 and not self._done:
            self._done = True
            subprocess.run([BUNDLED_ADB, *self._words], check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize("word", ["disconnect", "kill-server"])
def test_a_phone_that_adb_forgot_is_connected_again(serial: str, tmp_path: Path, word: str) -> None:
    (info,) = targets.select(serial)
    case = Case(target=serial, engine="sleep", backend="cpu", threads=1, model="bert_small")
    blocks = tuple(PlannedBlock(index=n, round=n, case=case, rule=LONG if n == 1 else RULE) for n in range(BLOCKS))
    seen = Forgetful(word, serial) if word == "disconnect" else Forgetful(word)
    with Store.open(tmp_path) as store:
        request = RunRequest(Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks), (info,))
        run(request, store, on_event=seen, cancel=threading.Event(), wait_seconds=120)
        stored = store.load("last")
    assert [block.outcome for block in stored.blocks] == ["measured"] * BLOCKS, [b.reason for b in stored.blocks]
    assert seen.of(events.TargetBack)[0].asked >= 1
    assert {event.loss for event in seen.of(events.TargetAway)} <= {"absent", "no adb server", "offline"}


def test_every_block_is_measured_although_the_phone_was_cut_off(serial: str, tmp_path: Path) -> None:
    (info,) = targets.select(serial)
    case = Case(target=serial, engine="sleep", backend="cpu", threads=1, model="bert_small")
    blocks = tuple(PlannedBlock(index=n, round=n, case=case, rule=LONG if n == 1 else RULE) for n in range(BLOCKS))
    seen = Cutter(serial)
    with Store.open(tmp_path) as store:
        request = RunRequest(Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks), (info,))
        result = run(request, store, on_event=seen, cancel=threading.Event(), wait_seconds=120)
        stored = store.load("last")
    assert [block.outcome for block in stored.blocks] == ["measured"] * BLOCKS, [b.reason for b in stored.blocks]
    assert result.exit_code == ExitCode.SUSPECT
    assert [event.state for event in seen.of(events.TargetAway)] == ["absent"]
    (back,) = seen.of(events.TargetBack)
    assert (back.repeated, back.restarted) == (True, False)
    started = [event.planned.index for event in seen.of(events.BlockStarted)]
    assert started == [0, 1, 1, 2]


class Mover(Seen):
    """Pulls the phone's cable in its second block, after which adb reaches it over the network only."""

    def __init__(self, cable: Cable, serial: str, *, comes_back: bool) -> None:
        super().__init__()
        self._cable = cable
        self._serial = serial
        self._comes_back = comes_back
        self._moved = False

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        if isinstance(event, events.BlockStarted) and event.planned.index == 1 and not self._moved:
            self._moved = True
            threading.Thread(target=self._move).start()
        elif isinstance(event, events.TargetAway) and event.loss == "other serial" and self._comes_back:
            self._cable.plug_in()

    def _move(self) -> None:
        adb.connect(self._serial)
        self._cable.cut()


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_phone_that_moved_to_the_network_is_named_by_its_other_serial(
    serial: str, tmp_path: Path, comes_back: bool
) -> None:
    adb.disconnect(serial)
    cable = Cable(int(serial.rpartition(":")[2]))
    adb.wait_for(cable.serial, "device")
    (info,) = targets.select(cable.serial)
    case = Case(target=info.id, engine="sleep", backend="cpu", threads=1, model="bert_small")
    blocks = tuple(PlannedBlock(index=n, round=n, case=case, rule=LONG if n == 1 else RULE) for n in range(BLOCKS))
    seen = Mover(cable, serial, comes_back=comes_back)
    try:
        with Store.open(tmp_path) as store:
            request = RunRequest(Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks), (info,))
            run(request, store, on_event=seen, cancel=threading.Event(), wait_seconds=120 if comes_back else 20)
            stored = store.load("last")
    finally:
        cable.cut()
        adb.connect(serial)
    moved = [event for event in seen.of(events.TargetAway) if event.loss == "other serial"]
    assert [event.state for event in moved] == [f"attached as {serial}"]
    assert moved[0].hint and f"Attach it as {cable.serial} again" in moved[0].hint
    if comes_back:
        assert [block.outcome for block in stored.blocks] == ["measured"] * BLOCKS, [b.reason for b in stored.blocks]
        assert seen.of(events.TargetLost) == []
    else:
        assert [event.loss for event in seen.of(events.TargetLost)] == ["other serial"]
        assert [block.planned.index for block in stored.blocks] == [0]
