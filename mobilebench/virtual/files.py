"""A phone's folder: the same tree is seen from outside, and as `/` from inside the sandbox.

Its `/sys` holds clocks, temperatures and battery, written from the phone's configuration and present state. Only the
standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.virtual import config, gpu, processes, simulation
from mobilebench.virtual.config import METADATA, PhoneConfig
from mobilebench.virtual.simulation import Motion
from mobilebench.virtual.state import Battery, Gpu, State, StateFile, Thermal

CLOCK = "clock"
"""File among the metadata with the seconds by which the phone's `date` is ahead; empty if it is not."""
_SOONEST_S = 0.05
"""Readings that are closer than this get the same moving values."""


class PhoneFiles:
    """Files of a phone; `root` is its folder on this computer, or `/` in its sandbox."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata = root / METADATA.removeprefix("/")
        self._state = StateFile(self.metadata)
        self._read_cpu: Callable[[], float] | None = None
        self._motion: Motion | None = None
        self._written: dict[str, str] = {}
        self._ahead: str | None = None
        self._heated = False
        self._gpu = gpu.Load(self._processes)

    @cached_property
    def config(self) -> PhoneConfig:
        return config.read(self.metadata)

    @property
    def state(self) -> State:
        """The present state; in the running phone, with the values that move."""
        stored = self._state.read()
        motion = self._moved(stored)
        return simulation.present(stored, motion) if motion else stored

    @property
    def motion(self) -> Motion | None:
        """Where the moving values are, in the running phone."""
        return self._moved(self._state.read())

    def simulate(self, read_cpu: Callable[[], float]) -> None:
        """Let the values move from now on, by the processor time that `read_cpu` returns."""
        self._read_cpu = read_cpu
        self._motion = simulation.begin(self._state.read(), simulation.clock(), read_cpu())

    def heat(self, *, on: bool) -> None:
        """Begin or end to hold the phone hot."""
        self._heated = on
        self._moved(self._state.read(), at_once=True)
        self.refresh_sys()

    def change(self, edit: Callable[[State], State]) -> State:
        """Change the present state, store it, and update `/sys`."""

        def moved_and_edited(stored: State) -> State:
            motion = self._moved(stored)
            edited = edit(simulation.present(stored, motion) if motion else stored)
            self._motion = simulation.hold(motion, edited) if motion else None
            return edited

        return self._state.change(moved_and_edited, self._write_sys)

    def touched(self) -> None:
        """Note a key or a touch, which restarts the time after which the screen goes off."""
        self.change(lambda state: state)
        if self._motion is not None:
            self._motion = dataclasses.replace(self._motion, touched_s=self._motion.simulated_s)

    def refresh_sys(self) -> None:
        """Update `/sys` in the running phone."""
        self._write_sys(self.state)

    def _write_sys(self, state: State) -> None:
        motion = self._motion
        if motion is not None:
            state = simulation.present(state, motion)
            if "gpu.load" not in state.fixed:
                state = dataclasses.replace(state, gpu=Gpu(self._gpu.percent(simulation.clock())))
        write_sys(self.root / "sys", self.config, state, motion.in_state if motion else {}, self._written)
        ahead = f"{state.clock_ahead_s:g}\n" if state.clock_ahead_s else ""
        if ahead != self._ahead:
            atomic_files.write_text(self.metadata / CLOCK, ahead, alone=True)
            self._ahead = ahead

    def _processes(self) -> list[int]:
        """The phone's processes, in the running phone."""
        if self.config.prefix:
            return [process.pid for process in processes.descendants()]
        return gpu.all_processes()

    def _moved(self, stored: State, *, at_once: bool = False) -> Motion | None:
        now = simulation.clock()
        soonest = 0.0 if at_once else _SOONEST_S
        if self._read_cpu is not None and self._motion is not None and now - self._motion.at >= soonest:
            cpu_seconds, clusters = self._read_cpu(), self.config.clusters
            self._motion = simulation.advance(self._motion, stored, clusters, now, cpu_seconds, heated=self._heated)
        return self._motion


