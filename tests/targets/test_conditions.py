"""Whatever is changed on a phone is written down there first and put back, by us or by the next run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.errors import BadInput, BlockFailed, TargetLost
from mobilebench.targets.android import conditions as module
from mobilebench.targets.android import ports
from mobilebench.targets.android.conditions import RESTORE_FILE, Conditions
from mobilebench.targets.android.restore import this_process
from tests.targets.fakes import FakeFiles, FakeShell, failed

FLAGS = "/data/local/tmp/chrome-command-line"
WRITE = (f"chmod 600 {RESTORE_FILE}.part && mv -f {RESTORE_FILE}.part {RESTORE_FILE}", "")
CHMOD = (f"chmod 644 {FLAGS}", "")
CLEAR = (f"rm -f {RESTORE_FILE}", "")


def noted(files):
    return json.loads(files.files[f"{RESTORE_FILE}.part"])["steps"]


def left_behind(steps, **owner):
    dead = this_process().model_copy(update={"started": "0", **owner})
    text = json.dumps({"schema": "mobilebench/restore/1", "owner": dead.model_dump(), "steps": steps})
    return FakeFiles({RESTORE_FILE: text.encode()})


def test_a_file_that_was_not_there_is_removed_again():
    files = FakeFiles()
    with FakeShell(WRITE, CHMOD, (f"rm -f {FLAGS}", ""), CLEAR) as shell:
        conditions = Conditions(shell, files)
        conditions.change_file(FLAGS, b"_ --x\n")
        assert files.files[FLAGS] == b"_ --x\n"
        assert noted(files) == [{"kind": "file", "path": FLAGS, "content": None, "mode": 0o644}]
        conditions.put_back_all()


def test_a_file_that_was_there_comes_back_byte_for_byte():
    before = b"_ --mine \xff\n"
    files = FakeFiles({FLAGS: before})
    files.modes[FLAGS] = 0o600
    with FakeShell(WRITE, CHMOD, (f"chmod 600 {FLAGS}", ""), CLEAR) as shell:
        conditions = Conditions(shell, files)
        conditions.change_file(FLAGS, b"_ --x\n")
        conditions.put_back_all()
    assert (files.files[FLAGS], files.modes[FLAGS]) == (before, 0o600)


@pytest.mark.parametrize(
    ("before", "undo"),
    [
        ("null", "am clear-debug-app"),
        ("", "am clear-debug-app"),
        ("org.mine", "am set-debug-app --persistent org.mine"),
    ],
)
def test_the_debug_app_comes_back(before, undo):
    with FakeShell(
        ("settings get global debug_app", f"{before}\n"),
        WRITE,
        ("am set-debug-app --persistent com.android.chrome", ""),
        (undo, ""),
        CLEAR,
    ) as shell:
        conditions = Conditions(shell, FakeFiles())
        conditions.set_debug_app("com.android.chrome")
        conditions.put_back_all()


@pytest.mark.parametrize(
    ("before", "undo"),
    [("null", "settings delete global stay_on"), ("3", "settings put global stay_on 3")],
)
def test_a_setting_comes_back(before, undo):
    with FakeShell(
        ("settings get global stay_on", before),
        WRITE,
        ("settings put global stay_on 7", ""),
        (undo, ""),
        CLEAR,
    ) as shell:
        conditions = Conditions(shell, FakeFiles())
        conditions.set_setting("global", "stay_on", "7")
        conditions.put_back_all()


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
def test_of_uiautomator2_nothing_stays_but_a_persons_own(there, running, before, after):
    files = FakeFiles({JAR: b"theirs"} if there else {})
    with FakeShell((LIST, running), WRITE, *before, *after, CLEAR) as shell:
        conditions = Conditions(shell, files)
        conditions.lend_screen()
        assert noted(files) == [{"kind": "screen", "had_jar": there, "was_running": bool(running)}]
        conditions.put_back_all()


def test_uiautomator2_of_a_run_that_died_is_ended_by_the_next_one():
    files = left_behind([{"kind": "screen", "had_jar": False, "was_running": False}])
    with FakeShell((KILL, ""), (f"rm -f {JAR}", ""), CLEAR, CLEAR) as shell:
        Conditions(shell, files).recover()


@pytest.mark.parametrize(
    ("told", "front"),
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
def test_what_has_the_screen(told, front):
    with FakeShell(("dumpsys window…", told)) as shell:
        assert Conditions(shell, FakeFiles()).front() == front


def test_changes_are_undone_last_first_and_one_failure_keeps_no_other_from_it():
    files = FakeFiles()
    with FakeShell(
        WRITE,
        CHMOD,
        ("settings get global a", "1"),
        WRITE,
        ("settings put global a 2", ""),
        ("settings put global a 1", failed(1, "no permission")),
        (f"rm -f {FLAGS}", ""),
        WRITE,
    ) as shell:
        conditions = Conditions(shell, files)
        conditions.change_file(FLAGS, b"x")
        conditions.set_setting("global", "a", "2")
        with pytest.raises(BlockFailed, match="no permission"):
            conditions.put_back_all()
    assert [step["kind"] for step in noted(files)] == ["setting"]


def test_a_phone_that_went_away_keeps_its_restore_file():
    files = FakeFiles()
    with FakeShell(WRITE, CHMOD, (f"rm -f {FLAGS}", TargetLost("gone"))) as shell:
        conditions = Conditions(shell, files)
        conditions.change_file(FLAGS, b"x")
        with pytest.raises(TargetLost):
            conditions.put_back_all()


def test_what_a_dead_run_left_is_put_back_first():
    steps = [
        {"kind": "file", "path": FLAGS, "content": "XyAtLW9sZAo=", "mode": 420},
        {"kind": "debug_app", "package": None},
        {"kind": "app", "package": "com.android.chrome"},
    ]
    files = left_behind(steps)
    with FakeShell(("am force-stop com.android.chrome", ""), ("am clear-debug-app", ""), CHMOD, CLEAR, CLEAR) as shell:
        Conditions(shell, files).recover()
    assert files.files[FLAGS] == b"_ --old\n"


def test_a_phone_without_restore_file_is_left_alone():
    with FakeShell() as shell:
        Conditions(shell, FakeFiles()).recover()


def test_a_run_that_still_goes_on_is_not_disturbed():
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        files = left_behind([], pid=other.pid, started=started)
        with FakeShell() as shell, pytest.raises(BadInput, match=f"pid {other.pid}"):
            Conditions(shell, files).recover()
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize(
    "steps",
    [
        [{"kind": "file", "path": "/system/build.prop", "content": None, "mode": 420}],
        [{"kind": "file", "path": "/data/local/tmp/../x", "content": None, "mode": 420}],
        [{"kind": "app", "package": "a.b; reboot"}],
        [{"kind": "setting", "namespace": "global", "key": "a b", "value": None}],
        [{"kind": "forward", "local": "tcp:1;x", "remote": "tcp:2"}],
        [{"kind": "format_disk"}],
        "nonsense",
    ],
)
def test_a_restore_file_is_not_trusted(steps):
    with FakeShell() as shell, pytest.raises(BadInput, match="cannot be understood") as caught:
        Conditions(shell, left_behind(steps)).recover()
    assert RESTORE_FILE in caught.value.hint


def test_a_restore_file_that_is_no_json_is_told():
    with FakeShell() as shell, pytest.raises(BadInput, match="cannot be understood"):
        Conditions(shell, FakeFiles({RESTORE_FILE: b"{"})).recover()


def test_an_app_that_does_not_start_is_told_and_ended():
    with FakeShell(
        WRITE,
        ("am force-stop a.b", ""),
        ("am start x", "Error: Activity does not exist\n"),
        ("am force-stop a.b", ""),
        CLEAR,
    ) as shell:
        conditions = Conditions(shell, FakeFiles())
        with pytest.raises(BlockFailed, match="does not exist"):
            conditions.start_app("a.b", "am start x")
        conditions.put_back_all()


def test_a_port_taken_on_the_phone_is_replaced_by_a_free_one(monkeypatch):
    asked = []
    monkeypatch.setattr(
        ports, "reverse", lambda serial, port, host: asked.append((port, host)) or (None if port else 41000)
    )
    removed = []
    monkeypatch.setattr(ports, "remove_reverse", lambda serial, remote: removed.append(remote))
    files = FakeFiles()
    with FakeShell(WRITE, WRITE, CLEAR) as shell:
        conditions = Conditions(shell, files)
        step = conditions.reverse(8000)
        assert noted(files) == [{"kind": "reverse", "remote": "tcp:41000"}]
        conditions.put_back([step])
    assert asked == [(8000, 8000), (0, 8000)]
    assert removed == ["tcp:41000"]


def test_no_port_at_all_is_told_and_nothing_stays_noted(monkeypatch):
    monkeypatch.setattr(ports, "reverse", lambda serial, port, host: None)
    with FakeShell(WRITE, CLEAR) as shell, pytest.raises(BlockFailed, match="8000"):
        Conditions(shell, FakeFiles()).reverse(8000)


def test_a_forward_is_noted_before_it_is_made(monkeypatch):
    files = FakeFiles()
    taken = iter([False, True])

    def forward(serial, local, remote):
        assert noted(files)[-1] == {"kind": "forward", "local": local, "remote": remote}
        return next(taken)

    monkeypatch.setattr(ports, "forward", forward)
    monkeypatch.setattr(ports, "remove_forward", lambda serial, local, remote: None)
    with FakeShell(WRITE, CLEAR, WRITE, CLEAR) as shell:
        conditions = Conditions(shell, files)
        conditions.forward("localabstract:x")
        conditions.put_back_all()


def test_this_process_is_alive_and_its_pid_with_another_start_is_not():
    assert module.is_alive(this_process())
    assert not module.is_alive(this_process().model_copy(update={"started": "1"}))
    assert not module.is_alive(this_process().model_copy(update={"machine": "elsewhere"}))
    assert this_process().pid == os.getpid()
