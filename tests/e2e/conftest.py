"""Whole runs by the command line: the real adb on a private server, virtual phones, real engines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core.records import Run
from mobilebench.results.store import Store
from mobilebench.targets.android import adb_protocol
from tests import adb_servers
from tests.ports import lasting_port


class CommandLine:
    """`mobilebench` as a user calls it, in a home of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.home = Path(environment["MOBILEBENCH_HOME"])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mobilebench", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def adb(self, serial: str, *arguments: str) -> str:
        command = ["adb", "-s", serial, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def last(self) -> Run:
        with Store.open(self.home, create=False) as store:
            return store.load("last")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A home and an adb server that nobody else uses, not even later modules in this process."""
    settings = {
        "MOBILEBENCH_HOME": str(tmp_path_factory.mktemp("home")),
        "ANDROID_ADB_SERVER_PORT": str(lasting_port()),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    adb_protocol.start_server.cache_clear()
    adb_servers.end_with_tests()
    subprocess.run(["adb", "start-server"], check=True, capture_output=True)
    yield dict(os.environ)
    subprocess.run(["adb", "kill-server"], check=True, capture_output=True)
    adb_protocol.start_server.cache_clear()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture
def mobilebench(environment: dict[str, str]) -> Iterator[CommandLine]:
    """The command line; virtual phones that a test starts are ended after it."""
    command = CommandLine(environment)
    yield command
    assert command("virtual", "down", "--quiet").returncode == 0
