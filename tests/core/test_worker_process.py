"""Workers: their answers, their failures, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from mobilebench.core import worker_process
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.proc import parse_stat
from mobilebench.core.worker_process import Worker, WorkerFailed, in_fork
from tests.pinning import Pinned

_MODULE = "tests.core.echo_worker"


@pytest.fixture(autouse=True)
def _tests_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def failure(job: str, *, timeout_s: float = 30.0, cancel: Event | None = None) -> WorkerFailed:
    with Worker(_MODULE) as worker, pytest.raises(WorkerFailed) as caught:
        worker.answer({"do": job}, timeout_s=timeout_s, cancel=cancel)
    return caught.value


def test_only_what_the_worker_says_itself_is_its_answer() -> None:
    with Worker(_MODULE, environment={"SUCH": "value"}) as worker:
        assert worker.answer({"do": "answer"}, timeout_s=30) == {"variable": "value", "parent": os.getpid()}


def test_an_error_is_the_last_line_that_was_printed() -> None:
    error = failure("fail")
    assert (error.reason, error.exit_code, error.crashed) == ("last line", 1, False)
    assert error.sentence == "Last line."


def test_a_crash_names_its_signal() -> None:
    error = failure("crash")
    assert (error.reason, error.exit_code, error.crashed) == ("it crashed (SIGSEGV)", -signal.SIGSEGV, True)


def test_no_answer_is_a_failure() -> None:
    assert failure("nothing").reason


def test_a_worker_has_a_time_limit(pinned: Pinned) -> None:
    pinned(failure("sleep", timeout_s=0.2).reason)


def test_a_worker_can_be_cancelled() -> None:
    cancel = Event()
    Timer(0.2, cancel.set).start()
    started = time.monotonic()
    assert failure("sleep", cancel=cancel).reason == "it was cancelled"
    assert time.monotonic() - started < 20


def test_messages_come_one_by_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Worker(_MODULE, "one", "two", log=log) as worker:
        assert list(worker.messages()) == [{"word": "one"}, {"word": "two"}]
    assert log.read_text().splitlines() == ["a library prints", "a program prints"]


def test_messages_before_a_failure_are_not_lost(tmp_path: Path) -> None:
    found = []
    with Worker(_MODULE, "one", "fail", log=tmp_path / "log") as worker, pytest.raises(WorkerFailed) as caught:
        found.extend(worker.messages())
    assert len(found) == 2
    assert caught.value.reason == "the last word"


def test_a_worker_ends_with_the_process_that_started_it() -> None:
    code = (
        "import json, sys; from mobilebench.core.worker_process import Worker\n"
        f"worker = Worker({_MODULE!r})\n"
        'worker._process.stdin.write(b\'{"do": "sleep"}\'); worker._process.stdin.close()\n'
        "print(worker._process.stdout.readline().decode(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        worker = int(starter.stdout.readline().split()[1].rstrip(b"}"))
        assert not has_ended(worker)
        starter.kill()
    until = time.monotonic() + 60
    while not has_ended(worker):
        assert time.monotonic() < until
        time.sleep(0.02)


def has_ended(process: int) -> bool:
    try:
        stat = parse_stat(Path(f"/proc/{process}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return True
    assert stat is not None
    return stat.ended


def test_the_last_line_is_of_bearable_length() -> None:
    assert worker_process.last_line(b"first\n\n  last \n \n") == "last"
    assert worker_process.last_line(b"") == ""
    assert len(worker_process.last_line(b"x" * 10_000)) == 600


def test_signals_have_names() -> None:
    assert worker_process.signal_name(9) == "SIGKILL"
    assert worker_process.signal_name(63) in ("SIGRTMAX-1", "signal 63")


def test_a_result_comes_back_and_nothing_else_changes() -> None:
    seen: list[int] = []

    def step() -> list[int]:
        seen.append(os.getpid())
        return [*seen, 7]

    child, value = in_fork(step)
    assert value == 7
    assert child != os.getpid()
    assert seen == []


def test_an_error_comes_back_with_its_hint(pinned: Pinned) -> None:
    def step() -> None:
        raise BadInput("That was wrong.", hint="Do it right.")

    with pinned.raises(BadInput) as caught:
        in_fork(step)
    assert caught.value.hint == "Do it right."


def test_another_exception_is_told_by_its_first_line(capfd: pytest.CaptureFixture[str], pinned: Pinned) -> None:
    def step() -> None:
        raise ValueError("no such operation\nsecond line")

    with pinned.raises(MobilebenchError):
        in_fork(step)
    assert "Traceback" in capfd.readouterr().err


def test_a_killed_step_is_told(pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        in_fork(lambda: os.kill(os.getpid(), signal.SIGKILL))
