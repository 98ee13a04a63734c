from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mobilebench.core.errors import BadInput, BlockFailed, ExitCode, NothingToMeasure, TargetLost, Unsupported
from mobilebench.core.records import PlannedBlock, Run, Series, TargetInfo
from mobilebench.models.manifest import ModelFiles
from mobilebench.recorders.base import Declaration, Quantity, Recorded, Subject
from mobilebench.results.store import Store, StoreError
from mobilebench.session import RunRequest, events, resume, run
from mobilebench.session.journal import Journal
from mobilebench.session.worker import ATTEMPTS
from tests.browsers.processes import wait_until
from tests.pinning import Pinned

from ..results.making import host, phone
from . import killed
from .fakes import PROOF, FakeEngine, Seen, Sessions, World, manifest, plan, sleeping


@pytest.fixture
def session(tmp_path: Path, empty_store: Path):
    shutil.copy(empty_store, tmp_path)
    made = Sessions(tmp_path)
    yield made
    made.store.close()


def test_a_plan_is_measured_in_its_order_and_stored(session: Sessions) -> None:
    result = session.run(models=("a", "b"))

    stored = session.stored()
    assert session.world.engine.measured == [0, 1, 2, 3]
    assert [block.planned for block in stored.blocks] == stored.planned
    assert stored.info.id == result.run_id
    assert stored.info.status == "finished"
    assert stored.info.finished_at is not None
    assert stored.info.command == ["mobilebench", "run"]
    assert stored.info.weights == {"a": "seeded", "b": "seeded"}
    assert (result.counts["valid"], result.exit_code) == (4, ExitCode.OK)


def test_time_is_split_by_what_it_went_to(session: Sessions) -> None:
    session.run(rounds=1)
    spent = session.stored().blocks[0].spent_ms
    assert spent.keys() == {"push", "launch", "gate", "measure", "store"}
    assert (spent["push"], spent["measure"]) == (1.5, 3.5 + 1.25 + 9.0 + 4.0 + 3.75 + 4.25)
    assert 2.5 <= spent["launch"] < 1000
    assert spent["store"] > 0


def test_a_block_is_stored_in_one_transaction(session: Sessions) -> None:
    """Also how long storing took: it is written with the next block, and that of the last one with the run's end."""
    writes: list[int] = []
    commits = 0

    def committed(connection: object) -> None:
        nonlocal commits
        commits += connection.get_execution_options().get("write", False)  # type: ignore[attr-defined]

    def look(event: events.Event) -> None:
        if isinstance(event, events.BlockFinished):
            writes.append(commits)

    event.listen(session.store.database.engine, "commit", committed)
    request = RunRequest(plan=plan(host(), rounds=4), targets=(host(),))
    run(request, session.store, on_event=look, cancel=session.cancel, dependencies=session.world.dependencies())
    assert [after - before for before, after in pairwise(writes)] == [1, 1, 1]
    assert all(block.spent_ms["store"] > 0 for block in session.stored().blocks)


def test_what_a_run_answers_is_what_is_stored_of_it(session: Sessions) -> None:
    loads = 0
    load = session.store.load

    def counted(run_id: str) -> Run:
        nonlocal loads
        loads += 1
        return load(run_id)

    session.store.load = counted  # type: ignore[method-assign]
    result = session.run(rounds=3)
    assert loads == 1
    assert result.run == load("last")


def test_everything_requested_is_recorded_before_the_first_block(session: Sessions) -> None:
    found: list[Run] = []
    session.world.engine.behave = lambda planned, cancel: found.append(session.stored())
    session.run(rounds=3)
    assert len(found[0].planned) == 3
    assert found[0].blocks == []
    assert found[0].info.status == "running"


def test_a_block_is_stored_when_subscribers_see_it(session: Sessions) -> None:
    counted: list[int] = []

    def look(event: events.Event) -> None:
        if isinstance(event, events.BlockFinished):
            counted.append(len(session.stored().blocks))

    request = RunRequest(plan=plan(host(), rounds=3), targets=(host(),))
    run(request, session.store, on_event=look, cancel=session.cancel, dependencies=session.world.dependencies())
    assert counted == [1, 2, 3]


def test_the_events_of_a_run(session: Sessions) -> None:
    session.run(rounds=1)
    assert [event.kind for event in session.seen] == [
        "RunStarted",
        "TargetStarted",
        "BlockStarted",
        "GateWaiting",
        "GatePassed",
        "BlockFinished",
        "TargetFinished",
        "RunFinished",
    ]


