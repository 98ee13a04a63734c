"""A desk with a separate adb server, so that no other phones or servers are touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import adbutils
import pytest

from mobilebench.virtual import phones, sandbox
from mobilebench.virtual.phone_records import VirtualPhone
from tests import adb_servers
from tests.ports import lasting_port

if TYPE_CHECKING:
    from tests.virtual.readme import Both


@dataclass(frozen=True)
class Desk:
    """An adb program with its private server, and a home for virtual phones."""

    adb: str
    home: Path

    def run(self, phone: VirtualPhone, *words: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.adb, "-s", phone.serial, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    def shell(self, phone: VirtualPhone, command: str) -> str:
        done = self.run(phone, "shell", command)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()


def adb_programs() -> dict[str, str]:
    """The adb on PATH and the newer one inside adbutils, by the names of desks."""
    inside = Path(adbutils.__file__).parent / "binaries/adb"
    return {"installed": shutil.which("adb") or "adb", "adbutils": str(inside)}


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module", params=["installed", "adbutils"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yield from make_desk(tmp_path_factory.mktemp("desk"), request.param)


@pytest.fixture(scope="module")
def one_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for tests that do not depend on adb's version."""
    yield from make_desk(tmp_path_factory.mktemp("desk"), "installed")


@pytest.fixture(scope="module")
def both(one_desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A phone in adbutils and uiautomator2."""
    import uiautomator2

    from tests.virtual.readme import Both

    (phone,) = phones.up(1, ["snapdragon-8-gen-2"], names=["readme"])
    client = adbutils.AdbClient()
    device = client.device(phone.serial)
    yield Both(client, device, uiautomator2.connect(device), tmp_path_factory.mktemp("readme"))
    phones.down(["readme"])


@pytest.fixture
def at_home(both: Both) -> Iterator[None]:
    """The launcher is in front; afterwards Chrome is ended, and the display upright."""
    both.adb.shell("input keyevent WAKEUP HOME")
    yield
    both.adb.shell("am force-stop com.android.chrome; settings put system accelerometer_rotation 0")
    both.adb.shell("settings put system user_rotation 0")


def make_desk(folder: Path, which: str, **environment: str) -> Iterator[Desk]:
    """A desk whose adb is first on the path; at the end none of its processes may be left."""
    adb_servers.end_with_tests()
    program = adb_programs()[which]
    (folder / "bin").mkdir()
    (folder / "bin" / "adb").symlink_to(program)
    changed = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "MOBILEBENCH_HOME": str(folder / "home"),
        "ANDROID_ADB_SERVER_PORT": str(lasting_port()),
        **environment,
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    sandbox.namespaces.cache_clear()
    try:
        yield Desk(program, folder / "home")
        phones.down()
        assert processes_mentioning(str(folder)) == []
    finally:
        phones.down()
        subprocess.run([program, "kill-server"], check=False, capture_output=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        sandbox.namespaces.cache_clear()


def processes_mentioning(text: str) -> list[str]:
    """Command lines of running processes that contain this text, except adb's server."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and "fork-server" not in line and file.parent.name != str(os.getpid()):
            found.append(line)
    return found
