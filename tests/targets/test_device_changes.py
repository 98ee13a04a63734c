"""Every change to a phone is recorded there first, and put back by this run or the next one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android import device_changes as module
from mobilebench.targets.android.device_changes import RESTORE_FILE, DeviceChanges
from mobilebench.targets.android.lease import LOCK
from mobilebench.targets.android.restore import this_process
from mobilebench.targets.android.shell import NotAllowed
from mobilebench.targets.base import ShellResult
from tests.pinning import Pinned
from tests.targets.fakes import FakeFiles, FakePhone, FakeShell, failed

FLAGS = "/data/local/tmp/chrome-command-line"
TOKEN = "t0"
PART = f"{RESTORE_FILE}.{TOKEN}.part"
OURS = f"grep -qF {TOKEN} {LOCK} || exit $(( $? > 2 ? 137 : 76 )); "
WRITE = (f"{OURS}chmod 600 {PART} && mv -f {PART} {RESTORE_FILE}", "")
UNDO = (f"{OURS}true", "")
CLEAR = (f"{OURS}rm -f {RESTORE_FILE}", "")
SECURITY = b"""
Exception occurred while executing 'put':
java.lang.SecurityException: Permission denial: writing to settings requires:android.permission.WRITE_SECURE_SETTINGS
\tat com.android.providers.settings.SettingsProvider.enforceWritePermission(SettingsProvider.java:2341)
"""
REFUSALS = {
    "exit code and stderr": ShellResult(b"", SECURITY, 255),
    "stderr alone": ShellResult(b"", SECURITY, 0),
    "stdout alone": ShellResult(SECURITY, b"", 0),
    "old Android": ShellResult(b"Error: java.lang.SecurityException: Permission Denial\n", b"", 0),
}
NO_ANSWERS = {
    "no service": ShellResult(b"cmd: Can't find service: settings\n", b"", 20),
    "no service, code 0": ShellResult(b"cmd: Can't find service: settings\n", b"", 0),
    "an exception": ShellResult(b"", b"Exception occurred while executing 'get':\njava.lang.Error\n", 255),
    "an exception, code 0": ShellResult(b"java.lang.IllegalStateException: not ready\n\tat a.b(C.java:1)\n", b"", 0),
    "a broken call": ShellResult(b"Failed transaction (2147483646)\n", b"", 0),
    "killed": failed(137),
    "nothing": ShellResult(b"", b"", 0),
}


def conditions_of(phone, token=TOKEN):
    return DeviceChanges(phone, phone.files, token)


def noted(phone):
    return json.loads(phone.files.files[RESTORE_FILE])["steps"]


def left_behind(steps, **owner):
    dead = this_process().model_copy(update={"started": "0", **owner})
    text = json.dumps({"schema": "mobilebench/restore/1", "owner": dead.model_dump(), "steps": steps})
    return FakeFiles({RESTORE_FILE: text.encode()})


def test_a_file_that_was_not_there_is_removed_again():
    phone = FakePhone()
    conditions = conditions_of(phone)
    conditions.change_file(FLAGS, b"_ --x\n")
    assert phone.files.files[FLAGS] == b"_ --x\n"
    put = hashlib.sha256(b"_ --x\n").hexdigest()
    assert noted(phone) == [{"kind": "file", "path": FLAGS, "content": None, "mode": 0o644, "put": put}]
    conditions.put_back_all()
    assert phone.files.files == {}


def test_a_file_that_was_there_comes_back_byte_for_byte():
    before = b"_ --mine \xff\n"
    phone = FakePhone(FakeFiles({FLAGS: before}))
    phone.files.modes[FLAGS] = 0o600
    conditions = conditions_of(phone)
    conditions.change_file(FLAGS, b"_ --x\n")
    conditions.put_back_all()
    assert (phone.files.files, phone.files.modes[FLAGS]) == ({FLAGS: before}, 0o600)


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"wait_for_debugger": "0"},
        {"debug_app": "org.mine"},
        {"debug_app": "org.mine", "wait_for_debugger": "1"},
        {"debug_app": "org.mine", "wait_for_debugger": "0"},
    ],
)
def test_the_debug_app_comes_back_and_waits_for_its_debugger_as_before(before):
    phone = FakePhone(settings=dict(before))
    conditions = conditions_of(phone)
    conditions.set_debug_app("com.android.chrome")
    assert phone.settings["debug_app"] == "com.android.chrome"
    conditions.put_back_all()
    assert phone.settings == before
    assert phone.files.files == {}


@pytest.mark.parametrize("before", [{}, {"stay_on": "3"}, {"stay_on": ""}, {"stay_on": " a 'b' "}])
def test_a_setting_comes_back(before):
    phone = FakePhone(settings=dict(before))
    conditions = conditions_of(phone)
    conditions.set_setting("global", "stay_on", "7")
    assert phone.settings == {"stay_on": "7"}
    conditions.put_back_all()
    assert (phone.settings, phone.files.files) == (before, {})


def test_a_setting_that_already_has_its_value_is_not_changed():
    phone = FakePhone(settings={"stay_on": "7"})
    assert conditions_of(phone).set_setting("global", "stay_on", "7") is None
    assert phone.done == ["settings get global stay_on"]


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
def test_a_setting_that_the_phone_refuses_leaves_nothing_to_put_back(answer, pinned: Pinned):
    phone = FakePhone(settings={"stay_on": "3"})
    phone.refused["settings put"] = answer
    conditions = conditions_of(phone)
    with pytest.raises(NotAllowed, match="SecurityException") as caught:
        conditions.set_setting("global", "stay_on", "7")
    pinned(caught.value.hint)
    assert (phone.settings, phone.files.files) == ({"stay_on": "3"}, {})
    conditions.put_back_all()


def test_a_setting_that_the_phone_ignores_leaves_nothing_to_put_back(pinned: Pinned):
    phone = FakePhone(settings={"stay_on": "3"})
    phone.refused["settings put"] = ShellResult(b"", b"", 0)
    with pinned.raises(BlockFailed):
        conditions_of(phone).set_setting("global", "stay_on", "7")
    assert phone.files.files == {}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_debug_app_leaves_nothing_to_put_back(answer):
    phone = FakePhone(settings={"debug_app": "org.mine"})
    phone.refused["am set-debug-app"] = answer
    with pytest.raises(NotAllowed):
        conditions_of(phone).set_debug_app("com.android.chrome")
    assert (phone.settings, phone.files.files) == ({"debug_app": "org.mine"}, {})


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_unreadable_setting_is_not_changed(answer, pinned: Pinned):
    phone = FakePhone(settings={"stay_on": "3", "debug_app": "org.mine"})
    phone.refused["settings get"] = answer
    conditions = conditions_of(phone)
    with pinned.raises(BlockFailed):
        conditions.set_setting("global", "stay_on", "7")
    with pinned.raises(BlockFailed):
        conditions.set_debug_app("com.android.chrome")
    conditions.put_back_all()
    assert (phone.settings, phone.files.files) == ({"stay_on": "3", "debug_app": "org.mine"}, {})
    assert {text.split()[1] for text in phone.done} == {"get"}


def test_a_debug_app_that_only_keeps_another_wait_setting_counts_as_put_back():
    phone = FakePhone()
    phone.refused["settings delete"] = REFUSALS["stderr alone"]
    conditions = conditions_of(phone)
    conditions.set_debug_app("com.android.chrome")
    conditions.put_back_all()
    assert (phone.settings, phone.files.files) == ({"wait_for_debugger": "0"}, {})


def test_the_wait_setting_of_the_debug_app_is_read_before_it_is_changed(pinned: Pinned):
    phone = FakePhone(settings={"debug_app": "org.mine"})
    phone.refused["settings get global wait_for_debugger"] = failed(255)
    with pinned.raises(BlockFailed):
        conditions_of(phone).set_debug_app("com.android.chrome")
    assert phone.settings == {"debug_app": "org.mine"}


def test_a_debug_app_that_is_no_package_is_an_error(pinned: Pinned):
    phone = FakePhone(settings={"debug_app": "what is this"})
    with pinned.raises(BlockFailed):
        conditions_of(phone).set_debug_app("com.android.chrome")
    assert phone.settings == {"debug_app": "what is this"}


def test_a_file_that_cannot_be_read_is_not_replaced(pinned: Pinned):
    class Unreadable(FakeFiles):
        def read(self, path):
            raise BlockFailed("Permission denied")

    phone = FakePhone(Unreadable({FLAGS: b"mine"}))
    with pinned.raises(BlockFailed):
        conditions_of(phone).change_file(FLAGS, b"x")
    assert phone.files.files == {FLAGS: b"mine"}


def test_nothing_is_changed_or_put_back_after_another_run_took_the_phone(pinned: Pinned):
    phone = FakePhone(settings={"stay_on": "3"})
    conditions = conditions_of(phone)
    conditions.set_setting("global", "stay_on", "7")
    theirs = phone.files.files[RESTORE_FILE]
    phone.lock = "theirs"
    with pinned.raises(BlockFailed):
        conditions.change_file(FLAGS, b"x")
    with pinned.raises(BlockFailed):
        conditions.put_back_all()
    assert phone.settings == {"stay_on": "7"}
    assert phone.files.files[RESTORE_FILE] == theirs
    assert FLAGS not in phone.files.files


LIST = "grep -ls 'com[.]wetest[.]uia2[.]Main' /proc/[0-9]*/cmdline"
KILL = f'for f in $({LIST}); do f="${{f#/proc/}}"; kill -9 "${{f%/cmdline}}"; done 2>/dev/null'
JAR, ASIDE = "/data/local/tmp/u2.jar", "/data/local/tmp/u2.jar.before-mobilebench"


@pytest.mark.parametrize(
    ("there", "running", "before", "after"),
    [
        (False, "", [], [(KILL, ""), (f"rm -f {JAR}", "")]),
        (
            True,
            "",
            [(f"mv -f {JAR} {ASIDE}", "")],
            [(KILL, ""), (f"[ ! -e {ASIDE} ] || mv -f {ASIDE} {JAR}", "")],
        ),
        (
            True,
            "/proc/77/cmdline\n",
            [(f"mv -f {JAR} {ASIDE}", "")],
            [(f"[ ! -e {ASIDE} ] || mv -f {ASIDE} {JAR}", "")],
        ),
    ],
)
def test_uiautomator2_is_removed_unless_it_was_there_before(there, running, before, after):
    files = FakeFiles({JAR: b"theirs"} if there else {})
    with FakeShell((LIST, running), WRITE, *before, UNDO, *after, CLEAR) as shell:
        conditions = DeviceChanges(shell, files, TOKEN)
        conditions.prepare_automation()
        steps = json.loads(files.files[PART])["steps"]
        assert steps == [{"kind": "screen", "had_jar": there, "was_running": bool(running)}]
        conditions.put_back_all()


def test_nothing_is_changed_if_it_is_unknown_whether_uiautomator2_runs(pinned: Pinned):
    with (
        FakeShell((LIST, failed(127, "grep: not found"))) as shell,
        pinned.raises(BlockFailed),
    ):
        DeviceChanges(shell, FakeFiles(), TOKEN).prepare_automation()


def test_uiautomator2_of_a_run_that_died_is_ended_by_the_next_one():
    files = left_behind([{"kind": "screen", "had_jar": False, "was_running": False}])
    with FakeShell(UNDO, (KILL, ""), (f"rm -f {JAR}", ""), CLEAR) as shell:
        DeviceChanges(shell, files, TOKEN).recover()


@pytest.mark.parametrize(
    ("answer", "front"),
    [
        ("  mCurrentFocus=Window{1a2 u0 com.android.chrome/.Main}\n", "com.android.chrome/.Main"),
        (
            "  mCurrentFocus=null\n  mFocusedApp=ActivityRecord{7 u0 com.x.y/com.x.y.First$Run t12}\n",
            "com.x.y/com.x.y.First$Run",
        ),
        ("  mCurrentFocus=Window{1 u0 NotificationShade}\n", ""),
        ("", ""),
    ],
)
def test_the_activity_in_front_is_read(answer, front):
    with FakeShell(("dumpsys window…", answer)) as shell:
        assert DeviceChanges(shell, FakeFiles(), TOKEN).front() == front


def test_a_screen_that_adb_may_not_switch_on_is_noted():
    phone = FakePhone()
    assert conditions_of(phone).wake_screen() is None
    words = b"java.lang.SecurityException: Injecting to another application requires INJECT_EVENTS permission\n"
    phone.refused["input keyevent"] = ShellResult(b"", words, 0)
    assert "INJECT_EVENTS" in conditions_of(phone).wake_screen()


def test_a_window_service_that_hangs_does_not_fail_the_block():
    with FakeShell(("dumpsys window…", BlockFailed("slow", fault="hang"))) as shell:
        assert DeviceChanges(shell, FakeFiles(), TOKEN).front() == ""


def test_changes_are_undone_last_first_and_one_failure_keeps_no_other_from_it(pinned: Pinned):
    phone = FakePhone(settings={"a": "1"})
    conditions = conditions_of(phone)
    conditions.change_file(FLAGS, b"x")
    conditions.set_setting("global", "a", "2")
    phone.refused["settings put"] = failed(1, "no room")
    with pinned.raises(BlockFailed):
        conditions.put_back_all()
    assert [step["kind"] for step in noted(phone)] == ["setting"]
    assert FLAGS not in phone.files.files
    phone.refused.clear()
    conditions.put_back_all()
    assert (phone.settings, phone.files.files) == ({"a": "1"}, {})


def test_a_failed_undo_of_an_unchanged_value_is_forgotten():
    phone = FakePhone(left_behind([{"kind": "setting", "namespace": "global", "key": "a", "value": "1"}]))
    phone.settings["a"] = "1"
    phone.refused["settings put"] = REFUSALS["stderr alone"]
    found = conditions_of(phone).recover()
    assert (found.left, phone.files.files) == ((), {})


def test_changes_that_cannot_be_put_back_do_not_prevent_measuring(pinned: Pinned):
    phone = FakePhone(left_behind([{"kind": "setting", "namespace": "global", "key": "a", "value": "1"}]))
    phone.settings["a"] = "7"
    phone.refused["settings put"] = REFUSALS["stderr alone"]
    conditions = conditions_of(phone)
    found = conditions.recover()
    pinned(found.left[0])
    conditions.change_file(FLAGS, b"x")
    conditions.put_back_all()
    assert [step["kind"] for step in noted(phone)] == ["setting"]
    phone.refused.clear()
    assert conditions_of(phone).recover().put_back == ("the setting global a is 1",)
    assert (phone.settings, phone.files.files) == ({"a": "1"}, {})


def test_a_phone_that_went_away_keeps_its_restore_file():
    phone = FakePhone()
    conditions = conditions_of(phone)
    conditions.change_file(FLAGS, b"x")
    phone.refused["rm -f"] = TargetLost("gone")
    with pytest.raises(TargetLost):
        conditions.put_back_all()
    assert noted(phone)


def test_changes_of_a_dead_run_are_put_back_first(pinned: Pinned):
    steps = [
        {"kind": "file", "path": FLAGS, "content": "XyAtLW9sZAo=", "mode": 420},
        {"kind": "debug_app", "package": None},
        {"kind": "app", "package": "com.android.chrome"},
    ]
    phone = FakePhone(left_behind(steps), {"debug_app": "com.android.chrome"})
    found = conditions_of(phone).recover()
    assert (phone.files.files, phone.settings) == ({FLAGS: b"_ --old\n"}, {})
    assert found.put_back == ("com.android.chrome is ended", "the debug app is none", f"{FLAGS} is as it was")
    pinned(found.lines[0])


def test_a_phone_without_restore_file_is_left_alone():
    with FakeShell() as shell:
        assert DeviceChanges(shell, FakeFiles(), TOKEN).recover().lines == []


def test_changes_of_a_run_that_is_still_running_are_left():
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        files = left_behind([], pid=other.pid, started=started)
        with FakeShell() as shell, pytest.raises(BadInput, match=f"pid {other.pid}"):
            DeviceChanges(shell, files, TOKEN).recover()
    finally:
        other.kill()
        other.wait()


UNREADABLE = {
    "a file of the system": left_behind([{"kind": "file", "path": "/system/build.prop", "content": None, "mode": 420}]),
    "a path that climbs": left_behind([{"kind": "file", "path": "/data/local/tmp/../x", "content": None, "mode": 420}]),
    "a command": left_behind([{"kind": "app", "package": "a.b; reboot"}]),
    "a blank": left_behind([{"kind": "setting", "namespace": "global", "key": "a b", "value": None}]),
    "a port that is none": left_behind([{"kind": "forward", "local": "tcp:1;x", "remote": "tcp:2"}]),
    "an unknown change": left_behind([{"kind": "format_disk"}]),
    "no list": left_behind("nonsense"),
    "a newer schema": FakeFiles({RESTORE_FILE: b'{"schema": "mobilebench/restore/2", "owner": {}, "steps": []}'}),
    "cut off": FakeFiles({RESTORE_FILE: b'{"schema": "mobilebench/restore/1", "owner": {"machine": "a", "pi'}),
    "somebody else's": FakeFiles({RESTORE_FILE: b"\x7fELF\x02\x01"}),
}


@pytest.mark.parametrize("files", UNREADABLE.values(), ids=UNREADABLE)
def test_an_invalid_restore_file_is_moved_aside_and_blocks_nothing(files, pinned: Pinned):
    content = files.files[RESTORE_FILE]
    phone = FakePhone(FakeFiles(files.files))
    conditions = conditions_of(phone)
    (notice,) = conditions.recover().notices
    aside = f"{RESTORE_FILE}.unreadable-1"
    assert phone.files.files == {aside: content}
    pinned(notice)
    assert [text for text in phone.done if not text.startswith("n=1")] == []
    conditions.change_file(FLAGS, b"x")
    conditions.put_back_all()
    assert phone.files.files == {aside: content}


def test_an_empty_restore_file_is_removed_and_reported(pinned: Pinned):
    phone = FakePhone(FakeFiles({RESTORE_FILE: b""}))
    (notice,) = conditions_of(phone).recover().notices
    pinned(notice)
    assert phone.files.files == {}


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("Error type 3\nError: Activity class {a.b/a.b.C} does not exist.\n", "does not exist"),
        ("Starting: Intent { pkg=a.b }\nError: Activity not started, unable to resolve Intent { pkg=a.b }", "resolve"),
        ("\nException occurred while executing 'start':\njava.lang.SecurityException: Permission Denial", "Denial"),
        ("Security exception: Permission Denial: starting Intent", "Denial"),
        ("java.lang.SecurityException: Permission Denial: starting Intent", "Denial"),
    ],
)
def test_an_app_that_does_not_start_is_ended_with_any_exit_code(output, words):
    for answer in (ShellResult(output.encode(), b"", 0), ShellResult(b"", output.encode(), 1)):
        phone = FakePhone()
        phone.refused["am start x"] = answer
        with pytest.raises(BlockFailed, match=words):
            conditions_of(phone).start_app("a.b", ["am start x"])
        assert phone.done.count("am force-stop a.b") == 2
        assert phone.files.files == {}


def started(phone):
    return [text for text in phone.done if text.startswith("am start")]


def test_an_app_is_started_by_the_first_command_that_finds_an_activity():
    warning = b"Warning: Activity not started, intent has been delivered to currently running top-most instance.\n"
    phone = FakePhone()
    phone.refused["am start x"] = ShellResult(b"", b"Error: Activity not started, unable to resolve Intent { }\n", 1)
    phone.refused["am start y"] = ShellResult(b"Starting: Intent { pkg=a.Error }\n", warning, 0)
    conditions_of(phone).start_app("a.Error", ["am start x", "am start y", "am start z"])
    assert started(phone) == ["am start x", "am start y"]


def test_an_app_that_is_denied_is_not_tried_by_another_command(pinned: Pinned):
    phone = FakePhone()
    phone.refused["am start x"] = ShellResult(b"", b"java.lang.SecurityException: Permission Denial: not exported", 255)
    with pinned.raises(NotAllowed):
        conditions_of(phone).start_app("a.b", ["am start x", "am start y"])
    assert started(phone) == ["am start x"]


def test_a_port_taken_on_the_phone_is_replaced_by_a_free_one(monkeypatch):
    asked = []
    monkeypatch.setattr(
        adb_protocol, "reverse", lambda serial, port, host: asked.append((port, host)) or (None if port else 41000)
    )
    removed = []
    monkeypatch.setattr(adb_protocol, "remove_reverse", lambda serial, remote: removed.append((serial, remote)))
    phone = FakePhone()
    conditions = conditions_of(phone)
    step = conditions.reverse(8000)
    assert noted(phone) == [{"kind": "reverse", "remote": "tcp:41000", "serial": "fake-1"}]
    conditions.put_back([step])
    assert asked == [(8000, 8000), (0, 8000)]
    assert removed == [("fake-1", "tcp:41000")]


def test_without_a_free_port_nothing_stays_recorded(monkeypatch):
    monkeypatch.setattr(adb_protocol, "reverse", lambda serial, port, host: None)
    with FakeShell(WRITE, CLEAR) as shell, pytest.raises(BlockFailed, match="8000"):
        DeviceChanges(shell, FakeFiles(), TOKEN).reverse(8000)


def test_a_forward_is_recorded_before_it_is_made(monkeypatch):
    phone = FakePhone()
    taken = iter([False, True])

    def forward(serial, local, remote):
        assert noted(phone)[-1] == {"kind": "forward", "local": local, "remote": remote, "serial": serial}
        return next(taken)

    monkeypatch.setattr(adb_protocol, "forward", forward)
    monkeypatch.setattr(adb_protocol, "remove_forward", lambda serial, local, remote: None)
    conditions = conditions_of(phone)
    conditions.forward("localabstract:x")
    conditions.put_back_all()
    assert phone.files.files == {}


def test_forwards_are_removed_from_the_connection_that_they_belong_to(monkeypatch):
    removed = []
    monkeypatch.setattr(adb_protocol, "remove_forward", lambda *arguments: removed.append(arguments))

    def gone(serial, remote):
        raise TargetLost(f"{serial} is away")

    monkeypatch.setattr(adb_protocol, "remove_reverse", gone)
    steps = [
        {"kind": "forward", "local": "tcp:1", "remote": "tcp:2", "serial": "192.168.0.7:5555"},
        {"kind": "reverse", "remote": "tcp:3", "serial": "192.168.0.7:5555"},
    ]
    phone = FakePhone(left_behind(steps))
    assert conditions_of(phone).recover().left == ()
    assert removed == [("192.168.0.7:5555", "tcp:1", "tcp:2")]
    assert phone.files.files == {}


def test_this_process_is_alive_and_its_pid_with_another_start_is_not():
    assert module.is_alive(this_process())
    assert not module.is_alive(this_process().model_copy(update={"started": "1"}))
    assert not module.is_alive(this_process().model_copy(update={"machine": "elsewhere"}))
    assert this_process().pid == os.getpid()


def test_a_zombie_process_does_not_count_as_alive():
    other = subprocess.Popen(["sleep", "60"])
    started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
    owner = this_process().model_copy(update={"pid": other.pid, "started": started})
    assert module.is_alive(owner)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert not module.is_alive(owner)
    other.wait()
