"""Whatever terminal, pipe or locale: a command ends by its own exit code."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-m", "mobilebench"]
PLAIN = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
WAITING = """
import sys, time
import mobilebench.cli as cli
from mobilebench.cli.app import app

@app.command("wait")
def wait() -> None:
    try:
        open({path!r} + ".began", "w").close()
        time.sleep(60)
    finally:
        print("on the way out", flush=True)
        open({path!r}, "w").close()

sys.argv[1:] = ["wait"]
cli.main()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return {**kept, "MOBILEBENCH_HOME": str(tmp_path / "home"), "MOBILEBENCH_CACHE": str(tmp_path / "cache")}


def shell(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    program = " ".join(PROGRAM)
    return subprocess.run(
        ["bash", "-c", line.replace("mobilebench", program, 1)], env=environment, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "utf-16"},
        {"LC_ALL": "C", **PLAIN},
        {"LANG": "xx_YY", **PLAIN},
        {"COLUMNS": "1"},
        {"TERM": "dumb"},
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["models list", "describe suites", "virtual list", "run --help"])
def test_no_encoding_ends_a_command(command: str, locale: dict[str, str], environment: dict[str, str]) -> None:
    done = shell(f"mobilebench {command}", environment | locale)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_every_encoding(encoding: str, environment: dict[str, str]) -> None:
    done = shell("mobilebench models list --json", environment | {"PYTHONIOENCODING": encoding})
    assert any(one["name"] == "mobilenet_v2" for one in json.loads(done.stdout.decode(encoding)))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("mobilebench models list | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}", 0),
        ("mobilebench models list >&-", 0),
        ("mobilebench models list 2>&-", 0),
        ("mobilebench models list <&-", 0),
        ("mobilebench models list <&- >&- 2>&-", 0),
        ("mobilebench models show nonsense 2>&-", 2),
        ("mobilebench models remove nonsense <&-", 2),
        ("mobilebench models list >/dev/full", 2),
        ("mobilebench models list 2>/dev/full", 0),
    ],
)
def test_closed_and_full_streams(line: str, code: int, environment: dict[str, str]) -> None:
    done = shell(line, environment)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Defect" not in done.stderr
    assert (b"No space left" in done.stderr) == ("/dev/full" in line and code == 2)


def _begun(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_command_clean_up(number: signal.Signals, tmp_path: Path, environment: dict[str, str]) -> None:
    gone = tmp_path / "gone"
    program = WAITING.format(path=str(gone))
    running = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL)
    _begun(Path(f"{gone}.began"))
    running.send_signal(number)
    assert running.wait(60) == 130
    assert gone.exists()


def test_a_closed_terminal_ends_a_command_cleanly_and_nohup_keeps_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    for ignored in (False, True):
        gone = tmp_path / f"gone {ignored}"
        start = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" if ignored else ""
        program = start + WAITING.format(path=str(gone))
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, [sys.executable, "-c", program], environment)
        _begun(Path(f"{gone}.began"))
        os.close(terminal)
        if ignored:
            time.sleep(0.5)
            assert not gone.exists()
            os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 130
        assert gone.exists()
