"""Clock and load of the GPU, where its driver shows them to a shell."""

from __future__ import annotations

import re

from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of, why_none

CLOCK, LOAD = ("clock", "MHz"), ("load", "%")
DECLARATION = Declaration(
    name="gpu",
    title="GPU",
    description="Clock (MHz) and load (%) of the GPU, from the files of its driver.",
    cost="during the block",
    quantities=(Quantity(*CLOCK, "GPU clock"), Quantity(*LOAD, "GPU load")),
    sampled=True,
)

_CLOCK_FILES = (
    "/sys/class/kgsl/kgsl-3d0/gpuclk",
    "/sys/kernel/gpu/gpu_clock",
    "/sys/class/misc/mali0/device/clock",
    "/sys/class/devfreq/*.mali/cur_freq",
    "/sys/class/devfreq/*.gpu/cur_freq",
    "/sys/class/devfreq/gpufreq/cur_freq",
    "/sys/kernel/ged/hal/current_freqency",
)
_LOAD_FILES = (
    "/sys/class/kgsl/kgsl-3d0/gpu_busy_percentage",
    "/sys/class/kgsl/kgsl-3d0/gpubusy",
    "/sys/kernel/gpu/gpu_busy",
    "/sys/class/misc/mali0/device/utilization",
    "/sys/kernel/ged/hal/gpu_utilization",
)
_PC_FILES = ("/sys/class/drm/card[0-9]/gt_cur_freq_mhz", "/sys/class/drm/card[0-9]/device/gpu_busy_percent")
"""Adreno: kgsl. Mali: `gpu` on Exynos, `mali0` on Tensor, `ged` on MediaTek (spelt so there), devfreq. PCs: drm."""
SOURCE = Source((Files((*_CLOCK_FILES, *_LOAD_FILES), here_too=_PC_FILES),))
_RANGES = ((50, 3_000, 1.0), (50_000, 3_000_000, 1e3), (50_000_000, 3_000_000_000, 1e6))
"""Lowest and highest value in MHz, kHz and Hz, and the divisor that makes it MHz. They do not overlap."""


def parse(text: str) -> Readings:
    """Clock and load, from the first file of each that holds a value."""
    found = list(lines_of(text))
    clocks = [(path, line) for path, line in found if re.search(r"gpuclk|gpu_clock|/clock$|_?freq", path)]
    loads = [one for one in found if one not in clocks]
    return {
        CLOCK: _first([_mhz(path, line) for path, line in clocks if not line.startswith("!")], clocks, "clock"),
        LOAD: _first([_percent(path, line) for path, line in loads if not line.startswith("!")], loads, "load"),
    }


def _first(values: list[float | Void], found: list[tuple[str, str]], what: str) -> float | Void:
    known = next((value for value in values if not isinstance(value, Void)), None)
    if known is not None:
        return known
    return values[0] if values else Void(why_none(found, f"{what} of its GPU"))


def _mhz(path: str, line: str) -> float | Void:
    word = line.split()[-1] if "/ged/" in path and line.split() else line.split(" ")[0]
    if not re.fullmatch(r"\d{1,12}", word):
        return Void(f"{line[:40]} is not a clock of a GPU")
    value = int(word)
    if value == 0:
        return Void("a clock of 0 stands for a GPU that is switched off")
    for low, high, divisor in _RANGES:
        if low <= value <= high:
            return value / divisor
    return Void(f"{value} is no clock of a GPU in any unit")


def _percent(path: str, line: str) -> float | Void:
    """`37 %`, `37%` or `37`; `gpubusy` has busy and total time, and the first of three numbers of `ged` is the load."""
    words = line.replace("%", " ").split()
    if not words or not all(re.fullmatch(r"\d{1,12}", word) for word in words):
        return Void(f"{line[:40]} is not a load of a GPU")
    numbers = [int(word) for word in words]
    if path.endswith("/gpubusy"):
        if len(numbers) != 2 or numbers[1] == 0:
            return Void("the GPU was off since the last reading")
        share = 100 * numbers[0] / numbers[1]
    else:
        share = float(numbers[0])
    return share if 0 <= share <= 100 else Void(f"a load of {share:g} % is impossible")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of the GPU."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s)
