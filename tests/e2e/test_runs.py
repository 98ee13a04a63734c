from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Block
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine
from tests.timing import Yardstick
from tests.ways import chosen

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build]

SMALL = ("--model", "bert_small", "--engine", "tflite,onnxruntime")
SLEEPING = """
title: Sleeping
description: Blocks that only sleep, to be interrupted.
models: [bert_small]
threads: [1]
rule: {min_predictions: 1, max_predictions: 1000, max_seconds: 1.5}
blocks: 6
groups:
  - title: sleep
    targets: [host, android]
    engines:
      sleep: [cpu]
"""


@pytest.fixture
def sleeping(tmp_path: Path) -> str:
    suite = tmp_path / "sleeping.yaml"
    suite.write_text(SLEEPING)
    return str(suite)


def wait_until(happened: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def runs_of(mobilebench: CommandLine) -> list[Path]:
    """The journals of all runs, the newest last. Opening the store would lock it while the run writes."""
    return sorted((mobilebench.home / "runs").glob("*/journal.jsonl"))


def stored_blocks(mobilebench: CommandLine) -> int:
    return runs_of(mobilebench)[-1].read_text().count('"kind": "BlockFinished"')


def keys(blocks: list[Block]) -> list[int]:
    return sorted(block.planned.index for block in blocks)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.alone
def test_quick_on_host_and_two_virtual_phones(mobilebench: CommandLine) -> None:
    up = mobilebench("virtual", "up", "--count", "2")
    assert up.returncode == 0, up.stderr
    serials = [phone.serial for phone in phones.list_phones() if phone.running]
    done = mobilebench("run", "--serial", "all", "--suite", "quick", timeout=540)
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr

    run = mobilebench.last()
    assert {info.id for info in run.info.targets} == {"host", *serials}
    assert keys(run.blocks) == list(range(len(run.planned)))
    for block in run.blocks:
        assert (block.outcome == "measured") == (block.verdict is not None)
        assert block.outcome == "measured" or block.reason
    for serial in serials:
        own = [block.planned.case for block in run.blocks if block.planned.case.target == serial]
        assert {(case.engine, case.backend, chosen(case)) for case in own} == {
            ("tflite", "cpu", "xnnpack"),
            ("onnxruntime", "cpu", ""),
            ("tfjs", "wasm", "simd-threads"),
        }
        assert mobilebench.adb(serial, "reverse", "--list").strip() == ""
        assert serial not in mobilebench.adb(serial, "forward", "--list")
        left = mobilebench.adb(serial, "shell", "ls /data/local/tmp; pidof chromium chrome || true")
        assert left.split() == ["mobilebench"]
    software = [b.planned for b in run.blocks if b.planned.case.gpu == "software"]
    assert {(one.case.model, one.round) for one in software} <= {("bert_small", 0)}

    html = next(line for line in done.stdout.splitlines() if line.startswith("Report: ")).removeprefix("Report: ")
    text = Path(html).read_text()
    assert "virtual" in text
    rows = list(csv.DictReader(io.StringIO(mobilebench("results", "last", "--format", "csv").stdout)))
    of_phones = [row for row in rows if row["target"] in serials]
    assert of_phones
    assert all(row["soc"].startswith("virtual: ") for row in of_phones)
    assert {row["virtual"].lower() for row in of_phones} == {"true"}
    assert {row["virtual"].lower() for row in rows if row["target"] == "host"} == {"false"}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_ended_run_goes_on_and_measures_nothing_twice(
    mobilebench: CommandLine, sleeping: str, end: signal.Signals
) -> None:
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    before = len(runs_of(mobilebench))
    process = mobilebench.start("run", "--serial", "all", "--suite", sleeping)
    wait_until(lambda: len(runs_of(mobilebench)) > before, 120)
    wait_until(lambda: stored_blocks(mobilebench) >= 2, 120)
    asked, yardstick = time.monotonic(), Yardstick()
    process.send_signal(end)
    out, err = process.communicate(timeout=120)
    took = time.monotonic() - asked
    allowed = yardstick.allowed(5)
    assert "Traceback" not in err
    if end is not signal.SIGKILL:
        assert took < allowed
        assert process.returncode == ExitCode.INTERRUPTED
        assert "--resume" in out
    interrupted = mobilebench.last()
    first = keys(interrupted.blocks)
    assert 0 < len(first) < len(interrupted.planned)

    resumed = mobilebench("run", "--resume", "last")
    assert resumed.returncode == ExitCode.SUSPECT, resumed.stderr
    whole = mobilebench.last()
    assert whole.info.id == interrupted.info.id
    assert keys(whole.blocks) == list(range(len(whole.planned)))
    kept = {block.planned.index: block.started_at for block in interrupted.blocks}
    assert all(block.started_at == kept[block.planned.index] for block in whole.blocks if block.planned.index in kept)


def test_dead_phone_does_not_stop_the_others(mobilebench: CommandLine, sleeping: str) -> None:
    assert mobilebench("virtual", "up", "--count", "2").returncode == 0
    doomed, other = [phone for phone in phones.list_phones() if phone.running][:2]
    before = len(runs_of(mobilebench))
    serials = f"{doomed.serial},{other.serial}"
    process = mobilebench.start("run", "--serial", serials, "--suite", sleeping, "--wait-for-phone", "2")
    try:
        wait_until(lambda: len(runs_of(mobilebench)) > before, 120)
        wait_until(lambda: stored_blocks(mobilebench) >= 2, 120)
        phones.down([doomed.name])
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == ExitCode.CASES_FAILED, err
    assert doomed.serial in err
    assert "Traceback" not in err
    run = mobilebench.last()
    measured = [block.planned.case.target for block in run.blocks if block.outcome == "measured"]
    assert measured.count(other.serial) == 6
    assert measured.count(doomed.serial) < 6


def test_two_runs_at_once_on_one_phone(mobilebench: CommandLine, sleeping: str) -> None:
    """The first one has more blocks than the second one needs time to be refused; it is ended when it has gone on."""
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    serial = next(phone.serial for phone in phones.list_phones() if phone.running)
    before = len(runs_of(mobilebench))
    first = mobilebench.start("run", "--serial", serial, "--suite", sleeping, "--blocks", "100")
    try:
        wait_until(lambda: len(runs_of(mobilebench)) > before, 120)
        second = mobilebench("run", "--serial", serial, "--suite", sleeping)
        assert second.returncode == ExitCode.BAD_INPUT
        assert serial in second.stderr
        assert str(first.pid) in second.stderr
        stored = stored_blocks(mobilebench)
        wait_until(lambda: stored_blocks(mobilebench) >= stored + 2, 120)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=120)
        assert first.returncode == ExitCode.INTERRUPTED
        assert {block.outcome for block in mobilebench.last().blocks} == {"measured"}
    finally:
        first.kill()