# /sys

_CPU = "devices/system/cpu"
_STATUS_NAMES = {1: "Unknown", 2: "Charging", 3: "Discharging", 4: "Not charging", 5: "Full"}
_HOST_CPU = Path("/sys/devices/system/cpu")


def sys_files(config: PhoneConfig, state: State, in_state: Mapping[int, Mapping[int, float]]) -> dict[str, str]:
    """Contents by path below `/sys`. As in Linux, clocks are in kHz and temperatures in thousandths of °C.

    Args:
        config: the phone's configuration.
        state: its present state.
        in_state: by first CPU of a cluster, seconds by clock in kHz.
    """
    return {
        **_clocks(config, state),
        **_times(config, in_state),
        **_zones(state.thermal, state.battery),
        **_battery(state.battery),
        **gpu.sys_files(config.gpu, config.properties.get("ro.product.manufacturer", ""), state.gpu.load),
    }


_ROOT_WRITES = {"scaling_governor", "scaling_min_freq", "scaling_max_freq"}
"""On a rooted phone, these keep what is written into them."""


def write_sys(
    folder: Path,
    config: PhoneConfig,
    state: State,
    in_state: Mapping[int, Mapping[int, float]],
    written: dict[str, str],
) -> None:
    """Update the tree at `folder`, writing only files that differ from `written`, which is updated too."""
    for name, content in sys_files(config, state, in_state).items():
        file = folder / name
        if state.rooted and file.name in _ROOT_WRITES:
            if not file.is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{content}\n", encoding="utf-8")
            file.chmod(0o644)
            written[name] = ""
            continue
        if written.get(name) == content:
            continue
        if name not in written:
            file.parent.mkdir(parents=True, exist_ok=True)
        if name in written or not file.is_file() or file.read_text(encoding="utf-8") != f"{content}\n":
            atomic_files.write_text(file, f"{content}\n", mode=0o444, alone=True)
        written[name] = content


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
        allowed = simulation.allowed_khz(cluster, state.thermal)
        common = {
            "cpuinfo_max_freq": str(cluster.max_khz),
            "cpuinfo_min_freq": str(cluster.min_khz),
            "scaling_max_freq": str(allowed),
            "scaling_min_freq": str(cluster.min_khz),
            "scaling_governor": "walt",
            "scaling_available_governors": "walt performance powersave schedutil",
            "scaling_available_frequencies": f"{cluster.min_khz} {cluster.max_khz}",
            "related_cpus": " ".join(map(str, cpus)),
            "affected_cpus": " ".join(map(str, cpus)),
        }
        for cpu in cpus:
            present = state.clocks_khz.get(str(cpu), allowed)
            for name, value in {**common, "scaling_cur_freq": str(present)}.items():
                tree[f"{_CPU}/cpu{cpu}/cpufreq/{name}"] = value
                if cpu == cluster.first:
                    tree[f"{_CPU}/cpufreq/policy{cpu}/{name}"] = value
    return tree


def _times(config: PhoneConfig, in_state: Mapping[int, Mapping[int, float]]) -> dict[str, str]:
    """`time_in_state` of each cluster, in units of 10 ms."""
    tree = {}
    for cluster in config.clusters:
        clocks = {cluster.min_khz: 0.0, cluster.max_khz: 0.0, **in_state.get(cluster.first, {})}
        lines = "\n".join(f"{khz} {round(seconds * 100)}" for khz, seconds in sorted(clocks.items()))
        tree[f"{_CPU}/cpufreq/policy{cluster.first}/stats/time_in_state"] = lines
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
        "present": int(battery.present),
        "status": _STATUS_NAMES.get(battery.status, "Unknown"),
        "type": "Battery",
    }
    return {f"class/power_supply/battery/{name}": str(value) for name, value in values.items()}
