"""Virtual phones for the tests marked `adb`: on a separate adb server, in a separate home."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adbutils
import pytest

from mobilebench import targets
from mobilebench.targets.android import adb_protocol
from mobilebench.virtual import phones
from tests import adb_servers
from tests.ports import lasting_port

BUNDLED_ADB = Path(adbutils.__file__).parent / "binaries" / "adb"


@contextmanager
def own_adb(home: Path, adb: Path) -> Iterator[None]:
    """A separate adb server, started from this binary, and ended by adb's own request, or with the tests."""
    adb_servers.end_with_tests()
    bin_folder = home / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    (bin_folder / "adb").symlink_to(adb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILEBENCH_HOME", str(home))
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(lasting_port()))
        patch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
        adb_protocol.start_server.cache_clear()
        try:
            yield
        finally:
            phones.down()
            subprocess.run([adb, "kill-server"], capture_output=True, check=False)
            adb_protocol.start_server.cache_clear()


@pytest.fixture(scope="module", params=["adb of the system", "adb inside adbutils"])
def adb_binary(request: pytest.FixtureRequest) -> Path:
    """Both common adb programs."""
    system = shutil.which("adb")
    return BUNDLED_ADB if system is None or request.param == "adb inside adbutils" else Path(system)


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory, adb_binary: Path) -> Iterator[Callable[..., str]]:
    """Switches virtual phones on by name, and returns their serials."""
    with own_adb(tmp_path_factory.mktemp("home"), adb_binary):
        yield lambda name, **how: phones.up(names=[name], **how)[0].serial


@pytest.fixture
def open_phone(rack):
    """Opens a phone by name."""

    def opened(name="plain", *, cancel=None, **how):
        return targets.open_target(targets.select(rack(name, **how))[0], cancel=cancel)

    return opened
