"""This computer as a target: programs with limits, files in place, its GPU as the kernel shows it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from mobilebench.browsers import chrome, firefox
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.profiles.machine import cpu_name, machine_id
from mobilebench.targets import host, open_target
from mobilebench.targets.base import TargetPath
from mobilebench.targets.limits import Limit
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def without_browser(monkeypatch):
    monkeypatch.setattr(chrome, "find", lambda: None)
    monkeypatch.setattr(firefox, "find", lambda: None)


@pytest.fixture
def target():
    with open_target(host.describe()) as opened:
        yield opened


def test_it_describes_itself():
    info = host.describe()
    assert (info.id, info.kind, info.virtual, info.machine) == ("host", "host", False, machine_id())
    assert (info.soc, info.browsers) == (cpu_name(), {})
    assert info.cores == len(os.sched_getaffinity(0))
    assert info.runner == f"linux-{os.uname().machine}"
    assert info.memory_mb > 100
    assert info.gpu_software is (info.gpu is None)


def test_output_error_exit_code_and_environment_come_apart(target):
    result = target.shell(["sh", "-c", 'echo "$X"; echo bad >&2; exit 3'], timeout=5, environment={"X": "a  'b"})
    assert (result.stdout, result.stderr, result.exit_code) == (b"a  'b\n", b"bad\n", 3)


def test_a_limit_ends_the_whole_group(target, tmp_path, monkeypatch, pinned: Pinned):
    """The limit is looked at once the child's pid is known, however long that takes."""
    child = tmp_path / "pid"
    check = Limit.check
    monkeypatch.setattr(Limit, "check", lambda limit: check(limit) if child.exists() and child.read_text() else None)
    with pinned.raises(BlockFailed):
        target.shell(["sh", "-c", f"sleep 60 & echo $! > {child}; wait"], timeout=0.3)
    assert _ends(int(child.read_text()))


def test_cancel_ends_it_at_once(tmp_path):
    for own in (True, False):
        cancel = threading.Event()
        began = time.monotonic()
        with (
            open_target(host.describe(), cancel=None if own else cancel) as target,
            pytest.raises(BlockFailed, match="cancelled"),
        ):
            threading.Timer(0.1, cancel.set).start()
            target.shell(["sleep", "60"], timeout=60, cancel=cancel if own else None)
        assert time.monotonic() - began < 30


def test_a_helper_left_running_does_not_outlive_its_program(target, tmp_path):
    child = tmp_path / "pid"
    target.shell(["sh", "-c", f"sleep 60 >/dev/null 2>&1 & echo $! > {child}"], timeout=60)
    assert _ends(int(child.read_text()))


def test_a_program_that_is_not_there_fails_the_block(target):
    with pytest.raises(BlockFailed, match="no-such-program"):
        target.shell(["no-such-program"], timeout=60)


def test_a_pushed_file_stays_where_it_is(target, tmp_path):
    file = tmp_path / "model"
    file.write_bytes(b"bytes")
    pushed = target.push(file)
    assert pushed.path == TargetPath(str(file))
    assert (pushed.sha256, pushed.transferred) == (hashlib.sha256(b"bytes").hexdigest(), False)
    assert target.push(file, sha256="given").sha256 == "given"


def test_a_missing_or_not_executable_file_is_bad_input(target, tmp_path, pinned: Pinned):
    file = tmp_path / "runner"
    file.write_bytes(b"")
    file.chmod(0o644)
    with pinned.raises(BadInput):
        target.push(tmp_path / "nothing")
    with pinned.raises(BadInput):
        target.push(file, executable=True)


def test_pull_copies(target, tmp_path, pinned: Pinned):
    (tmp_path / "a").write_bytes(b"x")
    target.pull(TargetPath(str(tmp_path / "a")), tmp_path / "b")
    target.pull(TargetPath(str(tmp_path / "a")), tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes() == b"x"
    with pinned.raises(BlockFailed):
        target.pull(TargetPath(str(tmp_path / "no")), tmp_path / "c")


def test_this_computers_loopback_needs_no_forward(target):
    with target.reverse(8123) as origin:
        assert origin == "http://127.0.0.1:8123"


def test_a_browser_that_is_unknown_or_missing_is_unsupported(target, pinned: Pinned):
    for name in ("firefox", "chrome", "chrome@beta", "opera"):
        with pinned.raises(Unsupported), target.browser(name):
            pass


def _node(drm: Path, driver: str, vendor: str | None) -> None:
    device = drm / "renderD128" / "device"
    device.mkdir(parents=True)
    (drm / "drivers" / driver).mkdir(parents=True)
    (device / "driver").symlink_to(drm / "drivers" / driver)
    if vendor:
        (device / "vendor").write_text(f"{vendor}\n")


@pytest.mark.parametrize(
    ("driver", "vendor", "expected"),
    [
        ("i915", "0x8086", "Intel (i915)"),
        ("amdgpu", "0x1002", "AMD (amdgpu)"),
        ("panfrost", None, "GPU (panfrost)"),
        ("vgem", None, None),
    ],
)
def test_gpu(tmp_path, driver, vendor, expected):
    _node(tmp_path, driver, vendor)
    assert host.gpu_name(tmp_path, tmp_path / "none") == expected


def test_gpu_of_a_computer_without_one_and_of_one_with_nvidias(tmp_path):
    assert host.gpu_name(tmp_path, tmp_path / "none") is None
    (tmp_path / "version").write_text("NVRM")
    assert host.gpu_name(tmp_path, tmp_path / "version") == "NVIDIA (nvidia)"


def _ends(pid: int) -> bool:
    """A killed process may take a moment to be gone."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}:
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("batteries", "percent"),
    [
        ({}, None),
        ({"BAT0": {"capacity": "83\n", "present": "1\n"}}, 83),
        ({"BAT0": {"capacity": "83\n"}}, 83),
        ({"BAT0": {"capacity": "0\n", "present": "0\n"}}, None),
        ({"BAT0": {"capacity": "0\n", "present": "0\n"}, "BAT1": {"capacity": "41\n", "present": "1\n"}}, 41),
        ({"BAT0": {"capacity": "83\n"}, "BAT1": {"capacity": "41\n"}}, None),
        ({"BAT0": {"capacity": "255\n"}}, None),
        ({"BAT0": {"capacity": "-1\n"}}, None),
        ({"BAT0": {"present": "1\n"}}, None),
    ],
)
def test_an_absent_battery_and_one_with_an_impossible_value_have_no_charge(tmp_path, batteries, percent):
    for name, files in batteries.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    assert host.battery_percent(tmp_path) == percent
