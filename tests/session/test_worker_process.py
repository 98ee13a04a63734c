"""A job is sent through JSON into a fresh process, which measures it and streams its events back."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.core.errors import ExitCode, TargetLost
from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from mobilebench.models import obtain
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, executors, run, worker_process
from mobilebench.session.executors import HostExclusion, ProcessExecutor
from mobilebench.session.job import JobSpec
from mobilebench.suite import Plan

from ..results.making import host, phone
from ..ways import axes
from .fakes import SUITE, Seen

RULE = BlockRule(min_predictions=2, max_predictions=3, max_seconds=1)


def blocks(engine: str, count: int, rule: BlockRule = RULE) -> tuple[PlannedBlock, ...]:
    case = Case(target="host", engine=engine, backend="cpu", threads=1, model="bert_small", **axes(engine, "cpu"))
    return tuple(PlannedBlock(index=index, round=index, case=case, rule=rule) for index in range(count))


def environment() -> dict[str, str]:
    """That of a process that was told nothing: what a job needs has to be in the job."""
    kept = ("PATH", "HOME", "TMPDIR", "MOBILEBENCH_HOME", "MOBILEBENCH_CACHE", "MOBILEBENCH_LOCKS")
    return {name: os.environ[name] for name in kept if name in os.environ}


def worker(job: JobSpec) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mobilebench.session.worker_process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert process.stdin
    process.stdin.write(job.model_dump_json(by_alias=True).encode() + b"\n")
    process.stdin.flush()
    return process


def test_a_coordinator_that_was_killed_is_told_nothing() -> None:
    """What a worker says while it puts a phone back must not keep it from doing so."""
    read, write = os.pipe()
    os.close(read)
    answers = os.fdopen(write, "w", buffering=1)
    coordinator = worker_process._Coordinator(io.BytesIO(), answers)
    for _ in range(3):
        coordinator.emit(events.TargetFinished(target="A"))
    answers.close()


class Dependencies:
    """A phone that is away until it was looked for so often."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @contextmanager
    def device_lock(self, info: TargetInfo, run: str) -> Iterator[str]:
        if self.looks > 0:
            raise TargetLost(f"{info.id} is not attached")
        yield "the lease"

    def meet(self, info: TargetInfo) -> TargetInfo | None:
        self.looks -= 1
        return None if self.looks > 0 else info

    def reach_again(self, info: TargetInfo, state: str) -> bool:
        return True

    def other_serial(self, info: TargetInfo) -> None:
        return None


def locked(looks: int, wait_seconds: float, seen: Seen, *, cancelled: bool = False) -> object:
    job = JobSpec(run_id="r", target=phone(), blocks=(), recorders=(), wait_seconds=wait_seconds)
    cancel = threading.Event()
    if cancelled:
        cancel.set()
    with ExitStack() as held:
        return worker_process._locked(job, seen, cancel, Dependencies(looks), held)  # type: ignore[arg-type]


def test_a_phone_that_is_away_when_the_job_begins_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilebench.session.attachment.TRY_SECONDS", (0.0,))
    monkeypatch.setattr("mobilebench.session.attachment._SOON_SECONDS", 0.001)
    seen = Seen()
    assert locked(3, 600, seen) == "the lease"
    assert [event.kind for event in seen if event.kind != "StillWaiting"] == ["TargetAway", "TargetBack"]


@pytest.mark.parametrize(("wait_seconds", "cancelled"), [(0.0, False), (0.01, False), (600.0, True)])
def test_no_longer_than_the_job_says(wait_seconds: float, cancelled: bool) -> None:
    with pytest.raises(TargetLost):
        locked(1_000_000, wait_seconds, Seen(), cancelled=cancelled)


def job_of(info: TargetInfo, planned: tuple[PlannedBlock, ...]) -> JobSpec:
    files = obtain.ensure("bert_small")
    return JobSpec(run_id="r", target=info, blocks=planned, models=(files.manifest,), recorders=(), wait_seconds=0)


@pytest.mark.slow
def test_what_is_no_job_is_refused() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "mobilebench.session.worker_process"], input=b"{}\n", capture_output=True, check=False
    )
    assert (process.returncode, process.stdout) == (2, b"")
    assert b"does not begin with a job" in process.stderr


