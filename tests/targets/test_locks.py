"""One run a device, also against other processes; turns on a shared machine, fair and cancellable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mobilebench.errors import BadInput, BlockFailed
from mobilebench.targets.locks import device_lock, machine_turn

HOLD = """
import sys, time
from mobilebench.targets.locks import {kind}
with {kind}({arguments}):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    """Another process that holds a lock."""
    started = []

    def hold(kind, *arguments):
        code = HOLD.format(kind=kind, arguments=", ".join(map(repr, arguments)))
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_phone_measured_by_another_process_is_refused_with_its_pid_and_run(holder):
    other = holder("device_lock", "S1", "run-7")
    with (
        pytest.raises(BadInput, match=rf"Phone S1 is being measured by pid {other.pid} \(run run-7\)") as caught,
        device_lock("S1"),
    ):
        raise AssertionError("both hold it")
    assert "--serial" in caught.value.hint
    with device_lock("S2"):
        pass


def test_a_killed_process_holds_nothing(holder):
    other = holder("device_lock", "S1")
    other.send_signal(signal.SIGKILL)
    other.wait()
    with device_lock("S1", "mine"):
        pass


def test_one_process_may_take_a_device_again_and_frees_it_with_the_last(holder, home):
    with device_lock("S1"):
        with device_lock("S1"):
            pass
        probe = [
            sys.executable,
            "-c",
            "from mobilebench.targets.locks import device_lock\nwith device_lock('S1'): pass",
        ]
        assert subprocess.run(probe, capture_output=True, check=False).returncode != 0
    holder("device_lock", "S1")


def test_serials_cannot_escape_their_folder(home):
    with device_lock("../../x"), device_lock("a/b"), device_lock("a_b"), device_lock("127.0.0.1:5555"):
        names = sorted(file.name for file in (home / "locks").iterdir())
    assert len(names) == 4
    assert {file.parent for file in home.rglob("*.lock")} == {home / "locks"}


def test_turns_exclude_each_other_within_a_process():
    inside, most = [0], [0]

    def work():
        for _ in range(3):
            with machine_turn("m"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.01)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_who_has_had_its_turn_queues_behind_those_that_wait():
    order = []
    ready = threading.Event()

    def waiting():
        ready.set()
        with machine_turn("m"):
            order.append("waiting")

    with machine_turn("m"):
        other = threading.Thread(target=waiting)
        other.start()
        ready.wait()
        time.sleep(0.1)
    with machine_turn("m"):
        order.append("again")
    other.join()
    assert order == ["waiting", "again"]


def test_waiting_for_another_process_can_be_cancelled(holder):
    holder("machine_turn", "m")
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="cancelled"), machine_turn("m", cancel):
        raise AssertionError("both have the turn")
    assert time.monotonic() - began < 10
    with machine_turn("another machine"):
        pass


def test_a_lock_is_not_inherited_by_programs_that_are_started(home):
    with device_lock("S1"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with device_lock("S1"):
            assert os.path.exists(home / "locks" / "device-S1.lock")
    finally:
        child.kill()
        child.wait()
