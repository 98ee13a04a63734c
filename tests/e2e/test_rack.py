"""A rack of real processes on loopback: a scheduler, a worker with two virtual phones, and runs over them."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.rack import certificates
from mobilebench.rack.certificates import Wanted
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine
from tests.ports import lasting_port

pytestmark = [pytest.mark.adb, pytest.mark.build, pytest.mark.slow, pytest.mark.timeout(600)]

SLEEPING = """
title: Sleeping
description: Blocks that only sleep.
models: [bert_small]
threads: [1]
rule: {min_predictions: 1, max_predictions: 1000, max_seconds: 1.0}
blocks: 6
groups:
  - title: sleep
    targets: [android]
    engines:
      sleep: [cpu]
"""
HOST = "lab-1"
PATIENCE_S = 240.0


class Running:
    """A running command, whose lines can be waited for."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mobilebench", *arguments],
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.seen: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"it ended without {pattern}: {self.seen}")

    def end(self, number: signal.Signals | None = None) -> int:
        """Its exit code, by itself or after this signal."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.seen.append(line)
            self._lines.put(line)
        self._lines.put(None)


class Rack:
    """A scheduler and one worker; both may be ended and started again."""

    def __init__(self, folder: Path, environment: dict[str, str], held: ExitStack) -> None:
        self.folder = folder
        self._environment = environment
        self._held = held
        wanted = [Wanted("scheduler", "lab", ("127.0.0.1",)), Wanted("worker", HOST), Wanted("client", "ann")]
        certificates.make(folder / "ca", wanted)
        self.address = f"tls://127.0.0.1:{lasting_port()}"
        self.start_scheduler()
        self.start_worker()

    @property
    def options(self) -> tuple[str, ...]:
        return "--rack", self.address, "--rack-certificates", str(self.folder / "ca" / "client-ann")

    def start_scheduler(self) -> None:
        listen = self.address.removeprefix("tls://")
        self.scheduler = self._start("scheduler-lab", "scheduler", "--listen", listen)
        self.scheduler.wait_for(f"listens at {self.address}")

    def start_worker(self, **environment: str) -> None:
        self.worker = self._start(f"worker-{HOST}", "worker", self.address, **environment)
        self.worker.wait_for("Connected")

    def spooled(self) -> list[dict[str, object]]:
        """Every event that the host still holds."""
        found = []
        for file in (self.folder / f"worker-{HOST}" / "rack" / "host" / "spool").glob("*/events.jsonl"):
            with suppress(FileNotFoundError):  # the host has just removed it
                *whole, _ = file.read_text().split("\n")  # a line that is being written has no end yet
                found += [json.loads(line) for line in whole]
        return found

    def _start(self, who: str, *arguments: str, **environment: str) -> Running:
        home = {"MOBILEBENCH_HOME": str(self.folder / who)}
        command = Running(
            {**self._environment, **home, **environment},
            "rack",
            *arguments,
            "--certificates",
            str(self.folder / "ca" / who),
        )
        self._held.callback(command.end, signal.SIGKILL)
        return command


@pytest.fixture
def rack(tmp_path: Path, mobilebench: CommandLine) -> Iterator[Rack]:
    assert mobilebench("virtual", "up", "--count", "2").returncode == 0
    with ExitStack() as held:
        made = Rack(tmp_path, mobilebench.environment, held)
        wait_until(lambda: len(ready(mobilebench, made)) == 2)
        yield made
        assert made.worker.end(signal.SIGTERM) == 0
        made.scheduler.end(signal.SIGTERM)


@pytest.fixture
def suite(tmp_path: Path) -> str:
    file = tmp_path / "sleeping.yaml"
    file.write_text(SLEEPING)
    return str(file)


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def listed(mobilebench: CommandLine, rack: Rack) -> list[dict[str, object]]:
    done = mobilebench("devices", *rack.options, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def ready(mobilebench: CommandLine, rack: Rack) -> list[str]:
    return [str(one["id"]) for one in listed(mobilebench, rack) if one["state"] == "device"]


def run(mobilebench: CommandLine, rack: Rack, suite: str) -> Running:
    return Running(mobilebench.environment, "run", *rack.options, "--serial", "all", "--suite", suite, "--gate=none")


def demand_whole(mobilebench: CommandLine, rack: Rack) -> None:
    """Every block was stored once, and neither job nor lease is left."""
    stored = mobilebench.last()
    ids = ready(mobilebench, rack)
    assert stored.info.status == "finished"
    assert [block.planned for block in stored.blocks] == list(stored.planned)
    assert {block.planned.case.target for block in stored.blocks} == set(ids)
    assert {block.outcome for block in stored.blocks} == {"measured"}
    assert all(one.endswith(f"@{HOST}") for one in ids)
    assert rack.spooled() == []
    assert [one["rack"]["lease"] for one in listed(mobilebench, rack)] == [None, None]  # type: ignore[index]
    assert list((mobilebench.home / "runs" / stored.info.id / "rack").iterdir()) == []


def finished(spooled: list[dict[str, object]]) -> dict[int, str]:
    """Index of each block in a spool to when it began."""
    blocks = [one["block"] for one in spooled if one["kind"] == "BlockFinished"]
    return {one["planned"]["index"]: one["started_at"] for one in blocks}  # type: ignore[index]


def test_a_run_over_a_rack_is_as_one_here(mobilebench: CommandLine, rack: Rack, suite: str) -> None:
    command = run(mobilebench, rack, suite)
    assert command.end() in (ExitCode.OK, ExitCode.SUSPECT), command.seen
    demand_whole(mobilebench, rack)


def test_a_host_without_models_and_libraries_is_sent_them(mobilebench: CommandLine, rack: Rack, tmp_path: Path) -> None:
    rack.worker.end(signal.SIGTERM)
    rack.start_worker(MOBILEBENCH_CACHE=str(tmp_path / "cache"))
    wait_until(lambda: len(ready(mobilebench, rack)) == 2)
    chosen = ("--engine", "tflite", "--model", "bert_small", "--threads", "1", "--delegate", "xnnpack")
    shortly = ("--backend", "cpu", "--arithmetic", "fp32", "--blocks", "1", "--seconds", "1s", "--gate=none")
    command = Running(mobilebench.environment, "run", *rack.options, "--suite", "native", *chosen, *shortly)
    assert command.end() in (ExitCode.OK, ExitCode.SUSPECT), command.seen
    demand_whole(mobilebench, rack)
    sent = [file.name for file in (tmp_path / "cache" / "artefacts").iterdir() if len(file.name) == 64]
    assert len(sent) == 2
    assert list((tmp_path / "cache" / "models").iterdir()) == []
    assert sum("2 files" in line and f"to host {HOST}" in line for line in command.seen) == 1


def test_a_worker_and_a_scheduler_may_be_killed_in_mid_run(mobilebench: CommandLine, rack: Rack, suite: str) -> None:
    command = run(mobilebench, rack, suite)
    command.wait_for(r"\d+ of 12 blocks done")
    rack.worker.end(signal.SIGKILL)
    rack.start_worker()
    rack.scheduler.end(signal.SIGKILL)
    rack.start_scheduler()
    rack.worker.wait_for("Connected")
    assert command.end() in (ExitCode.OK, ExitCode.SUSPECT), command.seen
    demand_whole(mobilebench, rack)


def test_what_a_host_measured_for_a_killed_client_is_collected(
    mobilebench: CommandLine, rack: Rack, suite: str
) -> None:
    command = run(mobilebench, rack, suite)
    command.wait_for(r"\d+ of 12 blocks done")
    os.kill(command.process.pid, signal.SIGKILL)
    command.end()
    wait_until(lambda: sum(one["kind"] == "TargetFinished" for one in rack.spooled()) == 2)
    measured = finished(rack.spooled())
    assert set(measured) == set(range(12))
    done = mobilebench("run", "--resume", "last", "--rack-certificates", rack.options[3])
    assert done.returncode in (ExitCode.OK, ExitCode.SUSPECT), done.stderr
    demand_whole(mobilebench, rack)
    stored = {block.planned.index: block.model_dump(mode="json")["started_at"] for block in mobilebench.last().blocks}
    assert stored == measured


def test_a_new_run_has_the_phones_of_a_killed_one_when_its_jobs_are_over(
    mobilebench: CommandLine, rack: Rack, suite: str
) -> None:
    killed = run(mobilebench, rack, suite)
    killed.wait_for(r"\d+ of 12 blocks done")
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    first = mobilebench.last().info.id
    wait_until(lambda: sum(one["kind"] == "TargetFinished" for one in rack.spooled()) == 2)
    second = run(mobilebench, rack, suite)
    assert second.end() in (ExitCode.OK, ExitCode.SUSPECT), second.seen
    assert sum(f"run {first}, which was killed" in line for line in second.seen) == 2
    done = mobilebench("run", "--resume", first, *rack.options)
    assert done.returncode in (ExitCode.OK, ExitCode.SUSPECT), done.stderr
    assert rack.spooled() == []
    assert [one["rack"]["lease"] for one in listed(mobilebench, rack)] == [None, None]  # type: ignore[index]
    assert list((mobilebench.home / "rack" / "leases").iterdir()) == []


def test_ctrl_c_puts_the_phones_back_and_resume_goes_on(mobilebench: CommandLine, rack: Rack, suite: str) -> None:
    command = run(mobilebench, rack, suite)
    command.wait_for(r"\d+ of 12 blocks done")
    assert command.end(signal.SIGINT) == ExitCode.INTERRUPTED, command.seen
    before = {block.planned.index: block.started_at for block in mobilebench.last().blocks}
    assert 0 < len(before) < 12
    done = mobilebench("run", "--resume", "last", *rack.options)
    assert done.returncode in (ExitCode.OK, ExitCode.SUSPECT), done.stderr
    demand_whole(mobilebench, rack)
    after = {block.planned.index: block.started_at for block in mobilebench.last().blocks}
    assert {index: after[index] for index in before} == before


@pytest.mark.timeout(1200)
def test_a_phone_that_its_host_finds_blocked_or_keeps_in_quarantine_is_left_out(
    mobilebench: CommandLine, rack: Rack, tmp_path: Path
) -> None:
    suite = str(tmp_path / "one.yaml")
    Path(suite).write_text(SLEEPING.replace("blocks: 6", "blocks: 1"))
    [full] = phones.up(1, names=["full"], data_mb=12)
    wait_until(lambda: len(ready(mobilebench, rack)) == 3)
    blocked = f"{full.serial}@{HOST}"
    kept = next(name for name in ready(mobilebench, rack) if name != blocked)

    named = mobilebench("run", *rack.options, "--serial", blocked, "--suite", suite)
    assert named.returncode == ExitCode.BAD_INPUT
    assert "the doctor finds it blocked (storage: " in named.stderr

    reason = ("--for", "2h", "--reason", "its cable is loose")
    assert mobilebench("quarantine", "add", kept, *reason, *rack.options).returncode == 0
    (states,) = [one["state"] for one in listed(mobilebench, rack) if one["id"] == kept]
    assert str(states).endswith("UTC: its cable is loose")

    command = run(mobilebench, rack, suite)
    assert command.end() in (ExitCode.OK, ExitCode.SUSPECT), command.seen
    stored = mobilebench.last()
    states = {info.id: info.state for info in stored.info.targets}
    assert states[blocked].startswith("blocked (storage: ")
    assert states[kept].endswith("its cable is loose")
    assert {block.planned.case.target for block in stored.blocks} == set(states) - {blocked, kept}

    night = tmp_path / "night.yaml"
    night.write_text(json.dumps({"name": "lab", "phones": "all", "rack": rack.address, "suites": [{"suite": suite}]}))
    certificate = {"MOBILEBENCH_RACK_CERTIFICATES": rack.options[3]}
    planned = CommandLine({**mobilebench.environment, **certificate})("nightly", str(night), "--dry-run", "--json")
    outcomes = {one["id"]: one["outcome"] for one in json.loads(planned.stdout)["targets"]}
    assert (outcomes.pop(blocked), outcomes.pop(kept)) == ("blocked", "quarantined")
    assert set(outcomes.values()) <= {"ready", "degraded"}

    assert mobilebench("quarantine", "lift", kept, *rack.options).returncode == 0
    assert kept in ready(mobilebench, rack)
