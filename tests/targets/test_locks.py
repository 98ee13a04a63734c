"""One run a device, also against other processes; turns on a shared machine, fair and cancellable."""

from __future__ import annotations

import os
import secrets
import signal
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
from tests.pinning import Pinned

HOLD = """
import time
from mobilebench.core.records import TargetInfo
from mobilebench.targets import locks
from mobilebench.targets.android import lease
class Taken:
    def close(self): pass
lease.take_lock = lambda shell, run: Taken()
def device_lock(info, run=""):
    return locks.device_lock(TargetInfo.model_validate_json(info), run)
machine_turn = locks.machine_turn
with {kind}({arguments}):
    print("held", flush=True)
    time.sleep(60)
"""


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


@pytest.fixture
def holder():
    """Another process that holds a lock."""
    started = []

    def hold(kind, *arguments, **environment):
        words = [one if isinstance(one, str) else one.model_dump_json() for one in arguments]
        code = HOLD.format(kind=kind, arguments=", ".join(map(repr, words)))
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_phone_measured_by_another_process_is_refused_with_its_pid_and_run(holder, pinned: Pinned):
    other = holder("device_lock", phone("S1"), "run-7")
    with pinned.raises(BadInput) as caught, device_lock(phone("S1")):
        raise AssertionError("both hold it")
    assert f"pid {other.pid} " in caught.value.message
    with device_lock(phone("S2")):
        pass


@pytest.mark.slow
def test_another_home_meets_the_same_locks(holder, tmp_path, pinned: Pinned):
    holder("device_lock", phone("S1"), MOBILEBENCH_HOME=str(tmp_path))
    with pinned.raises(BadInput), device_lock(phone("S1")):
        raise AssertionError("both hold it")
    holder("machine_turn", "m", MOBILEBENCH_HOME=str(tmp_path))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(BlockFailed, match="cancelled"), machine_turn("m", cancel):
        raise AssertionError("both have the turn")


def test_a_phone_is_locked_under_all_its_serials_and_no_other_phone_is(holder, pinned: Pinned):
    holder("device_lock", phone("R5CT", boot="boot-1", number="R5CT"))
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


def test_this_computer_is_locked_as_well(holder, pinned: Pinned):
    other = holder("device_lock", host.describe(), "run-8")
    with pinned.raises(BadInput) as caught, device_lock(host.describe()):
        raise AssertionError("both hold it")
    assert f"pid {other.pid} " in caught.value.message


@pytest.mark.slow
def test_a_killed_process_holds_nothing(holder):
    other = holder("device_lock", phone("S1"))
    other.send_signal(signal.SIGKILL)
    other.wait()
    with device_lock(phone("S1"), "mine"):
        pass


@pytest.mark.slow
def test_a_device_has_one_owner_within_a_process_too(holder, pinned: Pinned):
    with device_lock(phone("S1")):
        with pinned.raises(BadInput), device_lock(phone("S1")):
            raise AssertionError("both hold it")
        with pytest.raises(AssertionError):
            holder("device_lock", phone("S1"))
    holder("device_lock", phone("S1"))


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


def test_a_lock_is_not_inherited_by_programs_that_are_started(holder):
    with device_lock(phone("S1")), machine_turn("m"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        holder("device_lock", phone("S1"))
        with machine_turn("m"):
            pass
    finally:
        child.kill()
        child.wait()
