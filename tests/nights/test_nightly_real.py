"""`mobilebench nightly` with the real runner on this computer: nights in a row, a budget that ends one, Ctrl-C and
`--resume`, and two libraries in the same rounds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mobilebench.cli.nightly import _Run
from mobilebench.core.errors import ExitCode
from mobilebench.engines import libraries
from mobilebench.nights import past
from mobilebench.nights.records import Night
from mobilebench.results.store import Store

pytestmark = pytest.mark.build

SLEEP = """\
title: Sleeping
description: Blocks of a fifth of a second in which nothing is computed
models: [bert_small]
threads: [1]
rule: {min_predictions: 4, max_predictions: 4, max_seconds: 10}
blocks: 60
groups:
  - targets: [host]
    engines:
      sleep: [cpu]
"""


class Command:
    """`mobilebench nightly` in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.started: list[subprocess.Popen[str]] = []
        (folder / "sleep.yaml").write_text(SLEEP)

    def start(self, *typed: str, **config: Any) -> subprocess.Popen[str]:
        (self.folder / "night.yaml").write_text(yaml.safe_dump({"name": "real", "phones": "host", **config}))
        command = [sys.executable, "-m", "mobilebench", "nightly", str(self.folder / "night.yaml")]
        process = subprocess.Popen(
            [*command, "--out", str(self.out), *typed],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MOBILEBENCH_HOME": str(self.folder / "home")},
        )
        self.started.append(process)
        return process

    def night(self, *typed: str, **config: Any) -> tuple[int, Night, str]:
        """Exit code, the newest night, and standard error."""
        process = self.start(*typed, **config)
        _, err = process.communicate(timeout=240)
        return process.returncode, past.nights(self.out, "real")[-1], err

    def wait_for_blocks(self, count: int) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            journals = (self.out / "runs").glob("*/journal.jsonl")
            if sum(one.read_text().count('"kind": "BlockFinished"') for one in journals) >= count:
                return
            time.sleep(0.05)
        raise AssertionError("the blocks were not stored within two minutes")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    made = Command(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_two_nights_are_measured_and_compared(command: Command) -> None:
    suites = [{"suite": "quick", "options": {"engine": "tflite", "model": "bert_small", "blocks": 3}}]
    kept = {"slower": {"prediction": "1000%"}, "lost": False}  # how busy the computer is decides nothing
    first_code, first, _ = command.night(suites=suites, regression=kept)
    code, second, err = command.night(suites=suites, regression=kept)
    assert (first_code, first.changes) == (ExitCode.OK, [])
    assert code == ExitCode.OK, err
    (change,) = second.changes
    assert change.base == first.steps[0].runs[0]
    assert change.ratio is not None
    folder = past.night_folder(command.out, second)
    assert {one.name for one in folder.iterdir()} == {"night.json", "night.md", "junit.xml", "night.prom"}


@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_a_run_whose_time_is_over_ends_cleanly_and_can_be_resumed(tmp_path: Path, seconds: float) -> None:
    (tmp_path / "sleep.yaml").write_text(SLEEP)
    typed = ["--suite", str(tmp_path / "sleep.yaml"), "--blocks", "1000", "--serial", "host", "--out", str(tmp_path)]
    begun: list[str] = []
    ended = _Run()(typed, seconds, begun.append)
    assert (ended.exit_code, ended.stopped, ended.problem) == (ExitCode.INTERRUPTED, "budget", None)
    with Store.open(tmp_path, create=False) as store:
        run = store.load(begun[0])
    assert run.info.status == "interrupted"
    assert len(run.blocks) < 1000


def test_ctrl_c_ends_a_night_and_resume_measures_what_is_left(command: Command) -> None:
    suites = [{"suite": "sleep.yaml"}, {"suite": "sleep.yaml", "name": "second", "options": {"blocks": 3}}]
    process = command.start(suites=suites)
    command.wait_for_blocks(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INTERRUPTED, err
    stopped = past.nights(command.out, "real")[-1]
    assert [step.state for step in stopped.steps] == ["interrupted", "planned"]
    code, night, err = command.night("--resume", suites=suites)
    assert (code, night.id) == (ExitCode.OK, stopped.id), err
    assert [step.state for step in night.steps] == ["done", "done"]
    assert night.steps[0].runs == stopped.steps[0].runs
    with Store.open(command.out, create=False) as store:
        first, second = (store.load(step.runs[0]) for step in night.steps)
    assert (len(first.blocks), len(second.blocks)) == (60, 3)
    assert len({block.planned.index for block in first.blocks}) == 60


def test_a_night_that_was_killed_goes_on(command: Command) -> None:
    suites = [{"suite": "sleep.yaml"}]
    process = command.start(suites=suites)
    command.wait_for_blocks(2)
    process.kill()
    process.wait()
    code, night, err = command.night("--resume", suites=suites)
    assert code == ExitCode.OK, err
    assert len(past.nights(command.out, "real")) == 1
    with Store.open(command.out, create=False) as store:
        assert len(store.load(night.steps[0].runs[-1]).blocks) == 60


def test_two_libraries_are_measured_in_the_same_rounds(command: Command) -> None:
    core = libraries.libraries_for("tflite", "cpu", libraries.host_build()).core
    for side in ("a", "b"):
        (command.folder / side).mkdir()
        shutil.copy(core.path, command.folder / side / "libtflite.so")
    sides = {
        "before": [f"tflite={command.folder / 'a' / 'libtflite.so'}"],
        "after": [f"tflite={command.folder / 'b' / 'libtflite.so'}"],
    }
    options = {"model": "bert_small", "engine": "tflite", "threads": 1}
    two = {"name": "two", "suite": "native", "rounds": 3, "engine-library": sides, "options": options}
    code, night, err = command.night(ab=[two])
    assert code == ExitCode.OK, err
    (step,), (found,) = night.steps, night.ab
    assert (len(step.runs), sorted(step.sides)) == (6, ["after"] * 3 + ["before"] * 3)
    assert (found.before, found.after) == ("tflite=a/libtflite.so", "tflite=b/libtflite.so")
    told = [one for one in found.changes if one.ratio is not None]
    assert told
    assert all(one.interval is not None for one in told)
    with Store.open(command.out, create=False) as store:
        commands = [store.load(run).info.command for run in step.runs]
    assert all("nightly" in words for words in commands)
    printed = json.loads((past.night_folder(command.out, night) / "night.json").read_text())
    assert str(command.folder / "a") not in json.dumps(printed["ab"])
