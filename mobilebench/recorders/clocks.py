"""Clocks of the processor: the present clock of each cluster, and how long each clock was used during a block."""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.core.records import Series, TargetInfo
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import COUNTER, ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of, why_none

MHZ, SECONDS = "MHz", "s"
DECLARATION = Declaration(
    name="clocks",
    title="Clocks",
    description="Clock of each cluster of cores (MHz), and how long each clock was used over the block, from cpufreq.",
    cost="around the block",
    quantities=(Quantity("policy0", MHZ, "Clocks, policy0"),),
    sampled=True,
)

_HERE = Path("/sys/devices/system/cpu")
_POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"
_CORES = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq"
_FILE = re.compile(r".*/cpufreq/policy(\d{1,4})/(scaling_cur_freq|stats/time_in_state)")
_CORE_FILE = re.compile(r".*/cpu(\d{1,4})/cpufreq/(scaling_cur_freq|related_cpus)")
_STATE = re.compile(r"(\d{4,8}) (\d{1,15})")
_STATE_SECONDS = 0.01
"""Unit of `time_in_state`."""
_MOST_KHZ = 10_000_000
_WHAT = "clocks of its processor"

SOURCE = Source(
    each=(Files((f"{_POLICIES}/scaling_cur_freq",), otherwise=(f"{_CORES}/scaling_cur_freq",)),),
    once=(Files((f"{_POLICIES}/related_cpus",), otherwise=(f"{_CORES}/related_cpus",)),),
    around=(Files((f"{_POLICIES}/stats/time_in_state",), lines=64),),
)
"""Kernels before Linux 4.3 have no folders `policy*`; each core then repeats the clock of its cluster."""


def parse(text: str) -> Readings:
    """The clock of each cluster in MHz as `policy0`, and counters of the time at each clock as `policy0@1804800`.

    A cluster is named by its first core, as Linux does it.
    """
    found = list(lines_of(text))
    readings: Readings = {}
    clusters = _clusters(found)
    for path, line in found:
        if part := _FILE.fullmatch(path):
            name = f"policy{part[1]}"
            if part[2] == "scaling_cur_freq":
                readings[name, MHZ] = _mhz(line)
            elif state := _STATE.fullmatch(line):
                readings[f"{name}@{int(state[1])}", COUNTER] = float(state[2])
        elif (part := _CORE_FILE.fullmatch(path)) and part[2] == "scaling_cur_freq":
            core = int(part[1])
            if clusters.get(core, core) == core:
                readings[f"policy{core}", MHZ] = _mhz(line)
    if not readings:
        return {("policy0", MHZ): Void(why_none([one for one in found if "related" not in one[0]], _WHAT))}
    return readings


def _clusters(found: list[tuple[str, str]]) -> dict[int, int]:
    """The first core of its cluster by core, where each core lists the cores that share its clock."""
    clusters = {}
    for path, line in found:
        part = _CORE_FILE.fullmatch(path)
        cores = [int(word) for word in line.split() if word.isascii() and word.isdecimal() and len(word) < 5]
        if part and part[2] == "related_cpus" and cores:
            clusters[int(part[1])] = min(cores)
    return clusters


def _mhz(line: str) -> float | Void:
    if line == "!denied":
        return Void(why_none([("", line)], _WHAT))
    if not (line.isascii() and line.isdecimal() and len(line) < 12):
        return Void(f"{line[:40]} is not a clock")
    khz = int(line)
    if khz == 0:
        return Void("a clock of 0 stands for cores that are switched off")
    return khz / 1000 if khz <= _MOST_KHZ else Void(f"a clock of {khz} kHz is impossible")


def over_block(before: Readings, after: Readings, seconds: float) -> Readings:  # noqa: ARG001
    """The mean clock of each cluster over the block, and the seconds at each clock that was used.

    Both come from the counters of `time_in_state`; idle time counts with the clock that was set.
    """
    grown: dict[str, dict[int, float]] = {}
    for key, value in after.items():
        earlier = before.get(key)
        if key[1] != COUNTER or isinstance(value, Void) or isinstance(earlier, Void) or earlier is None:
            continue
        name, _, khz = key[0].partition("@")
        grown.setdefault(name, {})[int(khz)] = (value - earlier) * _STATE_SECONDS
    readings: Readings = {}
    for name, states in grown.items():
        total = sum(states.values())
        if min(states.values()) < 0:
            readings[f"{name} mean", MHZ] = Void("the counters of its clocks were set back")
        elif total <= 0:
            readings[f"{name} mean", MHZ] = Void("the counters of its clocks did not grow")
        else:
            readings[f"{name} mean", MHZ] = sum(khz * part for khz, part in states.items()) / total / 1000
            readings |= {(f"{name} at {khz / 1000:g} MHz", SECONDS): part for khz, part in states.items() if part > 0}
    return readings


def is_time_in_state(series: Series) -> bool:
    """Whether a series says how long a cluster had one clock; there are many of them."""
    return (series.recorder, series.unit) == (DECLARATION.name, SECONDS)


def _why_not(target: TargetInfo) -> str | None:
    if target.kind == "host" and not any(_HERE.glob("cpu*/cpufreq")):
        return "this computer's kernel shows no clocks (a virtual machine has none)"
    return None


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of clocks."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, _why_not, interval_s, over_block=over_block)
