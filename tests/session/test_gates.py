"""Gates before blocks, and blocks that are stopped because their phone becomes too hot."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed, ExitCode, TargetLost
from mobilebench.core.records import Block, Conditions, GateLimits, PlannedBlock, TargetInfo
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, RunResult, events, run
from mobilebench.session.dependencies import Dependencies
from mobilebench.targets.care.gates import Gatekeeper
from tests.results.making import phone
from tests.session.fakes import Seen, World, plan
from tests.targets.care.phones import Scripted, thermal

LIMITS = GateLimits(temperature=38.0, wait=60.0)
PHONE = phone()


@dataclass
class OpenPhone(Scripted):
    notices: tuple[str, ...] = ()


@dataclass
class Heat:
    """A run on one phone whose thermal service answers as a test says."""

    store: Store
    answers: list[Any] = field(default_factory=lambda: [thermal(skin=30.0)])
    world: World = field(default_factory=lambda: World(attached=[PHONE]))
    seen: Seen = field(default_factory=Seen)
    cancel: threading.Event = field(default_factory=threading.Event)
    wait_seconds: float = 0.0

    def dependencies(self) -> Dependencies:
        made = self.world.dependencies()

        def opened(info: TargetInfo, *_: Any) -> Any:
            return _Opened(OpenPhone({"thermalservice": self.answers}, info))

        return replace(made, open_target=opened, gatekeeper=lambda: Gatekeeper(every_s=0.01))

    def run(self, limits: GateLimits | None, *, rounds: int = 1) -> RunResult:
        made = plan(PHONE, rounds=rounds)
        conditions = Conditions(gates=limits)
        blocks = tuple(one.model_copy(update={"conditions": conditions}) for one in made.blocks)
        return run(
            RunRequest(replace(made, blocks=blocks), (PHONE,)),
            self.store,
            on_event=self.seen,
            cancel=self.cancel,
            dependencies=self.dependencies(),
            wait_seconds=self.wait_seconds,
        )

    def blocks(self) -> list[Block]:
        return self.store.load("last").blocks


class _Opened:
    def __init__(self, target: OpenPhone) -> None:
        self._target = target

    def __enter__(self) -> OpenPhone:
        return self._target

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def heat(tmp_path: Path, empty_store: Path) -> Iterator[Heat]:
    shutil.copy(empty_store, tmp_path)
    made = Heat(Store.open(tmp_path))
    yield made
    made.store.close()


def test_a_block_without_limits_has_no_gate(heat: Heat) -> None:
    heat.run(None)
    assert heat.blocks()[0].gate is None


def test_a_gate_that_was_waited_for_is_stored_and_told(heat: Heat) -> None:
    heat.answers = [thermal(skin=41.2), thermal(skin=37.0)]
    result = heat.run(LIMITS)
    (block,) = heat.blocks()
    assert result.exit_code is ExitCode.OK
    assert block.gate is not None
    assert (block.gate.outcome, block.gate.readings[0].value) == ("open", 37.0)
    assert 0 < block.gate.waited_ms <= block.spent_ms["gate"]
    waiting = [event for event in heat.seen.of(events.GateWaiting) if event.reasons]
    assert [event.reasons for event in waiting] == [("skin 41.2 °C, limit 38 °C",)]
    assert 0 < waiting[0].left_s <= 60


def test_after_the_limit_of_time_the_block_is_measured_and_suspect(heat: Heat) -> None:
    heat.answers = [thermal(skin=41.2)]
    result = heat.run(LIMITS.model_copy(update={"wait": 0.0}))
    (block,) = heat.blocks()
    assert (block.outcome, result.exit_code) == ("measured", ExitCode.SUSPECT)
    assert block.verdict is not None
    assert block.verdict.codes == ["not-ready"]
    (told,) = heat.seen.of(events.GateTimedOut)
    assert (told.reasons, told.skipped) == (("skin 41.2 °C, limit 38 °C",), False)


def test_or_it_is_skipped_and_the_next_block_may_begin(heat: Heat) -> None:
    heat.answers = [thermal(skin=41.2), thermal(skin=30.0)]
    result = heat.run(LIMITS.model_copy(update={"wait": 0.0, "otherwise": "skip"}), rounds=2)
    skipped, measured = heat.blocks()
    assert (skipped.outcome, measured.outcome) == ("failed", "measured")
    assert skipped.reason == "The target was not ready within 0 s: skin 41.2 °C, limit 38 °C."
    assert skipped.gate is not None and skipped.gate.outcome == "skipped"
    assert heat.world.engine.measured == [1]
    assert result.exit_code is ExitCode.CASES_FAILED


def test_cancelling_while_waiting_ends_the_run(heat: Heat) -> None:
    heat.answers = [thermal(skin=60.0)]

    def look(event: events.Event) -> None:
        Seen.__call__(heat.seen, event)
        if isinstance(event, events.GateWaiting):
            heat.cancel.set()

    heat.seen = type("Looking", (Seen,), {"__call__": lambda self, event: (self.append(event), look(event))})()
    began = time.monotonic()
    result = heat.run(LIMITS.model_copy(update={"wait": 600.0}))
    assert result.exit_code is ExitCode.INTERRUPTED
    assert time.monotonic() - began < 30
    assert heat.blocks() == []


def test_a_phone_that_is_lost_while_waiting_is_waited_for_and_the_block_measured_once(heat: Heat) -> None:
    heat.wait_seconds = 30
    heat.answers = [thermal(skin=60.0), TargetLost("R58M went away."), thermal(skin=30.0)]
    heat.run(LIMITS)
    (block,) = heat.blocks()
    assert (block.outcome, heat.world.engine.measured) == ("measured", [0])
    assert len(heat.seen.of(events.TargetBack)) == 1


def until_stopped(seconds: float = 30) -> Any:
    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        assert cancel.wait(seconds), "nobody stopped the block"
        raise BlockFailed("The block was cancelled.")

    return behave


CEILING = GateLimits(stop_above=45.0, wait=60.0)


def test_a_block_that_becomes_too_hot_is_stopped_cooled_and_repeated(heat: Heat) -> None:
    """The phone is hot during the first attempt, and cool again when it is looked at before the second one."""
    stops = until_stopped()
    calls: list[int] = []

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        calls.append(planned.index)
        if len(calls) == 1:
            stops(planned, cancel)

    heat.world.engine.behave = behave
    heat.answers = [thermal(skin=44.0), thermal(skin=45.5), thermal(skin=42.0), thermal(skin=39.0)]
    result = heat.run(CEILING)
    (block,) = heat.blocks()
    assert (block.outcome, len(calls), result.exit_code) == ("measured", 2, ExitCode.OK)
    (stopped,) = block.stopped
    assert (stopped.source, stopped.celsius, stopped.limit) == ("skin", 45.5, 45.0)
    assert (stopped.gate, stopped.measurement) == (None, None)
    assert result.summary.stopped == 1
    assert result.counts["invalid"] == 0
    assert block.gate is not None
    assert (block.gate.readings[0].limit, block.gate.readings[0].value) == (40.0, 39.0)
    assert block.verdict is not None and block.verdict.codes == ["stopped-before"]
    (told,) = heat.seen.of(events.BlockStopped)
    assert told.repeated
    assert heat.seen.of(events.BlockRetried) == []


def test_an_answer_of_an_attempt_that_was_ended_above_the_ceiling_is_kept_and_does_not_count(heat: Heat) -> None:
    """The engine answers after all, as a runner does that was asked to end."""
    stopped_once: list[bool] = []

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        if not stopped_once:
            stopped_once.append(cancel.wait(30))

    heat.world.engine.behave = behave
    heat.answers = [thermal(skin=30.0), thermal(skin=45.5), thermal(skin=39.0)]
    heat.run(CEILING.model_copy(update={"temperature": 44.0}))
    (block,) = heat.blocks()
    assert stopped_once == [True]
    (stopped,) = block.stopped
    assert stopped.measurement is not None and stopped.measurement.prediction_ms
    assert stopped.gate is not None and stopped.gate.readings[0].value == 30.0
    assert (block.outcome, len(heat.world.engine.measured)) == ("measured", 2)


def test_it_is_repeated_at_most_twice(heat: Heat) -> None:
    heat.world.engine.behave = until_stopped()
    heat.answers = [thermal(skin=50.0)]
    heat.run(CEILING.model_copy(update={"wait": 0.0}))
    (block,) = heat.blocks()
    assert (block.outcome, len(block.stopped), len(heat.world.engine.measured)) == ("failed", 3, 3)
    assert "stopped 3 times" in (block.reason or "")
    assert [event.repeated for event in heat.seen.of(events.BlockStopped)] == [True, True, False]


def test_the_proof_says_how_often_a_block_was_read_for_its_ceiling(heat: Heat) -> None:
    target: list[str] = []
    heat.answers = [lambda: target.append("read") or thermal(skin=30.0)]

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        before, deadline = len(target), time.monotonic() + 30
        while len(target) < before + 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    heat.world.engine.behave = behave
    heat.run(CEILING)
    (block,) = heat.blocks()
    assert block.measurement is not None
    (note,) = [one for one in block.measurement.proof.notes if "for its ceiling" in one]
    assert "its temperature was read" in note


def test_a_block_that_fails_by_itself_is_no_stopped_one(heat: Heat) -> None:
    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        raise BlockFailed("The runner died.")

    heat.world.engine.behave = behave
    heat.run(CEILING)
    (block,) = heat.blocks()
    assert (block.outcome, block.reason, block.stopped) == ("failed", "The runner died.", [])
    assert len(heat.world.engine.measured) == 2


def test_cancelling_during_a_watched_block_drops_it(heat: Heat) -> None:
    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        heat.cancel.set()
        assert cancel.wait(30)
        raise BlockFailed("The block was cancelled.")

    heat.world.engine.behave = behave
    result = heat.run(CEILING)
    assert result.exit_code is ExitCode.INTERRUPTED
    assert heat.blocks() == []
