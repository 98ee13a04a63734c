"""An adb server that tests started ends with them when they are killed, and no other one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.targets.android import adb_protocol
from tests.browsers.processes import wait_until
from tests.ports import lasting_port

from .conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.slow]
_TESTS = """
import subprocess, sys
from mobilebench.virtual import owner
from tests import adb_servers
owner.own()
adb_servers.end_with_tests()
subprocess.run([sys.argv[1], "start-server"], check=True, capture_output=True)
print("started", flush=True)
sys.stdin.read()
"""


def runs(port: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDROID_ADB_SERVER_PORT", port)
        return adb_protocol.server_runs()


def test_a_server_ends_with_the_tests_that_started_it_and_no_other(tmp_path: Path) -> None:
    theirs = str(lasting_port())
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        adb_protocol.start_server()
        ours = os.environ["ANDROID_ADB_SERVER_PORT"]
        command = [sys.executable, "-c", _TESTS, str(BUNDLED_ADB)]
        environment = {**os.environ, "ANDROID_ADB_SERVER_PORT": theirs}
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            assert runs(theirs)
            process.kill()
        wait_until(lambda: not runs(theirs), 60)
        assert runs(ours)