def test_unknown_serial(mobilebench: CommandLine) -> None:
    done = mobilebench("run", "--serial", "R58N12345", *SMALL)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "R58N12345" in done.stderr
    assert "host" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("fault", ["offline", "unauthorized"])
def test_phone_that_cannot_be_used(mobilebench: CommandLine, fault: str) -> None:
    [phone] = phones.up(1, names=[f"faulty-{fault}"], fault=fault)
    done = mobilebench("run", "--serial", phone.serial, *SMALL)
    assert done.returncode == ExitCode.BAD_INPUT
    assert phone.serial in done.stderr
    assert fault in done.stderr
    assert "Traceback" not in done.stderr


def test_full_phone_fails_its_cases_and_says_so(mobilebench: CommandLine) -> None:
    [phone] = phones.up(1, names=["full"], data_mb=12)
    refused = mobilebench("run", "--serial", phone.serial, *SMALL)
    assert refused.returncode == ExitCode.BAD_INPUT
    assert "storage: " in refused.stderr
    done = mobilebench("run", "--serial", phone.serial, "--blocked-too", *SMALL)
    assert done.returncode == ExitCode.CASES_FAILED
    assert "space" in done.stderr
    assert {block.outcome for block in mobilebench.last().blocks} == {"failed"}
    left = mobilebench.adb(phone.serial, "shell", "find /data/local/tmp -type f -size +1k")
    assert "onnx" not in left, "a file that did not fit must not be left behind"


def test_phone_without_chrome(mobilebench: CommandLine) -> None:
    [phone] = phones.up(1, names=["bare"], chrome=False)
    done = mobilebench("run", "--serial", phone.serial, "--model", "bert_small")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    web = [block for block in mobilebench.last().blocks if block.planned.case.browser]
    assert {block.outcome for block in web} == {"unsupported"}
    assert all("Chrome" in (block.reason or "") for block in web)


def test_nothing_is_pushed_twice(mobilebench: CommandLine) -> None:
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    serial = next(phone.serial for phone in phones.list_phones() if phone.running)
    listing = "find /data/local/tmp/mobilebench/files -type f -exec stat -c '%n %i %Y' {} +"
    assert mobilebench("run", "--serial", serial, *SMALL).returncode in {ExitCode.OK, ExitCode.SUSPECT}
    first = sorted(mobilebench.adb(serial, "shell", listing).splitlines())
    assert first
    assert mobilebench("run", "--serial", serial, *SMALL).returncode in {ExitCode.OK, ExitCode.SUSPECT}
    assert sorted(mobilebench.adb(serial, "shell", listing).splitlines()) == first


def test_listings(mobilebench: CommandLine) -> None:
    assert mobilebench("virtual", "up", "--count", "1", "--profile", "snapdragon-8-gen-2").returncode == 0
    found = json.loads(mobilebench("devices", "--json").stdout)
    phone = next(one for one in found if one["virtual"])
    assert phone["soc"].startswith("virtual: ")
    assert phone["profile"] == "snapdragon-8-gen-2"
    assert phone["browsers"]["chrome"]
    assert "virtual" in mobilebench("devices").stdout
    table = mobilebench("virtual", "list").stdout
    assert "running" in table
    again = mobilebench("virtual", "up", "--unless-phone", "--names")
    assert (again.returncode, again.stdout) == (0, "")


def test_broken_pipe_is_quiet(mobilebench: CommandLine) -> None:
    process = subprocess.Popen(
        ["sh", "-c", "mobilebench describe suites --json | head -n 1"],
        env=mobilebench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, err = process.communicate(timeout=60)
    assert err == ""
