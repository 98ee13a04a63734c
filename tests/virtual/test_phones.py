"""Switching phones on and off, and the files and settings that they keep."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, TargetLost
from mobilebench.virtual import adb, phones
from tests.virtual.conftest import Desk, processes_mentioning, wait_until


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


def test_the_error_for_an_unknown_profile_lists_the_profiles(empty_home: Path) -> None:
    with pytest.raises(BadInput, match="commodore-64") as caught:
        phones.up(1, ["commodore-64"])
    assert caught.value.hint is not None and "snapdragon-8-gen-2" in caught.value.hint
    assert phones.list_phones() == []


@pytest.mark.parametrize(
    ("count", "names"), [(0, None), (1000, None), (1, ["../x"]), (1, ["Up"]), (2, ["a", "a"]), (1, [""])]
)
def test_impossible_numbers_and_names_are_refused(empty_home: Path, count: int, names: list[str] | None) -> None:
    with pytest.raises(BadInput):
        phones.up(count, names=names)


def test_a_phone_that_is_not_there_cannot_be_switched_off_or_changed(empty_home: Path) -> None:
    for attempt in (lambda: phones.down(["nobody"]), lambda: phones.change_state("nobody", {})):
        with pytest.raises(BadInput, match="nobody"):
            attempt()


def test_changes_are_read_as_people_write_them() -> None:
    words = [
        "battery.level=15",
        "thermal.cpu=71.5",
        "screen.on=false",
        "fault=offline",
        "settings.global.x=1",
    ]
    assert phones.parse_changes(words) == {
        "battery.level": 15,
        "thermal.cpu": 71.5,
        "screen.on": False,
        "fault": "offline",
        "settings.global.x": "1",
    }
    with pytest.raises(BadInput, match="battery"):
        phones.parse_changes(["battery"])


@pytest.mark.adb
def test_files_and_settings_outlive_down_and_up_but_not_wipe(one_desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("kept")
    (phone,) = phones.up(1, ["kirin-990"], names=["keeper"])
    one_desk.run(phone, "push", str(tmp_path / "x"), "/data/local/tmp/x")
    one_desk.shell(phone, "settings put global mine 1")
    assert [gone.name for gone in phones.down(["keeper"])] == ["keeper"]
    assert phones.down(["keeper"]) == []
    (again,) = phones.up(1, names=["keeper"])
    assert (again.serial, again.profile) == (phone.serial, "kirin-990")
    assert one_desk.shell(again, "cat /data/local/tmp/x; settings get global mine") == "kept1"
    phones.down(["keeper"])
    (fresh,) = phones.up(1, ["kirin-990"], names=["keeper"], wipe=True)
    assert one_desk.shell(fresh, "ls /data/local/tmp; settings get global mine") == "null"
    phones.down(["keeper"])


def test_phones_of_two_homes_do_not_begin_at_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that is off for a moment keeps its port although a phone of another home is switched on meanwhile."""
    folders = [Path(f"/home/{home}/virtual/{name}") for home in ("a", "b") for name in ("phone-1", "phone-2")]
    monkeypatch.setenv("MOBILEBENCH_HOME", "/home/a")
    tried = [phones.ports_of(folder) for folder in folders]
    assert len({ports[0] for ports in tried}) == 4
    assert len({frozenset(ports) for ports in tried}) == 1
    assert phones.ports_of(folders[0]) == tried[0]
    monkeypatch.delenv("MOBILEBENCH_HOME")
    assert {phones.ports_of(folder)[0] for folder in folders} == {min(tried[0])}


@pytest.mark.adb
def test_up_twice_is_up_once(one_desk: Desk) -> None:
    first = phones.up(1, names=["twin"])
    assert phones.up(1, names=["twin"]) == first
    with pytest.raises(BadInput, match="twin"):
        phones.up(1, ["exynos-2400"], names=["twin"])
    assert [phone for phone in phones.list_phones() if phone.running] == first
    phones.down()


@pytest.mark.adb
def test_phones_differ_by_default_and_outlive_the_command_that_started_them(one_desk: Desk) -> None:
    start = "from mobilebench.virtual import phones; phones.up(2)"
    subprocess.run([sys.executable, "-c", start], check=True, timeout=60)
    found = {phone.name: phone for phone in phones.list_phones()}
    pair = [found["phone-1"], found["phone-2"]]
    assert all(phone.running for phone in pair) and pair[0].profile != pair[1].profile
    models = {one_desk.shell(phone, "getprop ro.product.model") for phone in pair}
    assert len(models) == 2
    phones.down()
    assert processes_mentioning(str(one_desk.home)) == []
    assert [adb.state(phone.serial) for phone in pair] == ["absent", "absent"]


@pytest.mark.adb
def test_down_ends_what_commands_left_behind_and_nothing_else(one_desk: Desk) -> None:
    (phone,) = phones.up(1, names=["busy"])
    left = f"sleep 4323.{os.getpid()}"  # no other process of this computer says so
    one_desk.shell(phone, f"setsid nohup {left} >/dev/null 2>&1 & nohup {left} >/dev/null 2>&1 &")
    with subprocess.Popen(["sleep", "4324"]) as bystander:
        wait_until(lambda: len(processes_mentioning(left)) == 2)  # while one starts, its words cannot be read
        phones.down(["busy"])
        assert processes_mentioning(left) == []
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.adb
def test_a_process_that_reuses_a_pid_is_not_ended(one_desk: Desk) -> None:
    (phone,) = phones.up(1, names=["gone"])
    assert phone.pid is not None
    record = one_desk.home / "virtual" / "gone" / "phone.json"
    phones.down(["gone"])
    with subprocess.Popen(["sleep", "4325"]) as stranger:
        record.write_text(
            record.read_text().replace('"processes": []', f'"processes": [{{"pid": {stranger.pid}, "started": 1}}]')
        )
        assert phones.down(["gone"]) == []
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.adb
def test_a_phone_that_was_killed_is_seen_as_down_and_comes_back(one_desk: Desk) -> None:
    (phone,) = phones.up(1, names=["victim"])
    assert phone.pid is not None
    inner = [pid for pid in _family(phone.pid) if pid != phone.pid]
    for pid in (*inner, phone.pid):
        with suppress(ProcessLookupError):  # the end of one may have ended it
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not next(one for one in phones.list_phones() if one.name == "victim").running)
    (again,) = phones.up(1, names=["victim"])
    assert one_desk.shell(again, "echo back") == "back"
    phones.down(["victim"])


@pytest.mark.adb
def test_a_port_that_another_program_has_taken_is_left_to_it(one_desk: Desk) -> None:
    (phone,) = phones.up(1, names=["mover"])
    phones.down(["mover"])
    with socket.create_server(("127.0.0.1", int(phone.serial.split(":")[1]))):
        (moved,) = phones.up(1, names=["mover"])
        assert moved.serial != phone.serial
        assert one_desk.shell(moved, "echo here") == "here"
    phones.down(["mover"])


@pytest.mark.adb
def test_a_phone_that_cannot_start_is_reported_with_the_reason(one_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilebench.virtual.sandbox.METADATA", "/proc/no/such/place")
    with pytest.raises(TargetLost, match="did not start") as caught:
        phones.up(1, names=["broken"])
    assert caught.value.hint is not None and "daemon.log" in caught.value.hint
    assert not any(phone.running for phone in phones.list_phones())


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]
