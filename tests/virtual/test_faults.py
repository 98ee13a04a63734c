"""Phones with simulated faults, seen through both adb programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.virtual import adb, phones
from tests.virtual.conftest import Desk

pytestmark = [pytest.mark.adb, pytest.mark.browser]


@pytest.mark.parametrize("fault", ["offline", "unauthorized"])
def test_a_faulty_phone_is_seen_as_such_and_recovers(desk: Desk, fault: str) -> None:
    (phone,) = phones.up(1, names=[fault], fault=fault)
    assert adb.state(phone.serial) == fault
    refused = desk.run(phone, "shell", "true")
    assert refused.returncode != 0 and fault.encode() in refused.stderr
    phones.change_state(fault, {"fault": None})
    assert desk.shell(phone, "echo well") == "well"
    phones.change_state(fault, {"fault": fault})
    assert adb.state(phone.serial) == fault
    phones.down([fault])


def test_a_full_disk_refuses_pushes_and_writes_and_is_usable_again(desk: Desk, tmp_path: Path) -> None:
    (phone,) = phones.up(1, names=["small"], data_mb=8)
    (tmp_path / "big").write_bytes(b"x" * (12 << 20))
    (tmp_path / "fits").write_bytes(b"y" * (2 << 20))
    done = desk.run(phone, "push", str(tmp_path / "big"), "/data/local/tmp/big")
    assert done.returncode != 0 and b"No space left on device" in done.stdout + done.stderr
    assert desk.shell(phone, "ls /data/local/tmp") == ""
    written = desk.run(phone, "shell", "cat /dev/zero > /data/local/tmp/zero")
    assert written.returncode != 0 and b"No space left on device" in written.stderr
    desk.shell(phone, "rm /data/local/tmp/zero")
    assert desk.run(phone, "push", str(tmp_path / "fits"), "/data/local/tmp/fits").returncode == 0
    phones.down(["small"])


def test_a_phone_without_chrome(desk: Desk) -> None:
    (phone,) = phones.up(1, names=["bare"], chrome=False)
    assert "Unable to find package" in desk.shell(phone, "dumpsys package com.android.chrome")
    done = desk.run(phone, "shell", "am start -n com.android.chrome/com.google.android.apps.chrome.Main")
    assert done.returncode == 0 and b"does not exist" in done.stderr
    phones.down(["bare"])
