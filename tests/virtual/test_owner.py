"""Virtual phones that end with the process that owns them, and phones that no process owns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.virtual import owner, phones, processes

from .conftest import Desk, processes_mentioning, wait_until

SWITCH_ON = """
import sys
from mobilebench.virtual import owner, phones
if sys.argv[1] == "own":
    owner.own()
phones.up(names=["owned"], chrome=False)
print("up", flush=True)
sys.stdin.read()
"""


def test_without_an_owner_there_is_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(owner.VARIABLE)
    assert owner.descriptor() is None


def test_the_tests_own_the_phones_that_they_switch_on() -> None:
    assert os.environ[owner.VARIABLE].split(":")[0] == str(os.getpid())
    descriptor = owner.descriptor()
    assert descriptor is not None
    os.close(descriptor)


@pytest.mark.parametrize("text", ["", "me", "1", "1:2:3", "-1:5", "99999999999999999999:1", "{pid}:1", "{ended}"])
def test_an_owner_that_does_not_run_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(["sleep", "60"])
    found = processes.identify(process.pid)
    assert found is not None
    process.kill()
    process.wait()
    words = text.format(pid=os.getpid(), ended=f"{found.pid}:{found.started}")
    monkeypatch.setenv(owner.VARIABLE, words)
    with pytest.raises(BadInput, match="no running process"):
        owner.descriptor()


def switched_on(how: str) -> subprocess.Popen[str]:
    """A process that has switched a phone on, and waits."""
    environment = {name: value for name, value in os.environ.items() if name != owner.VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-c", SWITCH_ON, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.adb
@pytest.mark.parametrize("sandbox", ["", "none"])
def test_a_phone_ends_with_its_killed_owner(one_desk: Desk, sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_VIRTUAL_SANDBOX", sandbox)
    process = switched_on("own")
    (phone,) = phones.list_phones()
    left = f"sleep 4326.{os.getpid()}"
    one_desk.shell(phone, f"setsid nohup {left} >/dev/null 2>&1 &")
    wait_until(lambda: processes_mentioning(left) != [])
    assert phone.running
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until(lambda: processes_mentioning(str(one_desk.home)) == [], 60)
    wait_until(lambda: processes_mentioning(left) == [], 60)
    assert [phone.running for phone in phones.list_phones()] == [False]

    process = switched_on("own")
    assert one_desk.shell(phones.list_phones()[0], "echo here") == "here"
    phones.down()
    process.communicate()


@pytest.mark.adb
def test_a_phone_without_an_owner_stays(one_desk: Desk) -> None:
    process = switched_on("nobody")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (phone,) = phones.list_phones()
    assert one_desk.shell(phone, "echo here") == "here"
    assert phones.down() != []
