"""The benchmark of virtual phones, on a short day."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import virtual_phone
from benchmarks.virtual_phone import Adb
from mobilebench.virtual import adb, phones
from tests.virtual.conftest import make_desk

pytestmark = pytest.mark.adb


def test_shells_side_by_side_and_a_day_at_speed(tmp_path: Path) -> None:
    for desk in make_desk(tmp_path, "installed"):
        assert adb.program()
        (phone,) = phones.up(names=["day"], chrome=False)
        ours = Adb(desk.adb, phone.serial)
        shells = virtual_phone.parallel(ours)
        assert shells.open_s > 0 and shells.answered_s > 0
        day = virtual_phone.day(ours, phone.name, speed=28_800)
        assert day.simulated_s == pytest.approx(day.expected_s, rel=0.5)  # of 3 s, on a busy computer
        beginning, on_battery, end = day.levels
        assert on_battery < beginning and end > on_battery
        assert day.skin[1] >= day.skin[0]
        assert day.memory_kib[1] < day.memory_kib[0] + 8192
        assert day.readings > 3
        assert "24 h in" in str(day)
