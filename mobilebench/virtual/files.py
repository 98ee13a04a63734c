"""A phone's folder: the same tree is seen from outside, and as `/` from inside the sandbox.

Its `/sys` holds clocks, temperatures and battery, written from the phone's configuration and state. Only the standard
library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.virtual import config
from mobilebench.virtual.config import METADATA, PhoneConfig
from mobilebench.virtual.state import Battery, State, StateFile, Thermal


class PhoneFiles:
    """Files of a phone; `root` is its folder on this computer, or `/` in its sandbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata = root / METADATA.removeprefix("/")
        self._state = StateFile(self.metadata)

    @cached_property
    def config(self) -> PhoneConfig:
        return config.read(self.metadata)

    @property
    def state(self) -> State:
        return self._state.read()

    def change(self, edit: Callable[[State], State]) -> State:
        """Change the state, and update `/sys`."""
        return self._state.change(edit, lambda state: write_sys(self.root / "sys", self.config, state))


# /sys

_CPU = "devices/system/cpu"
_STATUS_NAMES = {1: "Unknown", 2: "Charging", 3: "Discharging", 4: "Not charging", 5: "Full"}
_HOST_CPU = Path("/sys/devices/system/cpu")


def sys_files(config: PhoneConfig, state: State) -> dict[str, str]:
    """Contents by path below `/sys`. As in Linux, clocks are in kHz and temperatures in thousandths of °C."""
    return {**_clocks(config, state), **_zones(state.thermal, state.battery), **_battery(state.battery)}


def write_sys(folder: Path, config: PhoneConfig, state: State) -> None:
    """Update the tree at `folder`, writing only files that differ."""
    for name, content in sys_files(config, state).items():
        file = folder / name
        text = f"{content}\n"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            atomic_files.write_text(file, text, mode=0o444, alone=True)


def copy_real_cores(folder: Path) -> None:
    """Copy the real cores' entries, by which engines choose threads and kernels."""
    target = folder / _CPU
    target.mkdir(parents=True, exist_ok=True)
    for name in ("online", "possible", "present", "kernel_max", "offline"):
        if (_HOST_CPU / name).is_file():
            (target / name).write_text((_HOST_CPU / name).read_text())
    for core in _HOST_CPU.glob("cpu[0-9]*"):
        for file in (*core.glob("topology/*"), *core.glob("cache/index*/*")):
            if file.is_file():
                copy = target / file.relative_to(_HOST_CPU)
                copy.parent.mkdir(parents=True, exist_ok=True)
                try:
                    shutil.copyfile(file, copy)
                except OSError:
                    continue  # some entries of /sys can be listed but not read


def _clocks(config: PhoneConfig, state: State) -> dict[str, str]:
    tree: dict[str, str] = {}
    for cluster in config.clusters:
        cpus = range(cluster.first, cluster.first + cluster.count)
        common = {
            "cpuinfo_max_freq": str(cluster.max_khz),
            "cpuinfo_min_freq": str(cluster.min_khz),
            "scaling_max_freq": str(cluster.max_khz),
            "scaling_min_freq": str(cluster.min_khz),
            "scaling_governor": "walt",
            "scaling_available_governors": "walt performance powersave schedutil",
            "scaling_available_frequencies": f"{cluster.min_khz} {cluster.max_khz}",
            "related_cpus": " ".join(map(str, cpus)),
            "affected_cpus": " ".join(map(str, cpus)),
        }
        for cpu in cpus:
            present = state.clocks_khz.get(str(cpu), cluster.max_khz)
            for name, value in {**common, "scaling_cur_freq": str(present)}.items():
                tree[f"{_CPU}/cpu{cpu}/cpufreq/{name}"] = value
                if cpu == cluster.first:
                    tree[f"{_CPU}/cpufreq/policy{cpu}/{name}"] = value
    return tree


def _zones(thermal: Thermal, battery: Battery) -> dict[str, str]:
    zones = {"cpu-0-0": thermal.cpu, "gpuss-0": thermal.gpu, "battery": battery.temperature, "skin": thermal.skin}
    tree = {}
    for number, (kind, celsius) in enumerate(zones.items()):
        tree[f"class/thermal/thermal_zone{number}/type"] = kind
        tree[f"class/thermal/thermal_zone{number}/temp"] = str(round(celsius * 1000))
    return tree


def _battery(battery: Battery) -> dict[str, str]:
    values = {
        "capacity": battery.level,
        "current_now": battery.current_ua,
        "voltage_now": battery.voltage_mv * 1000,
        "temp": round(battery.temperature * 10),
        "charge_counter": battery.charge_counter_uah,
        "status": _STATUS_NAMES.get(battery.status, "Unknown"),
        "type": "Battery",
    }
    return {f"class/power_supply/battery/{name}": str(value) for name, value in values.items()}