@pytest.mark.parametrize("module", ["mobilebench.there_is_no_such_module", "this"])
def test_a_worker_that_ends_or_talks_nonsense_is_a_lost_target(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setattr("mobilebench.session.executors._WORKER", module)
    seen = Seen()
    job = JobSpec(run_id="r", target=host(), blocks=(), recorders=(), wait_seconds=0)
    ProcessExecutor().measure(job, seen, threading.Event(), HostExclusion().turn)
    assert [event.kind for event in seen] == ["TargetLost", "TargetFinished"]


class Conversation:
    """A worker of a `ProcessExecutor`, played by the test."""

    def __init__(self, pages: threading.Lock, cancel: threading.Event, name: str) -> None:
        self.answers, to_worker = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        from_worker, self._said = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self._ends = (to_worker, from_worker)
        job = JobSpec(run_id="r", target=phone(name), blocks=(), recorders=(), wait_seconds=0)
        conversation = executors._Conversation(job, Seen(), cancel, HostExclusion().turn, pages, to_worker)
        self._thread = threading.Thread(target=conversation.hold, args=(from_worker,))
        self._thread.start()
        self.answers.readline()  # the job

    def ask_for_turn(self, browser: str | None) -> None:
        (block,) = blocks("tflite", 1)
        block = block.model_copy(update={"case": replace(block.case, browser=browser)})
        self.say(events.to_json(events.BlockStarted(target="host", planned=block)))
        self.say(events.TurnWanted().model_dump_json())

    def has_answer(self) -> bool:
        return bool(select.select([self.answers], [], [], 0.2)[0])

    def say(self, line: str) -> None:
        self._said.write(line.encode() + b"\n")
        self._said.flush()

    def end(self) -> None:
        self.say(events.to_json(events.TargetFinished(target="host")))
        self._thread.join()
        for stream in (self.answers, self._said, *self._ends):
            stream.close()


@pytest.fixture
def conversations() -> Iterator[tuple[Conversation, Conversation]]:
    pages, cancel = threading.Lock(), threading.Event()
    pair = (Conversation(pages, cancel, "A"), Conversation(pages, cancel, "B"))
    yield pair
    cancel.set()
    for one in pair:
        one.end()


def test_blocks_of_pages_in_several_processes_take_turns(conversations: tuple[Conversation, Conversation]) -> None:
    first, second = conversations
    first.ask_for_turn("chrome")
    assert events.to_worker(first.answers.readline()) == events.TurnGranted()
    second.ask_for_turn("firefox")
    assert not second.has_answer(), "their page servers do not know each other's downloads"
    first.say(events.TurnOver().model_dump_json())
    assert events.to_worker(second.answers.readline()) == events.TurnGranted()


def test_native_blocks_of_phones_in_several_processes_do_not_wait(
    conversations: tuple[Conversation, Conversation],
) -> None:
    first, second = conversations
    for one, browser in ((first, "chrome"), (second, None)):
        one.ask_for_turn(browser)
        assert events.to_worker(one.answers.readline()) == events.TurnGranted()


@pytest.mark.build
def test_a_run_in_a_fresh_process_is_measured_and_stored(tmp_path: Path) -> None:
    info = targets.select("host")[0]
    plan = Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks("tflite", 2))
    seen = Seen()
    with Store.open(tmp_path) as store:
        result = run(
            RunRequest(plan=plan, targets=(info,)),
            store,
            on_event=seen,
            cancel=threading.Event(),
            executor=ProcessExecutor(environment()),
        )
        stored = store.load(result.run_id)
    assert result.exit_code in (ExitCode.OK, ExitCode.SUSPECT)
    assert [block.outcome for block in stored.blocks] == ["measured", "measured"]
    for block in stored.blocks:
        assert block.measurement is not None
        assert len(block.measurement.prediction_ms) >= 2
        assert block.verdict is not None and block.verdict.status != "invalid"
        assert block.series, "the computer's load is recorded"
        assert block.spent_ms["store"] > 0
    assert {"GateWaiting", "GatePassed", "BlockFinished"} <= {event.kind for event in seen}
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "runs" / result.run_id / "journal.jsonl").open()]
    assert kinds[0] == "RunStarted"
    assert kinds[-2:] == ["TargetFinished", "RunFinished"]


@pytest.mark.build
def test_a_cancelled_run_ends_its_worker_process(tmp_path: Path) -> None:
    info = targets.select("host")[0]
    endless = BlockRule(min_predictions=100_000, max_predictions=100_000, max_seconds=60)
    plan = Plan(suite=SUITE, targets=(info,), seed=0, blocks=blocks("sleep", 1, endless))
    cancel = threading.Event()

    def press(event: events.Event) -> None:
        if isinstance(event, events.BlockStarted):
            threading.Timer(0.3, cancel.set).start()

    with Store.open(tmp_path) as store:
        begun = time.monotonic()
        executor = ProcessExecutor(environment())
        result = run(RunRequest(plan=plan, targets=(info,)), store, on_event=press, cancel=cancel, executor=executor)
    assert (result.exit_code, result.run.blocks) == (ExitCode.INTERRUPTED, [])
    assert time.monotonic() - begun < 50


@pytest.mark.build
def test_only_its_own_token_cancels_a_job() -> None:
    endless = BlockRule(min_predictions=100_000, max_predictions=100_000, max_seconds=60)
    job = job_of(targets.select("host")[0], blocks("sleep", 1, endless))
    process = worker(job)
    assert process.stdin and process.stdout
    try:
        kinds = [events.from_json(process.stdout.readline()).kind for _ in range(2)]
        assert kinds == ["TargetStarted", "BlockStarted"]
        for token in ("another", job.cancel_token):
            assert process.poll() is None
            process.stdin.write(events.CancelJob(token=token).model_dump_json().encode() + b"\n")
            process.stdin.flush()
            time.sleep(0.5 if token == "another" else 0)
        process.stdin.close()
        rest = [events.from_json(line).kind for line in process.stdout]
        assert rest == ["TargetFinished"]
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.build
def test_a_worker_whose_coordinator_is_gone_ends() -> None:
    endless = BlockRule(min_predictions=100_000, max_predictions=100_000, max_seconds=60)
    process = worker(job_of(targets.select("host")[0], blocks("sleep", 1, endless)))
    assert process.stdin and process.stdout
    try:
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
