"""The lock file on a phone: taken by one run, renewed, and taken over when its owner is gone."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import lease
from mobilebench.targets.android.files import HOME
from mobilebench.targets.android.lease import LEASE_SECONDS, LOCK, PhoneLock, guarded, take_lock, was_taken
from mobilebench.targets.android.restore import Owner, this_place, this_process
from mobilebench.targets.base import ShellResult
from tests.browsers.processes import wait_until
from tests.pinning import Pinned

BOOT = "11111111-2222-3333-4444-555555555555"


class Phone:
    """A phone whose commands a shell of this computer runs in a folder, with a given clock and boot."""

    serial = "fake-1"

    def __init__(self, folder, boot=BOOT, uptime=1000.0):
        self.folder = folder
        self.boot = boot
        self.uptime = uptime
        self.away = False

    def script(self, text, *, timeout=30):
        if self.away:
            raise TargetLost("away")
        own = text.replace(str(HOME), str(self.folder / "home"))
        own = own.replace("cat /proc/sys/kernel/random/boot_id; readlink /proc/self/ns/pid", f"echo '{self.boot}'")
        uptime = "cat /nothing" if self.uptime is None else f"echo {self.uptime:.2f} 99.0"
        own = own.replace("cat /proc/uptime", uptime)
        done = subprocess.run(["sh", "-c", own], capture_output=True, check=False, timeout=timeout)
        return ShellResult(done.stdout, done.stderr, done.returncode)

    @property
    def file(self):
        return self.folder / LOCK.replace(str(HOME), "home")

    def holds(self):
        return PhoneLock.model_validate_json(self.file.read_text()) if self.file.exists() else None

    def put(self, **changes):
        """Write a lock with these fields."""
        values = {"token": "theirs", "owner": this_process(), "place": "elsewhere", "host": "rack-1", "run": "run-7"}
        lock = PhoneLock(**{**values, "boot": self.boot, "since": 900.0, "until": 1100.0, **changes})
        self.write(json.dumps(lock.model_dump(by_alias=True), separators=(",", ":")))
        return lock

    def write(self, text):
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(text)


@pytest.fixture
def phone(tmp_path):
    return Phone(tmp_path)


def taken(phone, run=""):
    return take_lock(phone, run, lambda cancel: phone)


def gone():
    """A process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return this_process().model_copy(update={"pid": process.pid, "started": "1"})


def test_the_lock_names_its_owner_and_is_removed_with_the_lease(phone):
    own = taken(phone, "run-1")
    found = phone.holds()
    assert (found.owner, found.place, found.run) == (this_process(), this_place(), "run-1")
    assert (found.boot, found.since, found.until) == (BOOT, 1000.0, 1000.0 + LEASE_SECONDS)
    own.close()
    assert sorted(path.name for path in phone.file.parent.iterdir()) == []


def test_another_computer_is_refused_with_holder_and_times(phone, pinned: Pinned):
    phone.put()
    with pinned.raises(BadInput) as caught:
        taken(phone)
    assert " since " in caught.value.message
    assert "Wait" in caught.value.hint


def test_an_expired_lease_is_taken_over(phone):
    phone.put(until=999.0)
    taken(phone).close()


def test_a_lease_ends_by_the_phones_own_seconds(phone):
    phone.put()
    phone.uptime = 1099.0
    with pytest.raises(BadInput):
        taken(phone)
    phone.uptime = 1101.0
    taken(phone).close()


def test_after_the_phones_restart_an_owner_has_one_lease_of_time_to_come_back(phone, pinned: Pinned):
    phone.put(until=9e9)
    phone.boot, phone.uptime = BOOT.replace("1", "2"), 20.0
    with pinned.raises(BadInput):
        taken(phone)
    phone.uptime = LEASE_SECONDS + 1
    taken(phone).close()


def test_a_restart_is_noticed_without_the_kernels_id_too(phone, pinned: Pinned):
    phone.boot = "cat: Permission denied"
    phone.put(boot="", since=900_000.0, until=900_300.0)
    phone.uptime = 299.0
    with pinned.raises(BadInput):
        taken(phone)
    phone.uptime = 301.0
    own = taken(phone)
    phone.uptime = 400.0
    own.renew()
    assert phone.holds().until == 400.0 + LEASE_SECONDS
    own.close()