def test_the_journal_holds_every_event_as_json(session: Sessions) -> None:
    result = session.run(rounds=1)
    lines = (session.store.run_folder(result.run_id) / "journal.jsonl").read_text().splitlines()
    journal = [json.loads(line) for line in lines]
    assert [line["kind"] for line in journal] == [event.kind for event in session.seen]
    assert journal[5]["block"]["verdict"] == "valid"
    assert journal[5]["block"]["case"] == "host/fake/cpu/t2/m/fp32/b1"


def test_a_journal_that_cannot_be_written(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "runs").write_text("")
    with pinned.raises(BadInput):
        Journal(tmp_path / "runs" / "x")


class TestOutcomes:
    def test_a_verdict_follows_from_the_proof(self, session: Sessions) -> None:
        session.world.engine.report = lambda planned: {"proof": {**PROOF, "threads": 1}}
        result = session.run()
        verdict = session.stored().blocks[0].verdict
        assert verdict
        assert verdict.status == "invalid"
        assert (result.counts["invalid"], result.exit_code) == (2, ExitCode.CASES_FAILED)

    def test_suspect_blocks_have_their_own_exit_code(self, session: Sessions) -> None:
        session.world.engine.report = lambda planned: {"proof": {**PROOF, "clock_resolution_ms": 1.0}}
        assert session.run().exit_code == ExitCode.SUSPECT

    def test_what_an_engine_does_not_support_is_not_prepared(self, session: Sessions) -> None:
        session.world.engine.cannot = lambda target, case: "there is no GPU" if case.model == "b" else None
        result = session.run(models=("a", "b"))
        block = session.stored().blocks[1]
        assert (block.outcome, block.reason) == ("unsupported", "there is no GPU")
        assert session.world.engine.measured == [0, 2]
        assert all("/b/" not in key for key in session.world.engine.prepared)
        assert (result.counts["valid"], result.counts["unsupported"], result.exit_code) == (2, 2, ExitCode.OK)

    def test_nothing_but_unsupported(self, session: Sessions) -> None:
        session.world.engine.cannot = lambda target, case: "no"
        assert session.run().exit_code == ExitCode.NOTHING_TO_MEASURE

    def test_what_turns_out_to_be_unsupported_is_tried_once(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            raise Unsupported("no WebGPU adapter")

        session.world.engine.behave = behave
        session.run(rounds=3)
        assert [block.reason for block in session.stored().blocks] == ["no WebGPU adapter"] * 3
        assert session.world.engine.measured == [0]

    @pytest.mark.parametrize(("status", "outcome"), [("unsupported", "unsupported"), ("error", "failed")])
    def test_an_answer_that_is_no_measurement(self, session: Sessions, status: str, outcome: str) -> None:
        session.world.engine.report = lambda planned: {"status": status, "reason": "because"}
        session.run(rounds=1)
        block = session.stored().blocks[0]
        assert (block.outcome, block.reason, block.measurement) == (outcome, "because", None)

    def test_a_failed_block_is_tried_once_more(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0 and len(session.world.engine.measured) == 1:
                raise BlockFailed("the page never answered")

        session.world.engine.behave = behave
        result = session.run()
        assert session.world.engine.measured == [0, 0, 1]
        assert result.exit_code == ExitCode.OK
        assert [event.reason for event in session.seen.of(events.BlockRetried)] == ["the page never answered"]
        assert [event["kind"] for event in session.store.events("last")] == [
            "RunStarted",
            "BlockRetried",
            "RunFinished",
        ]

    def test_what_fails_twice_is_stored_as_failed_and_tried_again_in_the_next_round(
        self, session: Sessions, pinned: Pinned
    ) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0:
                raise BlockFailed("the runner died.", hint="Look at its log.", fault="crash")

        session.world.engine.behave = behave
        result = session.run()
        first, second = session.stored().blocks
        assert (first.outcome, first.fault) == ("failed", "crash")
        pinned(first.reason)
        assert [event["fault"] for event in session.store.events("last") if event["kind"] == "BlockRetried"] == [
            "crash"
        ]
        assert second.outcome == "measured"
        assert session.world.engine.measured == [0, 0, 1]
        assert result.exit_code == ExitCode.CASES_FAILED
        log = (session.store.folder / "runs" / session.stored().info.id / "run.log").read_text(encoding="utf-8")
        assert log.count("Traceback") == ATTEMPTS, "each attempt is logged with the place of its error"
        assert "in behave" in log

    def test_a_mistake_in_mobilebench_fails_the_block_and_not_the_run(self, session: Sessions, pinned: Pinned) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0:
                raise ZeroDivisionError("oops")

        session.world.engine.behave = behave
        session.run()
        assert [block.outcome for block in session.stored().blocks] == ["failed", "measured"]
        pinned(str(session.stored().blocks[0].reason))
        assert session.stored().blocks[0].fault is None
        assert "Traceback" in session.seen.of(events.Defect)[0].traceback

    def test_the_log_of_a_phone_is_in_the_journal_after_an_attempt_that_failed(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0:
                raise BlockFailed("The runner was killed.")

        session.world.engine.behave = behave
        session.run(phone())
        found = session.seen.of(events.PhoneLog)
        assert [event.planned.index for event in found] == [0] * ATTEMPTS
        assert {event.reason for event in found} == {"A target for tests has no shell"}


class FakeRecorder:
    """Notes when it reads; `fails` says at which step it cannot."""

    def __init__(self, name: str, log: list[str], fails: str = "", error: Exception | None = None) -> None:
        quantity = Quantity("level", "%", "Level")
        self.declaration = Declaration(name, name, "For tests.", "around the block", (quantity,))
        self._log = log
        self._fails = fails
        self._error = error or BlockFailed("no answer.")

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: object) -> str | None:
        return "not here" if self._fails == "validate" else None

    def start(self, subject: Subject) -> None:
        self._read("start")

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        self._read("stop" if complete else "abandon")

    def result(self) -> Recorded:
        name = self.declaration.name
        if self._fails == "result":
            raise ZeroDivisionError("oops")
        return Recorded([Series(recorder=name, name="level", unit="%", times_ms=[0.0, 5.0], values=[80.0, 79.0])])

    def _read(self, when: str) -> None:
        self._log.append(f"{self.declaration.name} {when}")
        if self._fails == when:
            raise self._error


def failing(planned: PlannedBlock, cancel: threading.Event) -> None:
    raise BlockFailed("it broke")


class TestRecorders:
    def test_they_read_around_the_measured_part(self, session: Sessions) -> None:
        log: list[str] = []
        session.world.readers = {"a": lambda _: FakeRecorder("a", log), "b": lambda _: FakeRecorder("b", log)}
        session.world.engine.behave = lambda planned, cancel: log.append("measured")
        session.run(rounds=1)
        assert log == ["a start", "b start", "measured", "a stop", "b stop"]
        assert [one.recorder for one in session.stored().blocks[0].series] == ["a", "b"]

    @pytest.mark.parametrize(
        ("when", "reason"),
        [
            ("validate", None),
            ("start", "no answer"),
            ("stop", "no answer"),
            ("result", "the recorder has a defect (ZeroDivisionError: oops)"),
        ],
    )
    def test_one_that_fails_has_a_reason_and_the_block_stays(
        self, session: Sessions, when: str, reason: str | None
    ) -> None:
        log: list[str] = []
        session.world.readers = {
            "a": lambda _: FakeRecorder("a", log, fails=when),
            "b": lambda _: FakeRecorder("b", log),
        }
        result = session.run(rounds=1)
        reasons = {one.recorder: one.reason for one in session.stored().blocks[0].series}
        assert reasons == ({"b": None} if reason is None else {"a": reason, "b": None})
        assert result.exit_code == ExitCode.OK
        assert ("a start" in log) == (when != "validate")

    def test_all_are_stopped_without_another_reading_when_the_block_fails(self, session: Sessions) -> None:
        log: list[str] = []
        session.world.readers = {"a": lambda _: FakeRecorder("a", log)}
        session.world.engine.behave = failing
        session.run(rounds=1)
        assert log == ["a start", "a abandon"] * 2, "the block is tried twice"
        (block,) = session.stored().blocks
        assert block.outcome == "failed"
        assert [one.values for one in block.series] == [[80.0, 79.0]], "what was read before it failed is kept"

    @pytest.mark.parametrize(
        ("when", "steps"),
        [
            ("start", ["a start", "a abandon"]),
            ("stop", ["a start", "b start", "a stop", "a abandon", "b abandon"]),
        ],
    )
    def test_a_target_that_goes_away_while_it_is_read_is_lost(
        self, session: Sessions, when: str, steps: list[str]
    ) -> None:
        log: list[str] = []
        session.world.readers = {
            "a": lambda _: FakeRecorder("a", log, fails=when, error=TargetLost("host went away.")),
            "b": lambda _: FakeRecorder("b", log),
        }
        session.run()
        assert session.seen.of(events.TargetLost)[0].reason == "host went away."
        assert session.stored().blocks == []
        assert log == steps


class TestModels:
    def test_a_model_of_which_there_is_no_definition_is_unsupported(self, session: Sessions, pinned: Pinned) -> None:
        session.world.unknown_models["b"] = "b is known but this version has no definition of it"
        result = session.run(models=("a", "b"))
        pinned(session.stored().blocks[1].reason)
        assert result.counts["unsupported"] == 2

    def test_a_model_that_cannot_be_built_is_unsupported_beside_others(self, session: Sessions, pinned: Pinned) -> None:
        session.world.models["b"] = BadInput("Building needs TensorFlow.", hint="pip install mobilebench[models]")
        session.run(models=("a", "b"))
        pinned(session.stored().blocks[1].reason)

    def test_no_model_at_all_is_bad_input_and_leaves_no_run(self, session: Sessions, pinned: Pinned) -> None:
        session.world.models["m"] = BadInput("Building needs TensorFlow.", hint="pip install")
        with pinned.raises(BadInput) as raised:
            session.run()
        assert raised.value.hint == "pip install"
        assert session.store.runs() == []

    def test_models_of_unsupported_cases_are_not_built(self, session: Sessions) -> None:
        session.world.models["b"] = BadInput("this must not be asked for")
        session.world.engine.cannot = lambda target, case: "no" if case.model == "b" else None
        session.run(models=("a", "b"))
        assert session.stored().blocks[1].reason == "no"


class TestTargets:
    @pytest.mark.slow
    def test_targets_are_measured_in_parallel_and_each_in_order(self, session: Sessions) -> None:
        session.world.engine = FakeEngine(behave=sleeping(0.2))
        phones = [phone("A"), phone("B"), phone("C")]
        session.run(*phones, rounds=4)
        assert _overlaps(session.world.engine.spans)
        for serial in "ABC":
            order = [b.planned.index for b in sorted(session.stored().blocks, key=lambda b: b.started_at)
                     if b.planned.case.target == serial]  # fmt: skip
            assert order == sorted(order)

    def test_targets_of_one_machine_take_turns(self, session: Sessions) -> None:
        session.world.engine = FakeEngine(behave=sleeping(0.02))
        session.run(host(machine="x"), phone("A", machine="x"), phone("B", machine="x"), rounds=3)
        assert not _overlaps(session.world.engine.spans)

    def test_the_wait_for_a_turn_is_kept_apart(self, session: Sessions) -> None:
        asked: list[str] = []
        turn = session.world._turn

        def asking(machine: str, cancel: threading.Event) -> Any:
            asked.append(machine)
            return turn(machine, cancel)

        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            wait_until(lambda: len(asked) == 2)
            time.sleep(0.05)

        session.world._turn = asking  # type: ignore[method-assign]
        session.world.engine = FakeEngine(behave=behave)
        session.run(phone("A", machine="x"), phone("B", machine="x"), rounds=1)
        gates = sorted(block.spent_ms["gate"] for block in session.stored().blocks)
        assert gates[1] > 25
        assert gates[0] < gates[1]

    def test_the_host_is_measured_with_no_other_block_in_progress(self, session: Sessions) -> None:
        session.world.engine = FakeEngine(behave=sleeping(0.02))
        session.run(host(), phone("A"), phone("B"), rounds=5)
        spans = session.world.engine.spans
        for serial in "AB":
            assert not _overlaps([span for span in spans if span[0] in ("host", serial)])
        assert len(spans) == 15

    def test_engines_that_compute_nothing_need_no_turn(self, session: Sessions) -> None:
        session.world.engine = FakeEngine(behave=sleeping(0.1), claims_machine=False)
        session.run(*(phone(str(number), machine="x") for number in range(8)), rounds=2)
        assert _overlaps(session.world.engine.spans)
        assert all(block.spent_ms["gate"] == 0 for block in session.stored().blocks)
        assert session.seen.of(events.GateWaiting) == []

    def test_a_dead_target_does_not_stop_the_others(self, session: Sessions) -> None:
        session.world.dead.add("DEAD")
        result = session.run(phone("DEAD"), phone("B"))
        hint = f"Plug it in. Then `mobilebench run --resume {result.run_id}` measures what is left."
        assert {b.planned.case.target for b in session.stored().blocks} == {"B"}
        assert [(e.target, e.reason, e.hint) for e in session.seen.of(events.TargetLost)] == [
            ("DEAD", "DEAD does not answer.", hint)
        ]
        assert result.counts["not measured"] == 2
        assert result.exit_code == ExitCode.CASES_FAILED
        assert session.stored().info.status == "interrupted"

    def test_a_target_that_is_unplugged_in_the_middle_can_be_gone_on_with(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.case.target == "A" and planned.round == 1:
                raise TargetLost("A went away.")

        session.world.engine.behave = behave
        session.run(phone("A"), phone("B"), rounds=4)
        assert sorted(b.planned.case.target for b in session.stored().blocks) == ["A", *["B"] * 4]
        assert sorted(session.world.put_back) == ["A", "B"]

        session.world.engine = FakeEngine()
        session.world.attached = [phone("A"), phone("B")]
        result = session.resume()
        assert session.world.engine.measured == [2, 4, 6]
        assert result.exit_code == ExitCode.OK
        assert session.stored().info.status == "finished"

    @pytest.mark.parametrize("retry_failed", [False, True])
    def test_the_hint_of_a_lost_target_names_the_run(self, session: Sessions, retry_failed: bool) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0:
                raise BlockFailed("The page crashed.", fault="crash")
            raise TargetLost("A went away.", hint="Check its cable.")

        session.world.engine.behave = behave
        session.world.attached = [phone("A")]
        session.run(phone("A"))
        if retry_failed:
            session.world.engine = FakeEngine(
                behave=lambda planned, cancel: behave(planned.model_copy(update={"index": 1}), cancel)
            )
            session.resume(retry_failed=True)
        run_id = session.stored().info.id
        command = f"mobilebench run --resume {run_id}{' --retry failed' if retry_failed else ''}"
        assert (
            session.seen.of(events.TargetLost)[-1].hint == f"Check its cable. Then `{command}` measures what is left."
        )

    @pytest.mark.parametrize(("state", "says"), [("offline", "Unplug"), ("unauthorized", "allow USB debugging")])
    def test_unusable_targets_are_skipped_with_what_to_do(self, session: Sessions, state: str, says: str) -> None:
        result = session.run(phone("BAD", state=state), phone("B"))
        skipped = session.seen.of(events.TargetSkipped)[0]
        assert (skipped.target, skipped.reason) == ("BAD", f"BAD is {state}")
        assert says in str(skipped.hint)
        assert result.exit_code == ExitCode.OK
        assert [info.id for info in session.stored().info.targets] == ["BAD", "B"]
        assert session.store.events("last")[1]["kind"] == "TargetSkipped"

    def test_a_second_way_to_a_phone_is_recorded_and_not_measured(self, session: Sessions) -> None:
        result = session.run(phone("A"), phone("B", state="the same phone as A"))
        skipped = session.seen.of(events.TargetSkipped)[0]
        assert (skipped.target, skipped.reason) == ("B", "B is the same phone as A")
        assert {block.planned.case.target for block in session.stored().blocks} == {"A"}
        assert result.exit_code == ExitCode.OK

    def test_phones_that_share_a_serial_are_skipped_with_what_to_do(self, session: Sessions, pinned: Pinned) -> None:
        session.run(phone("A"), phone("D (usb:1-2)", state="another phone has the same serial"))
        skipped = session.seen.of(events.TargetSkipped)[0]
        pinned(skipped.reason)
        pinned(str(skipped.hint))

    def test_what_was_put_back_on_a_target_is_told_and_recorded(self, session: Sessions) -> None:
        session.world.notices["A"] = ("what an earlier run had left was put back: x",)
        session.run(phone("A"))
        assert [event.words for event in session.seen.of(events.TargetNoticed)] == [*session.world.notices["A"]]
        assert "TargetNoticed" in [event["kind"] for event in session.store.events("last")]

    def test_no_usable_target(self, session: Sessions, pinned: Pinned) -> None:
        with pinned.raises(NothingToMeasure):
            session.run(phone("BAD", state="offline"), phone("WORSE", state="unauthorized"))
        assert session.store.runs() == []

    def test_two_runs_at_once_on_one_target(self, session: Sessions, pinned: Pinned) -> None:
        session.world.locked.add("A")
        with pinned.raises(BadInput):
            session.run(phone("A"))
        assert session.store.runs() == []

    def test_a_target_that_another_run_measures_is_left_out_and_can_be_gone_on_with(
        self, session: Sessions, pinned: Pinned
    ) -> None:
        session.world.locked.add("A")
        result = session.run(phone("A"), phone("B"))
        pinned(session.seen.of(events.TargetSkipped)[0].reason)
        assert (result.counts["valid"], result.counts["not measured"]) == (2, 2)

        session.world.locked.clear()
        session.world.attached = [phone("A"), phone("B")]
        assert session.resume().counts["valid"] == 4

    def test_locks_are_given_back(self, session: Sessions) -> None:
        session.run(phone("A"))
        assert session.world.locked == set()


def _overlaps(spans: list[tuple[str, float, float]]) -> bool:
    ordered = sorted(spans, key=lambda span: span[1])
    return any(before[2] > after[1] for before, after in pairwise(ordered))


class TestCtrlC:
    @pytest.mark.slow
    def test_it_ends_within_seconds_and_can_be_gone_on_with(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 3:
                session.cancel.set()
                assert cancel.wait(120)
                raise BlockFailed("cancelled")

        session.world.engine = FakeEngine(behave=behave)
        begun = time.monotonic()
        result = session.run(rounds=100)

        assert time.monotonic() - begun < 60
        assert result.exit_code == ExitCode.INTERRUPTED
        stored = session.stored()
        assert stored.info.status == "interrupted"
        assert 0 < len(stored.blocks) < 100
        assert all(block.outcome == "measured" for block in stored.blocks)
        assert session.world.put_back == ["host"]

        before = {block.planned.index for block in stored.blocks}
        session.world.engine = FakeEngine()
        assert session.resume().counts["valid"] == 100
        assert set(session.world.engine.measured) == set(range(100)) - before

    def test_an_engine_that_does_not_listen_is_left_behind(
        self, session: Sessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mobilebench.session.coordinator.STOP_SECONDS", 0.3)
        let_go = threading.Event()

        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            session.cancel.set()
            let_go.wait(120)

        session.world.engine.behave = behave
        begun = time.monotonic()
        result = session.run()
        let_go.set()
        assert time.monotonic() - begun < 60
        assert result.exit_code == ExitCode.INTERRUPTED
        assert session.stored().blocks == []

    def test_while_a_model_is_being_built(self, session: Sessions) -> None:
        let_go = threading.Event()

        def slow(key: object, progress: object) -> ModelFiles:
            session.cancel.set()
            let_go.wait(120)
            return ModelFiles(Path("/nowhere"), manifest())

        session.world._model = slow  # type: ignore[method-assign, assignment]
        begun = time.monotonic()
        result = session.run()
        let_go.set()
        assert time.monotonic() - begun < 60
        assert result.exit_code == ExitCode.INTERRUPTED
        assert session.world.engine.measured == []

        session.world = World()
        assert session.resume().counts["valid"] == 2

    def test_after_the_last_block_nothing_was_interrupted(self, session: Sessions) -> None:
        session.world.engine.behave = lambda planned, cancel: session.cancel.set() if planned.index == 1 else None
        assert session.run().exit_code == ExitCode.OK


class TestResume:
    def test_nothing_is_measured_twice(self, session: Sessions) -> None:
        session.run()
        session.world.engine = FakeEngine()
        result = session.resume()
        assert session.world.engine.measured == []
        assert (result.counts["valid"], result.exit_code) == (2, ExitCode.OK)

    def test_a_browser_build_that_is_not_named_again_is_waited_for(self, session: Sessions, pinned: Pinned) -> None:
        here = host(browsers={"chrome": "156.0", "chrome@beta": "157.0"})
        laid_out = plan(here)
        blocks = [
            planned.model_copy(update={"case": replace(planned.case, browser="chrome@beta")})
            for planned in laid_out.blocks
        ]
        session.world.engine.behave = lambda planned, cancel: session.cancel.set() or cancel.wait(5)
        request = RunRequest(
            plan=replace(laid_out, blocks=tuple(blocks)), targets=(here,), command=("mobilebench", "run")
        )
        run(
            request,
            session.store,
            on_event=session.seen,
            cancel=session.cancel,
            dependencies=session.world.dependencies(),
        )
        session.world.engine = FakeEngine()
        with pinned.raises(NothingToMeasure):
            session.resume()
        silent = session.world.attached[0].model_copy(
            update={"unusable_browsers": {"chrome@beta": "Chrome Beta is disabled on this phone"}}
        )
        session.world.attached = [silent]
        with pinned.raises(NothingToMeasure):
            session.resume()
        session.world.attached = [here]
        session.resume()
        assert [block.outcome for block in session.stored().blocks] == ["measured", "measured"]

    def test_failed_and_unsupported_blocks_count_as_measured(self, session: Sessions) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index == 0:
                raise BlockFailed("no")
            session.cancel.set()
            cancel.wait(5)

        session.world.engine.behave = behave
        session.run(rounds=3)
        session.world.engine = FakeEngine()
        session.resume()
        assert session.world.engine.measured == [2]

    def test_a_run_that_was_killed_after_its_last_block_is_ended(self, session: Sessions) -> None:
        run_id = session.run().run_id
        session.store.finish(run_id, "running")
        session.world.engine = FakeEngine()
        session.world.attached = []
        result = session.resume()
        assert session.world.engine.measured == []
        assert result.exit_code == ExitCode.OK
        assert result.run == session.stored()
        assert result.run.info.status == "finished"
        assert result.run.info.finished_at is not None
        assert session.seen.of(events.RunFinished)[-1].status == "finished"

    def test_an_unknown_run(self, session: Sessions) -> None:
        session.run()
        with pytest.raises(BadInput) as raised:
            session.resume("nope")
        assert "nope" in raised.value.message

    def test_a_target_that_is_not_here_is_said_and_the_others_are_measured(
        self, session: Sessions, pinned: Pinned
    ) -> None:
        session.cancel.set()
        session.run(phone("A"), phone("B"))
        session.world.attached = [phone("B")]
        result = session.resume()
        assert {b.planned.case.target for b in session.stored().blocks} == {"B"}
        pinned(session.seen.of(events.TargetSkipped)[0].reason)
        assert result.exit_code == ExitCode.CASES_FAILED

    def test_a_phone_that_is_attached_under_another_serial_is_named(self, session: Sessions, pinned: Pinned) -> None:
        session.cancel.set()
        session.run(phone("USB", kind="android", machine="R5CT"))
        session.world.attached = [phone("10.0.0.7:5555", kind="android", machine="R5CT")]
        with pinned.raises(NothingToMeasure) as caught:
            session.resume()
        hint = "The same phone is attached as 10.0.0.7:5555: attach it (or start it) as USB and resume again."
        assert caught.value.hint == hint

    def test_another_device_under_the_same_id_is_not_measured(self, session: Sessions, pinned: Pinned) -> None:
        session.cancel.set()
        session.run(phone("A"))
        session.world.attached = [phone("A", name="another phone", soc="Kirin 980")]
        with pinned.raises(NothingToMeasure):
            session.resume()

    def test_no_target_is_here(self, session: Sessions, pinned: Pinned) -> None:
        session.cancel.set()
        session.run(phone("A"))
        session.world.attached = []
        with pinned.raises(NothingToMeasure):
            session.resume()

    def test_other_weights_do_not_belong_to_the_run(self, session: Sessions, pinned: Pinned) -> None:
        session.cancel.set()
        session.run()
        session.world.models["m"] = ModelFiles(Path("/nowhere"), manifest(weights="sha256:1234"))
        with pytest.raises(BadInput) as raised:
            session.resume()
        pinned(raised.value.message.replace(session.stored().info.id, "RUN"))


class TestRetry:
    """Failed blocks are measured again, after what made them fail was mended."""

    def fail(self, session: Sessions, *indices: int) -> None:
        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            if planned.index in indices:
                raise BlockFailed("the phone's disk is full", fault="no space")

        session.world.engine = FakeEngine(behave=behave)

    def test_failed_blocks_are_replaced_and_what_came_of_them_is_kept(self, session: Sessions) -> None:
        self.fail(session, 1, 2)
        session.run(rounds=4)
        before = session.stored()
        session.world.engine = FakeEngine()
        result = session.resume(retry_failed=True)
        stored = session.stored()
        assert session.world.engine.measured == [1, 2]
        assert [block.outcome for block in stored.blocks] == ["measured"] * 4
        assert [stored.blocks[n] for n in (0, 3)] == [before.blocks[n] for n in (0, 3)]
        assert (result.exit_code, stored.info.status) == (ExitCode.OK, "finished")
        replaced = [event for event in session.store.events("last") if event["kind"] == "BlockReplaced"]
        assert [(event["index"], event["reason"], event["fault"]) for event in replaced] == [
            (index, "the phone's disk is full", "no space") for index in (1, 2)
        ]

    def test_without_being_asked_they_stay(self, session: Sessions) -> None:
        self.fail(session, 1)
        session.run()
        session.world.engine = FakeEngine()
        assert session.resume().counts["failed"] == 1
        assert session.world.engine.measured == []

    def test_what_fails_again_is_stored_once(self, session: Sessions) -> None:
        self.fail(session, 1)
        session.run()
        result = session.resume(retry_failed=True)
        assert (len(session.stored().blocks), result.exit_code) == (2, ExitCode.CASES_FAILED)
        assert session.stored().info.status == "finished"

    def interrupt(self, session: Sessions, index: int) -> None:
        """Press Ctrl-C during a block, which is whole all the same."""
        before = session.world.engine.behave

        def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
            before(planned, cancel)
            if planned.index == index:
                session.cancel.set()
                cancel.wait(30)

        session.world.engine.behave = behave

    def test_what_is_left_unmeasured_is_measured_too(self, session: Sessions) -> None:
        self.fail(session, 0)
        self.interrupt(session, 2)
        session.run(rounds=5)
        session.world.engine = FakeEngine()
        assert session.resume(retry_failed=True).counts["valid"] == 5
        assert session.world.engine.measured == [0, 3, 4]

    def test_interrupted_in_between_the_earlier_attempt_stays(self, session: Sessions) -> None:
        self.fail(session, 0, 1)
        session.run()
        session.world.engine = FakeEngine()
        self.interrupt(session, 0)
        result = session.resume(retry_failed=True)
        assert [block.outcome for block in session.stored().blocks] == ["measured", "failed"]
        assert (result.exit_code, session.stored().info.status) == (ExitCode.INTERRUPTED, "interrupted")
        session.world.engine = FakeEngine()
        assert session.resume(retry_failed=True).exit_code == ExitCode.OK
        assert session.world.engine.measured == [1]


class TestKill:
    def test_a_block_begins_when_the_one_before_it_is_stored(
        self, session: Sessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append = session.store.append

        def slowly(*what: object, **how: object) -> None:
            time.sleep(0.05)
            append(*what, **how)  # type: ignore[arg-type]

        monkeypatch.setattr(session.store, "append", slowly)
        stored: list[int] = []
        session.world.engine.behave = lambda planned, cancel: stored.append(len(session.stored().blocks))
        session.run(rounds=5)
        assert stored == [0, 1, 2, 3, 4]

    @pytest.mark.slow
    def test_kill_9_loses_at_most_the_block_in_flight(self, tmp_path: Path) -> None:
        notes = tmp_path / "noted"
        command = [sys.executable, "-m", "tests.session.killed", str(tmp_path)]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        while not notes.exists() or len(killed.noted(notes, "ended")) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()

        begun, ended = killed.noted(notes, "begun"), killed.noted(notes, "ended")
        assert begun == list(range(len(begun)))
        assert len(begun) - len(ended) in (0, 1)
        assert len(begun) < killed.BLOCKS
        with Store.open(tmp_path) as store:
            stored = [block.planned.index for block in store.load("last").blocks]
            assert len(begun) - len(stored) in (0, 1)
            assert len(store.load("last").planned) == killed.BLOCKS

            world = World(engine=killed.noting(notes))
            world.engine.behave = lambda planned, cancel: None
            result = resume(
                store.load("last"),
                store,
                on_event=Seen(),
                cancel=threading.Event(),
                dependencies=world.dependencies(),
            )
            assert sorted(world.engine.measured + stored) == list(range(killed.BLOCKS))
            assert result.counts["valid"] == killed.BLOCKS


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_keeps_what_is_stored(session: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    append = session.store.append

    def full(run_id: str, block: object, **how: object) -> None:
        if block.planned.index == 2:  # type: ignore[attr-defined]
            raise StoreError("The disk is full: block 2 could not be stored.", hint="Free some space.")
        append(run_id, block, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(session.store, "append", full)
    session.world.engine = FakeEngine(behave=sleeping(0.02))
    with pytest.raises(StoreError, match="disk is full") as caught:
        session.run(rounds=50)

    command = f"mobilebench run --resume {session.stored().info.id}"
    assert caught.value.hint == f"Free some space. Then `{command}` measures what is left."
    assert len(session.stored().blocks) == 2
    assert session.stored().info.status == "interrupted"
    assert len(session.world.engine.measured) < 10
    assert session.world.locked == set()
    monkeypatch.undo()
    session.world.engine = FakeEngine()
    assert session.resume().counts["valid"] == 50
