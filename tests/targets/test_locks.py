"""Locks for one run per device, within and between processes, and fair, cancellable turns on a shared machine."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from mobilebench.core.errors import BadInput, BlockFailed
from mobilebench.targets import host, locks
from mobilebench.targets.android import description, lease
from mobilebench.targets.locks import device_lock, machine_turn
from tests.browsers.processes import wait_until
from tests.pinning import Pinned

OTHER_PROCESS = """
import json, os, sys
from contextlib import ExitStack
from mobilebench.core.records import TargetInfo
from mobilebench.targets import locks
from mobilebench.targets.android import lease
class Taken:
    def close(self): pass
lease.take_lock = lambda shell, run: Taken()
held = ExitStack()
for line in sys.stdin:
    call = json.loads(line)
    os.environ.update(call["environment"])
    if call["kind"] == "device":
        held.enter_context(locks.device_lock(TargetInfo.model_validate_json(call["name"]), call["run"]))
    elif call["kind"] == "machine":
        held.enter_context(locks.machine_turn(call["name"]))
    else:
        held.close()
    print("done", flush=True)
"""


class OtherProcess:
    """Another process, which holds locks until `release`."""

    def __init__(self, **environment):
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.pid = self._process.pid

    def lock_device(self, info, run=""):
        self._call("device", info.model_dump_json(), run)

    def take_turn(self, machine):
        self._call("machine", machine)

    def release(self):
        self._call("release")

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _call(self, kind, name="", run=""):
        scope = {locks.SCOPE_VARIABLE: os.environ[locks.SCOPE_VARIABLE]}
        call = {"kind": kind, "name": name, "run": run, "environment": scope}
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


def phone(serial, boot="", number=""):
    facts = {"boot_id": boot, "ro.serialno": number}
    return description.unusable(serial, "device").model_copy(update={"facts": {k: v for k, v in facts.items() if v}})


class Taken:
    """A phone's own lock."""

    def __init__(self, run):
        self.run = run
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def taken(monkeypatch):
    """The locks taken on phones."""
    found = []
    monkeypatch.setattr(lease, "take_lock", lambda shell, run: found.append(Taken(run)) or found[-1])
    monkeypatch.setattr(lease, "read_lock", lambda shell: lease.LockReading("", "", 1.0, datetime.now().astimezone()))
    monkeypatch.setenv(locks.SCOPE_VARIABLE, secrets.token_hex(8))
    return found


@pytest.fixture(scope="module")
def one_process():
    process = OtherProcess()
    yield process
    process.kill()


@pytest.fixture
def other(one_process):
    """Another process that holds nothing yet."""
    yield one_process
    one_process.release()


@pytest.fixture
def new_process():
    """Starts further processes with these environment variables."""
    started = []

    def start(**environment):
        started.append(OtherProcess(**environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_a_phone_measured_by_another_process_is_refused_with_its_pid_and_run(other, pinned: Pinned):
    other.lock_device(phone("S1"), "run-7")
    with pinned.raises(BadInput) as caught, device_lock(phone("S1")):
        raise AssertionError("both hold it")
    assert f"pid {other.pid} " in caught.value.message
    with device_lock(phone("S2")):
        pass


@pytest.mark.slow
def test_locks_are_shared_between_homes(new_process, tmp_path, pinned: Pinned):
    other = new_process(MOBILEBENCH_HOME=str(tmp_path))
    other.lock_device(phone("S1"))
    with pinned.raises(BadInput), device_lock(phone("S1")):
        raise AssertionError("both hold it")
    other.take_turn("m")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(BlockFailed, match="cancelled"), machine_turn("m", cancel):
        raise AssertionError("both have the turn")


def test_a_phone_is_locked_under_all_its_serials_and_no_other_phone_is(other, pinned: Pinned):
    other.lock_device(phone("R5CT", boot="boot-1", number="R5CT"))
    by_wifi = phone("10.0.0.7:5555", boot="boot-1", number="R5CT")
    with pinned.raises(BadInput), device_lock(by_wifi):
        raise AssertionError("both hold it")
    with device_lock(phone("10.0.0.8:5555", boot="boot-2", number="R5CT")):
        pass


def test_one_process_measures_a_phone_by_one_of_its_serials(taken, pinned: Pinned):
    with device_lock(phone("R5CT", "boot-1", "R5CT"), "run-1"):
        with (
            pinned.raises(BadInput),
            device_lock(phone("10.0.0.7:5555", "boot-1", "R5CT")),
        ):
            raise AssertionError("two serials at once")
        assert [one.run for one in taken] == ["run-1"]
    with device_lock(phone("10.0.0.7:5555", "boot-1", "R5CT")):
        assert [one.closed for one in taken] == [True, False]
    assert [one.closed for one in taken] == [True, True]


def test_a_phone_that_refuses_its_lock_is_not_held_here(monkeypatch, pinned: Pinned):
    def refuse(shell, run):
        raise BadInput("somebody on another computer has it")

    with monkeypatch.context() as patch:
        patch.setattr(lease, "take_lock", refuse)
        with pinned.raises(BadInput), device_lock(phone("S1")):
            raise AssertionError("both hold it")
    with device_lock(phone("S1")):
        pass


def test_this_computer_is_locked_as_well(other, pinned: Pinned):
    other.lock_device(host.describe(), "run-8")
    with pinned.raises(BadInput) as caught, device_lock(host.describe()):
        raise AssertionError("both hold it")
    assert f"pid {other.pid} " in caught.value.message


@pytest.mark.slow
def test_a_killed_process_holds_no_lock(new_process):
    other = new_process()
    other.lock_device(phone("S1"))
    other.kill()
    with device_lock(phone("S1"), "mine"):
        pass


@pytest.mark.slow
def test_a_device_has_one_owner_within_a_process_too(new_process, pinned: Pinned):
    with device_lock(phone("S1")):
        with pinned.raises(BadInput), device_lock(phone("S1")):
            raise AssertionError("both hold it")
        with pytest.raises(AssertionError):
            new_process().lock_device(phone("S1"))
    new_process().lock_device(phone("S1"))


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


def is_taken(name):
    """Whether somebody holds the name; else it is taken for a moment."""
    free = locks._bind_name(name)
    if free is not None:
        free.close()
    return free is None


def test_a_caller_that_has_had_its_turn_queues_behind_those_that_wait():
    order = []

    def waiting():
        with machine_turn("m"):
            order.append("waiting")

    with machine_turn("m"):
        other = threading.Thread(target=waiting)
        other.start()
        wait_until(lambda: is_taken("queue m"))
    with machine_turn("m"):
        order.append("again")
    other.join()
    assert order == ["waiting", "again"]


def test_waiting_for_another_process_can_be_cancelled(other):
    other.take_turn("m")
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(BlockFailed, match="cancelled"), machine_turn("m", cancel):
        raise AssertionError("both have the turn")
    assert time.monotonic() - began < 30
    with machine_turn("another machine"):
        pass


@pytest.mark.slow
def test_a_lock_is_not_inherited_by_programs_that_are_started(other):
    with device_lock(phone("S1")), machine_turn("m"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        other.lock_device(phone("S1"))
        with machine_turn("m"):
            pass
    finally:
        child.kill()
        child.wait()
