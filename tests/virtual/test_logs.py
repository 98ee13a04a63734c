"""The phone's log, as `logcat` prints it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.virtual.android import logs
from mobilebench.virtual.android.logs import BadUse, Log, parse_request
from tests.virtual.conftest import wait_until


def logcat(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from pathlib import Path; from mobilebench.virtual.android.logs import main; "
    code += "sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))"
    argv = [sys.executable, "-c", code, str(folder / "logcat"), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    log = Log(tmp_path)
    log.begin()
    log.add("ActivityManager", "Start proc 1", pid=7)
    log.add("lowmemorykiller", "Kill\nit\tnow", level="W", buffer="main")
    log.add("init", "booted", buffer="kernel")
    return log


def test_it_prints_entries_of_the_usual_buffers(log: Log, tmp_path: Path) -> None:
    done = logcat(tmp_path, "-d")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["--------- beginning of main", "--------- beginning of system"]
    assert re.fullmatch(r"\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +7 +7 I ActivityManager: Start proc 1", lines[2])
    assert lines[3].endswith("W lowmemorykiller: Kill it now")
    assert "booted" in logcat(tmp_path, "-d", "-b", "all").stdout
    assert "booted" in logcat(tmp_path, "-d", "-b", "kernel", "-v", "raw").stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["-d", "-t", "1"], ["Kill it now"]),
        (["-t", "1"], ["Kill it now"]),
        (["-d", "*:W"], ["Kill it now"]),
        (["-d", "ActivityManager:I", "*:S"], ["Start proc 1"]),
        (["-d", "-s", "ActivityManager"], ["Start proc 1"]),
        (["-d", "--pid=7"], ["Start proc 1"]),
        (["-d", "-e", "proc"], ["Start proc 1"]),
        (["-m", "1", "-b", "kernel"], ["booted"]),
    ],
)
def test_it_selects(log: Log, tmp_path: Path, words: list[str], shown: list[str]) -> None:
    lines = logcat(tmp_path, *words, "-v", "raw").stdout.splitlines()
    assert [line for line in lines if not line.startswith("-----")] == shown


@pytest.mark.parametrize("words", [["-d", "--nope"], ["-t", "x"], ["-b", "nope"], ["-v", "nope"], ["-e", "("], ["-t"]])
def test_wrong_options_are_refused(log: Log, tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(BadUse):
        parse_request(words)
    done = logcat(tmp_path, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr


def test_it_is_emptied(log: Log, tmp_path: Path) -> None:
    assert logcat(tmp_path, "-c").returncode == 0
    assert logcat(tmp_path, "-d").stdout == ""
    log.add("after", "it")
    assert "after" in logcat(tmp_path, "-d").stdout


def test_the_oldest_entries_are_dropped(log: Log, tmp_path: Path) -> None:
    for number in range(5000):
        log.add("tag", f"{number} {'x' * 80}")
    assert (tmp_path / "logcat").stat().st_size <= 300 << 10
    assert logcat(tmp_path, "-t", "1", "-v", "raw").stdout.splitlines()[-1].startswith("4999 ")


def test_it_follows_until_it_is_ended(log: Log, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from mobilebench.virtual.android.logs import main; "
    code += "sys.exit(main(Path(sys.argv[1]), ['-v', 'raw']))"
    out = tmp_path / "out"
    argv = [sys.executable, "-c", code, str(tmp_path / "logcat")]
    with out.open("w") as stream, subprocess.Popen(argv, stdout=stream) as following:
        wait_until(lambda: "Start proc 1" in out.read_text(), 60)
        log.add("later", "came later")
        wait_until(lambda: "came later" in out.read_text(), 60)
        following.terminate()


def test_lines_that_are_no_entries_are_left_out() -> None:
    assert logs.parse("nonsense") is None
    assert logs.parse("x\tmain\tI\ttag\t1\ttext") is None