def test_an_ended_process_of_this_computer_holds_no_lock(phone):
    phone.put(place=this_place(), owner=gone())
    taken(phone).close()


def test_a_running_process_of_this_computer_is_named_as_local(phone, pinned: Pinned):
    started = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19]
    owner = this_process().model_copy(update={"pid": os.getppid(), "started": started})
    phone.put(place=this_place(), owner=owner)
    with pinned.raises(BadInput):
        taken(phone)


def test_a_cloned_computer_is_another_one(phone, pinned: Pinned):
    """Machine ids are copied with disks, and pids of one computer mean nothing on another."""
    phone.put(owner=gone())
    with pinned.raises(BadInput):
        taken(phone)


@pytest.mark.parametrize("text", ["", "\n", "{", "\x7fELF\x02", '{"schema":"mobilebench/lock/1","token":"x"}', "[]"])
def test_an_invalid_lock_file_is_taken_over(phone, text):
    phone.write(text)
    own = taken(phone)
    assert phone.holds().owner == this_process()
    own.close()


@pytest.mark.parametrize("changes", [{"since": -1e300}, {"until": -1.0}])
def test_a_lock_with_an_impossible_time_is_taken_over(phone, changes):
    phone.put()
    phone.write(json.dumps({**json.loads(phone.file.read_text()), **changes}))
    taken(phone).close()


def test_a_lock_of_a_newer_version_is_respected(phone):
    lock = phone.put().model_dump(by_alias=True)
    phone.write(json.dumps({**lock, "schema": "mobilebench/lock/9", "priority": 3}))
    with pytest.raises(BadInput):
        taken(phone)


def test_the_content_of_a_lock_is_not_trusted(phone):
    phone.put(host="a\x1b[31mb\nc", run="`reboot` $(x) 'y'")
    with pytest.raises(BadInput) as caught:
        taken(phone)
    assert caught.value.message.isprintable()
    phone.write(phone.file.read_text().replace("1100.0", "1e999"))
    taken(phone).close()


def test_a_name_of_this_computer_that_a_shell_would_read_is_only_written(phone, monkeypatch):
    monkeypatch.setattr(lease.platform, "node", lambda: "it's `id`\\n$(id)")
    own = taken(phone, "a\\b'c")
    assert (phone.holds().host, phone.holds().run) == ("it_s _id__n__id_", "a_b_c")
    own.close()
    assert not phone.file.exists()


@pytest.mark.slow
def test_of_many_simultaneous_runs_one_gets_the_phone(phone):
    phone.put(until=1.0)
    found, refused = [], []
    start = threading.Barrier(8)

    def want():
        start.wait()
        try:
            found.append(taken(phone))
        except BadInput as error:
            refused.append(error)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(refused)) == (1, 7)
    assert phone.holds().token == found[0]._lock.token
    found[0].close()


def test_a_lease_is_renewed(phone):
    own = taken(phone)
    phone.uptime = 1200.0
    own.renew()
    assert (phone.holds().since, phone.holds().until) == (1000.0, 1200.0 + LEASE_SECONDS)
    phone.boot, phone.uptime = BOOT.replace("1", "2"), 30.0
    own.renew()
    assert (phone.holds().boot, phone.holds().until) == (phone.boot, 30.0 + LEASE_SECONDS)
    own.close()
    assert not phone.file.exists()


