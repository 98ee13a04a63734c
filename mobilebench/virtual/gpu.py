"""The files in which drivers of GPUs show clock and load, on a virtual phone.

A virtual phone draws by software, in one process of its Chromium. The processor time of that process stands for the
load, and the clock follows the load; clocks are made up. Which files there are depends on the GPU and the maker, as on
the phones whose files are public. Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from mobilebench.core.proc import parse_stat

LOWEST_MHZ, HIGHEST_MHZ, STEP_MHZ = 300, 900, 50
_SOONEST_S = 0.5
"""Loads are computed over at least this time."""


def sys_files(name: str, maker: str, load: int) -> dict[str, str]:
    """Contents by path below `/sys`; empty for a GPU of which no files are known.

    Args:
        name: the GPU, such as `Adreno 740`.
        maker: the phone's maker, as in `ro.product.manufacturer`.
        load: percent.
    """
    mhz = LOWEST_MHZ + (HIGHEST_MHZ - LOWEST_MHZ) * load // 100 // STEP_MHZ * STEP_MHZ
    mali = name.startswith(("Mali", "Immortalis"))
    if name.startswith("Adreno"):
        folder = "class/kgsl/kgsl-3d0"
        return {f"{folder}/gpuclk": str(mhz * 1_000_000), f"{folder}/gpu_busy_percentage": f"{load} %"}
    if name.startswith("Xclipse"):
        return {"kernel/gpu/gpu_clock": str(mhz), "kernel/gpu/gpu_busy": f"{load} %"}
    if mali and maker.lower() == "google":
        folder = "class/misc/mali0/device"
        return {f"{folder}/clock": str(mhz * 1000), f"{folder}/utilization": str(load)}
    if mali and maker.lower() in ("huawei", "honor"):
        return {"class/devfreq/gpufreq/cur_freq": str(mhz * 1_000_000)}
    if mali:
        number = (HIGHEST_MHZ - mhz) // STEP_MHZ
        folder = "kernel/ged/hal"
        return {
            f"{folder}/current_freqency": f"{number} {mhz * 1000}",
            f"{folder}/gpu_utilization": f"{load} 0 {100 - load}",
        }
    return {}


class Load:
    """The load of the process that draws, between two calls.

    Args:
        processes: returns the ids of the phone's processes.
    """

    def __init__(self, processes: Callable[[], Iterable[int]]) -> None:
        self._processes = processes
        self._pid: int | None = None
        self._at = self._seconds = 0.0
        self._percent = 0

    def percent(self, now: float) -> int:
        """The load since the last call; 0 while nothing draws.

        Args:
            now: seconds of any clock that does not jump.
        """
        if now - self._at < _SOONEST_S:
            return self._percent
        seconds = _seconds(self._pid) if self._pid is not None else None
        if seconds is None:
            self._pid = next((pid for pid in self._processes() if _draws(pid)), None)
            seconds = _seconds(self._pid) if self._pid is not None else None
            self._percent = 0
        elif self._at:
            self._percent = min(100, max(0, round(100 * (seconds - self._seconds) / (now - self._at))))
        self._at, self._seconds = now, seconds or 0.0
        return self._percent


def all_processes() -> list[int]:
    """Every process that is seen here: in a phone's sandbox, those of the phone."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names only


def _draws(pid: int) -> bool:
    try:
        return b"--type=gpu-process" in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    except OSError:
        return False


def _seconds(pid: int) -> float | None:
    try:
        stat = parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None
    return stat.cpu_seconds if stat and not stat.ended else None
