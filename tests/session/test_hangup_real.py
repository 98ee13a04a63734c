"""A terminal that closes while a phone is measured: everything is put back, and a report is written."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.core.errors import ExitCode
from mobilebench.results.store import FILE_NAME, Store
from mobilebench.targets.android.browsers import CHROME_FLAGS_FILE
from mobilebench.targets.android.device_changes import RESTORE_FILE
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build]

LOOK = (
    f"ls {CHROME_FLAGS_FILE} {RESTORE_FILE} 2>/dev/null; settings get global stay_on_while_plugged_in;"
    " settings get global debug_app; ps -A -o NAME | grep -c chrome"
)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=["hangup"])[0].serial


def seen(serial: str) -> str:
    return DeviceShell(serial).script(LOOK).stdout.decode()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def start(serial: str, folder: Path, terminal: int, blocks: int) -> subprocess.Popen[bytes]:
    words = ["--serial", serial, "--engine", "tfjs", "--backend", "wasm", "--model", "bert_small", "--pass", "timing"]
    return subprocess.Popen(
        [sys.executable, "-m", "mobilebench", "run", *words, "--blocks", str(blocks), "--out", str(folder)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )


@pytest.mark.parametrize("closes", [True, False], ids=["the terminal goes", "the signal alone"])
def test_a_hang_up_puts_the_phone_back_and_writes_the_report(serial: str, tmp_path: Path, closes: bool) -> None:
    (info,) = targets.select(serial)
    before = seen(serial)
    assert CHROME_FLAGS_FILE not in before
    ours, theirs = pty.openpty()
    process = start(serial, tmp_path, theirs, 50)
    os.close(theirs)
    try:
        until(lambda: CHROME_FLAGS_FILE in seen(serial) and RESTORE_FILE in seen(serial))
        if closes:
            os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(120) == ExitCode.INTERRUPTED
    finally:
        process.kill()
        process.wait()
        if not closes:
            os.close(ours)
    assert seen(serial) == before
    assert not list(tmp_path.glob("mobilebench-*"))
    assert targets.phone_statuses([info])[serial].holder is None
    assert (tmp_path / FILE_NAME).is_file()
    with Store.open(tmp_path, create=False) as store:
        run = store.load("last")
        assert run.info.status == "interrupted"
        assert (store.run_folder(run.info.id) / "report.html").is_file()