def test_a_lease_is_renewed_by_itself_also_after_the_phone_was_away(phone, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(lease, "AGAIN_SECONDS", 0.02)
    own = taken(phone)
    phone.away = True
    time.sleep(0.1)
    phone.uptime = 2000.0
    phone.away = False
    wait_until(lambda: phone.holds().until == 2000.0 + LEASE_SECONDS)
    own.close()


def test_a_lock_that_another_run_has_taken_is_neither_renewed_nor_removed(phone, pinned: Pinned):
    own = taken(phone)
    theirs = phone.put()
    with pinned.raises(BlockFailed):
        own.renew()
    own.close()
    assert phone.holds() == theirs


def test_a_run_whose_phone_was_taken_stops(phone, monkeypatch, pinned: Pinned):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    theirs = threading.Event()

    def renewing(cancel):
        assert theirs.wait(60)
        return phone

    own = take_lock(phone, "", renewing)
    own.check_held()
    phone.put()  # a renewal that had begun would replace it: it takes no turn
    theirs.set()
    own._thread.join(60)
    with pinned.raises(TargetLost):
        own.check_held()
    own.close()


def test_a_phone_that_is_away_at_the_end_ends_nothing(phone):
    own = taken(phone)
    phone.away = True
    own.close()
    assert phone.holds() is not None
    phone.away = False
    taken(phone).close()
    assert phone.holds() is None


def test_a_lock_in_use_is_removed_only_when_the_use_ends(phone):
    own = taken(phone)
    begun, may_end = threading.Event(), threading.Event()

    def work():
        with own.use():
            begun.set()
            may_end.wait(30)

    worker, closing = threading.Thread(target=work), threading.Thread(target=own.close)
    worker.start()
    begun.wait(30)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive() and phone.holds() is not None
    may_end.set()
    closing.join(30)
    assert phone.holds() is None
    worker.join()


def test_a_use_that_does_not_end_does_not_keep_the_lock(phone, monkeypatch):
    monkeypatch.setattr(lease, "_USE_ENDS_SECONDS", 0.05)
    own = taken(phone)
    with own.use():
        own.close()
    assert phone.holds() is None


def test_one_part_of_a_process_uses_a_phone_at_a_time(phone, pinned: Pinned):
    own = taken(phone)
    with own.use() as token:
        assert phone.holds().token == token
        with pinned.raises(BadInput), own.use():
            raise AssertionError("both use it")
    with own.use():
        pass
    own.close()


@pytest.mark.parametrize(("grep", "taken"), [(0, False), (1, True), (2, True), (137, False)])
def test_a_grep_that_is_killed_says_nothing_of_the_lock(grep, taken):
    """When a phone restarts, its shell may outlive the commands that it waits for."""
    script = f"grep() {{ return {grep}; }}; {guarded('echo done', 'token')}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False)
    assert was_taken(done.returncode) is taken
    assert done.stdout == (b"" if grep else b"done\n")


def test_a_guarded_command_runs_only_while_the_lock_is_ours(phone):
    own = taken(phone)
    with own.use() as token:
        assert phone.script(guarded("echo done", token)).stdout == b"done\n"
        phone.put()
        done = phone.script(guarded("echo done", token))
        assert (done.stdout, was_taken(done.exit_code)) == (b"", True)
        phone.file.unlink()
        assert was_taken(phone.script(guarded("echo done", token)).exit_code)
    own.close()


def test_a_process_killed_while_writing_the_lock_blocks_no_other(phone, monkeypatch):
    monkeypatch.setattr(lease, "_TURN_SECONDS", 0.2)
    (phone.file.parent / "lock.turn").mkdir(parents=True)
    taken(phone).close()
    assert list(phone.file.parent.iterdir()) == []


def test_a_phone_on_which_nothing_can_be_written_is_an_error(phone, pinned: Pinned):
    (phone.folder / "home").write_text("a file where the folder should be")
    with pinned.raises(BlockFailed):
        taken(phone)


def test_the_phones_clock_is_used_if_its_uptime_cannot_be_read(phone, pinned: Pinned):
    phone.uptime = None
    phone.put(since=time.time() - 1000, until=time.time() + 200)
    with pinned.raises(BadInput):
        taken(phone)
    phone.put(since=time.time() - 1000, until=time.time() - 100)
    taken(phone).close()


def test_a_phone_without_a_clock_cannot_be_locked(phone, monkeypatch, pinned: Pinned):
    monkeypatch.setattr(phone, "script", lambda text, timeout=30: ShellResult(b"\n@\n@\n", b"", 0))
    with pinned.raises(BlockFailed):
        taken(phone)


def test_locks_and_restore_files_have_the_same_kind_of_owner():
    assert PhoneLock(token="t", owner=Owner(machine="m", pid=1, started="2")).run == ""
