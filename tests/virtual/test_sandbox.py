"""Phones of a user without privileges, and phones without namespaces."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.virtual import phones, sandbox
from mobilebench.virtual.phone_records import VirtualPhone
from tests.ports import lasting_port
from tests.virtual.conftest import Desk, make_desk, processes_mentioning, wait_until
from tests.virtual.test_chrome import START, page, titles

pytestmark = [pytest.mark.adb, pytest.mark.browser]

TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose computer does not allow namespaces."""
    yield from make_desk(tmp_path_factory.mktemp("desk"), "installed", MOBILEBENCH_VIRTUAL_SANDBOX="none")


@pytest.fixture
def pair(open_desk: Desk) -> Iterator[list[VirtualPhone]]:
    assert sandbox.namespaces() == "none"
    yield phones.up(2, data_mb=20)
    phones.down()


def test_without_a_sandbox_the_phone_still_has_separate_paths(
    open_desk: Desk, pair: list[VirtualPhone], tmp_path: Path
) -> None:
    for phone in pair:
        (tmp_path / "x").write_text(phone.name)
        assert open_desk.run(phone, "push", str(tmp_path / "x"), f"{TMP}/folder/x").returncode == 0
    assert [open_desk.shell(phone, f"cat {TMP}/folder/x; [ -d '{TMP}' ] && echo is") for phone in pair] == [
        "phone-1is",
        "phone-2is",
    ]
    assert not Path(f"{TMP}/folder").exists()
    assert open_desk.shell(pair[0], "cat /sys/devices/system/cpu/cpu7/cpufreq/cpuinfo_max_freq") == "3200000"
    assert open_desk.shell(pair[0], "getprop ro.product.model") != open_desk.shell(pair[1], "getprop ro.product.model")
    assert open_desk.run(pair[0], "shell", "echo err >&2; exit 3").returncode == 3


def test_without_a_sandbox_the_same_port_is_two_ports(open_desk: Desk, pair: list[VirtualPhone]) -> None:
    class Name(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(str(self.server.server_address[1]).encode())

    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Name) as one,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Name) as two,
    ):
        for server, phone in zip((one, two), pair, strict=True):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            there = f"tcp:{server.server_address[1]}"
            assert open_desk.run(phone, "reverse", "tcp:8321", there).returncode == 0
            assert open_desk.run(phone, "reverse", "localabstract:same", there).returncode == 0
        for name in ("tcp:8321", "localabstract:same"):
            for server, phone in zip((one, two), pair, strict=True):
                port = int(open_desk.run(phone, "forward", "tcp:0", name).stdout)
                assert ask(port) == str(server.server_address[1])
        for server in (one, two):
            server.shutdown()


def ask(port: int) -> str:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=60) as there:
        return there.recv(100).decode()


def test_without_a_sandbox_chrome_shows_isolated_pages_of_its_own_phone(
    open_desk: Desk, pair: list[VirtualPhone]
) -> None:
    with page("one") as one, page("two") as two:
        ports = []
        for phone, here in zip(pair, (one, two), strict=True):
            open_desk.run(phone, "reverse", "tcp:8000", f"tcp:{here}")
            open_desk.shell(phone, f"{START} -d http://127.0.0.1:8000/")
            ports.append(int(open_desk.run(phone, "forward", "tcp:0", "localabstract:chrome_devtools_remote").stdout))
        wait_until(lambda: "one true true" in titles(ports[0]) and "two true true" in titles(ports[1]))


def test_without_a_sandbox_a_full_disk_refuses_pushes(
    open_desk: Desk, pair: list[VirtualPhone], tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(b"x" * (22 << 20))
    done = open_desk.run(pair[0], "push", str(tmp_path / "big"), f"{TMP}/big")
    assert done.returncode != 0 and b"No space left on device" in done.stdout + done.stderr
    assert open_desk.shell(pair[0], f"ls {TMP} | grep -c big || true") == "0"


def test_without_a_sandbox_down_ends_processes_left_behind(open_desk: Desk, pair: list[VirtualPhone]) -> None:
    left = f"sleep 4331.{os.getpid()}"
    open_desk.shell(pair[0], f"setsid nohup {left} >/dev/null 2>&1 & (nohup {left} >/dev/null 2>&1 &)")
    open_desk.shell(pair[0], f"{START} -d about:blank")
    wait_until(lambda: len(processes_mentioning(left)) == 2)  # while one starts, its words cannot be read
    phones.down()
    assert processes_mentioning(left) == []
    assert processes_mentioning(str(open_desk.home)) == []


def test_without_a_sandbox_an_ended_job_is_reaped(open_desk: Desk, pair: list[VirtualPhone]) -> None:
    pid = open_desk.shell(pair[0], "nohup sleep 0.2 >/dev/null 2>&1 & echo $!")
    wait_until(lambda: open_desk.run(pair[0], "shell", f"kill -0 {pid}").returncode != 0)


def test_a_plain_user_has_phones_too(tmp_path: Path) -> None:
    """Runs as a user without privileges, in a namespace without other users."""
    script = """
import os, subprocess
from mobilebench.virtual import phones
assert os.getuid() == 1000
(phone,) = phones.up(1)
try:
    adb = ["adb", "-s", phone.serial]
    print(subprocess.run([*adb, "shell", "id -un; getprop ro.soc.model"], capture_output=True, text=True).stdout)
finally:
    phones.down()
    subprocess.run(["adb", "kill-server"], stderr=subprocess.DEVNULL)
"""
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "MOBILEBENCH_HOME": str(tmp_path / "home"),
        "ANDROID_ADB_SERVER_PORT": str(lasting_port()),
    }
    bwrap = shutil.which("bwrap")
    as_user = [bwrap, "--unshare-user", "--uid", "1000", "--gid", "1000", "--dev-bind", "/", "/"] if bwrap else []
    if os.geteuid() == 1000 or sandbox.namespaces() == "none":
        as_user = []
        script = script.replace("assert os.getuid() == 1000", "")
    done = subprocess.run(
        [*as_user, sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "SM8550" in done.stdout
    assert processes_mentioning(str(tmp_path)) == []
