"""Temperatures and throttling, from `dumpsys thermalservice`."""

from __future__ import annotations

import math
import re

from mobilebench.probes.reading import ReadingProbe, Values, phones_only

THROTTLING_STATES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's thermal status 0 … 6."""

_HAL_SECTION = "Current temperatures from HAL:"
_TEMPERATURE = re.compile(r"Temperature\{mValue=([-\d.]+(?:[eE]-?\d+)?), mType=(-?\d+), mName=([^,}]+), mStatus=\d+\}")
_STATUS = re.compile(r"^Thermal Status: ([0-6])\s*$", re.MULTILINE)
_KINDS = {0: "cpu", 1: "gpu", 2: "battery", 3: "skin", 4: "usb_port", 9: "npu"}
_ABSOLUTE_ZERO = -273.15


def parse(text: str) -> Values:
    """Throttling state, and the hottest sensor of each kind in °C.

    Temperatures come from the section that the hardware answers for now; the cached ones above it are stale.
    """
    values: Values = {}
    if status := _STATUS.search(text):
        values["status", "state"] = float(status[1])
    for value, kind, _ in _TEMPERATURE.findall(_section(text)):
        name = _KINDS.get(int(kind))
        celsius = _number(value)
        if name and celsius is not None:
            key = (name, "°C")
            values[key] = max(celsius, values.get(key, celsius))
    return values


def _section(text: str) -> str:
    """The lines below the heading, as long as they are temperatures."""
    lines = []
    for line in text.partition(_HAL_SECTION)[2].splitlines()[1:]:
        if not line.strip().startswith("Temperature{"):
            break
        lines.append(line)
    return "\n".join(lines)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > _ABSOLUTE_ZERO else None


def probe() -> ReadingProbe:
    """A fresh thermal probe."""
    return ReadingProbe(
        "thermal",
        "Throttling state and hottest CPU, GPU, NPU, battery and skin sensor (°C), from dumpsys thermalservice.",
        ("dumpsys", "thermalservice"),
        parse,
        phones_only,
    )
