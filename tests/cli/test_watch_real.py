"""`mobilebench devices --watch` follows a virtual phone that is switched off and on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = pytest.mark.adb


def test_changes_are_lines_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with own_adb(tmp_path, BUNDLED_ADB):
        serial = phones.up(names=["watched"], chrome=False)[0].serial
        command = [sys.executable, "-m", "mobilebench", "devices", "--watch"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None and watching.stderr is not None
            first = watching.stdout.readline()
            phones.down(["watched"])
            gone = watching.stdout.readline()
            while not gone.rstrip().endswith((": absent", ": offline")):
                gone = watching.stdout.readline()
            phones.up(names=["watched"], chrome=False)
            again = watching.stdout.readline()
            while ": device, " not in again:
                again = watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            assert watching.wait(60) == 0, watching.stderr.read()
    assert f" {serial}: device, " in first
    assert f" {serial}: " in again
