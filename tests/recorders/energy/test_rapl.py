"""Counters of the processor are found in trees as Intel's and AMD's drivers make them, and refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mobilebench.recorders.energy import rapl
from mobilebench.recorders.reading import Void


def zone(sysfs: Path, folder: str, name: str, counter: str = "1000", size: str = "262143328850") -> Path:
    path = sysfs / "class/powercap" / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{counter}\n")
    (path / "max_energy_range_uj").write_text(f"{size}\n")
    return path


def why(sysfs: Path) -> str:
    found = rapl.packages(sysfs)
    assert isinstance(found, Void)
    return found.reason


def test_packages_are_read_without_what_they_include_or_repeat(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", "500")
    zone(tmp_path, "intel-rapl:0:0", "core")
    zone(tmp_path, "intel-rapl:0:1", "dram")
    zone(tmp_path, "intel-rapl:1", "package-1", "700")
    zone(tmp_path, "intel-rapl:2", "psys")
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", "500")
    (tmp_path / "class/powercap/intel-rapl").mkdir()
    found = rapl.packages(tmp_path)
    assert [(one.name, one.read(), one.range_uj) for one in found] == [
        ("package-0", 500.0, 262143328850.0),
        ("package-1", 700.0, 262143328850.0),
    ]


def test_a_die_of_a_package_counts_as_a_package(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0-die-0")
    zone(tmp_path, "intel-rapl:1", "package-0-die-1")
    assert [one.name for one in rapl.packages(tmp_path)] == ["package-0-die-0", "package-0-die-1"]


def test_amds_driver_of_sensors(tmp_path):
    device = tmp_path / "class/hwmon/hwmon3"
    device.mkdir(parents=True)
    (device / "name").write_text("amd_energy\n")
    for number, label in enumerate(["Ecore000", "Ecore001", "Esocket0", "Esocket1"], 1):
        (device / f"energy{number}_label").write_text(f"{label}\n")
        (device / f"energy{number}_input").write_text(f"{number * 100}\n")
    (tmp_path / "class/hwmon/hwmon0").mkdir()
    (tmp_path / "class/hwmon/hwmon0/name").write_text("coretemp\n")
    assert [(one.name, one.read()) for one in rapl.packages(tmp_path)] == [("package-0", 300.0), ("package-1", 400.0)]


def test_a_computer_without_counters_says_so(tmp_path):
    assert "shows no energy counters" in why(tmp_path)
    zone(tmp_path, "intel-rapl:0", "psys")
    assert "shows no energy counters" in why(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_counters_that_only_root_may_read_name_the_way_out(tmp_path):
    (zone(tmp_path, "intel-rapl:0", "package-0") / "energy_uj").chmod(0)
    assert "sudo chmod a+r" in why(tmp_path)


def test_permission_denied_names_the_way_out(tmp_path, monkeypatch):
    zone(tmp_path, "intel-rapl:0", "package-0")
    opened = Path.open

    def refusing(self, *arguments, **options):
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    assert "sudo chmod a+r" in why(tmp_path)
    assert str(tmp_path / "class/powercap/intel-rapl:0/energy_uj") in why(tmp_path)


@pytest.mark.parametrize("text", ["", "-5", "1e5", "nan", "many", "9" * 21])
def test_a_counter_that_is_no_number_is_refused(tmp_path, text):
    zone(tmp_path, "intel-rapl:0", "package-0", text)
    assert "does not hold a number" in why(tmp_path)


@pytest.mark.parametrize("size", ["", "0", "-1"])
def test_a_counter_of_unknown_range_is_refused(tmp_path, size):
    zone(tmp_path, "intel-rapl:0", "package-0", size=size)
    assert "does not say when its counter starts again" in why(tmp_path)
