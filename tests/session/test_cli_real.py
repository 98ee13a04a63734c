"""The command itself, on this computer with the real runner: killed, interrupted, resumed, started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Run
from mobilebench.results.store import Store
from tests.timing import Yardstick

pytestmark = pytest.mark.build

SUITE = """\
title: Sleeping
description: Blocks of a fifth of a second in which nothing is computed
models: [bert_small]
threads: [1]
rule: {min_predictions: 4, max_predictions: 4, max_seconds: 10}
blocks: 40
groups:
  - targets: [host]
    engines:
      sleep: [cpu]
"""
BLOCKS = 40


class Command:
    """`mobilebench` in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.suite = folder / "sleep.yaml"
        self.suite.write_text(SUITE)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mobilebench", "run", *arguments, "--out", str(self.folder / "out")]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MOBILEBENCH_HOME": str(self.home), "TMPDIR": str(self.temporary)},
        )
        self.started.append(process)
        return process

    def measure(self, *more: str) -> subprocess.Popen[str]:
        return self.start("--serial", "host", "--suite", str(self.suite), *more)

    def wait_for_blocks(self, count: int) -> None:
        """Wait until the journals name so many blocks. Opening the store would lock it while the run writes."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            journals = (self.folder / "out" / "runs").glob("*/journal.jsonl")
            if sum(one.read_text().count('"kind": "BlockFinished"') for one in journals) >= count:
                return
            time.sleep(0.05)
        raise AssertionError("the blocks were not stored within two minutes")

    def newest(self) -> Run | None:
        with Store.open(self.folder / "out", create=False) as store:
            return store.load("last") if store.runs() else None


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    made = Command(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def resumed(command: Command, before: Run) -> Run:
    """The run after `--resume`; what was stored before is untouched."""
    process = command.start("--resume", "last")
    process.communicate(timeout=120)
    assert process.returncode == ExitCode.SUSPECT
    after = command.newest()
    assert after
    assert len(after.blocks) == BLOCKS
    kept = {block.planned.index: block for block in after.blocks}
    assert all(kept[block.planned.index] == block for block in before.blocks)
    return after


def test_kill_9_and_resume(command: Command) -> None:
    process = command.measure()
    command.wait_for_blocks(3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = command.newest()
    assert before
    assert (before.info.status, len(before.planned)) == ("running", BLOCKS)
    assert 3 <= len(before.blocks) < BLOCKS
    assert [one.name.split("-")[2] for one in command.temporary.glob("mobilebench-traces-*")] == [str(process.pid)]
    assert resumed(command, before).info.status == "finished"
    assert list(command.temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_within_5_s_and_says_how_to_go_on(command: Command, number: signal.Signals) -> None:
    process = command.measure()
    command.wait_for_blocks(2)
    sent, yardstick = time.monotonic(), Yardstick()
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert time.monotonic() - sent < yardstick.allowed(5)
    assert process.returncode == ExitCode.INTERRUPTED
    before = command.newest()
    assert before
    assert before.info.status == "interrupted"
    assert f"mobilebench run --resume {before.info.id}" in said
    resumed(command, before)


NEEDLESS = {
    "altair",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "ruptures",
    "scipy.stats",
    "tensorflow",
    "uiautomator2",
}


def test_a_run_imports_no_heavy_library_that_it_does_not_need(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    process = command.measure("--blocks", "2")
    _, said = process.communicate(timeout=120)
    assert process.returncode == ExitCode.SUSPECT
    imported = {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")}
    assert {"mobilebench.report.html", "numpy"} <= imported
    assert imported & NEEDLESS == set()


def test_two_runs_at_once_on_one_target(command: Command) -> None:
    first = command.measure("--blocks", "300")
    command.wait_for_blocks(1)
    run = command.newest()
    assert run
    second = command.measure()
    _, complaint = second.communicate(timeout=120)
    assert second.returncode == ExitCode.BAD_INPUT
    assert f"being measured by pid {first.pid} (run {run.info.id})" in complaint
    assert "Traceback" not in complaint
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=120)
    assert first.returncode == ExitCode.INTERRUPTED
