"""Current, voltage and charge of the battery, from the kernel's fuel gauge.

Android's unit is µA and its sign is positive for a current into the battery. Makers differ in both, so a value is
stored only if a single unit and direction fit what is known; `current_now` is stored as it was reported, too.
"""

from __future__ import annotations

import re

from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of, why_none

CURRENT, VOLTAGE, CHARGE, RAW = ("current", "mA"), ("voltage", "V"), ("charge_counter", "mAh"), ("current_now", "raw")
DECLARATION = Declaration(
    name="current",
    title="Battery current",
    description="Current into the battery (mA), its voltage (V) and charge counter (mAh), from its fuel gauge.",
    cost="during the block",
    quantities=(
        Quantity(*CURRENT, "Current into the battery"),
        Quantity(*VOLTAGE, "Battery voltage"),
        Quantity(*CHARGE, "Charge counter"),
        Quantity(*RAW, "Current as reported"),
    ),
    sampled=True,
)
_NAMES = ("status", "current_now", "voltage_now", "charge_counter")
SOURCE = Source(
    (
        Files(
            tuple(f"/sys/class/power_supply/battery/{name}" for name in _NAMES),
            here_too=tuple(f"/sys/class/power_supply/BAT0/{name}" for name in _NAMES),
        ),
    )
)

_MILLIAMPERES = range(10, 10_000)
_MICROAMPERES = range(20_000, 20_000_001)
"""A phone in use draws between 20 and some thousand mA; the ranges leave out values that fit both units."""


def parse(text: str) -> Readings:
    """Current in mA (positive: into the battery), voltage in V, charge in mAh, and the current as it was reported."""
    found = [one for one in lines_of(text) if "/power_supply/" in one[0]]
    values = {path.rpartition("/")[2]: line for path, line in reversed(found) if not line.startswith("!")}

    def number(name: str) -> int | Void:
        line = values.get(name)
        if line is None:
            return Void(why_none([one for one in found if one[0].endswith(name)], f"{name} of its battery"))
        return int(line) if re.fullmatch(r"-?\d{1,12}", line) else Void(f"{line[:40]} is not a number")

    current, voltage, charge = number("current_now"), number("voltage_now"), number("charge_counter")
    return {
        CURRENT: current if isinstance(current, Void) else _milliamperes(current, values.get("status", "")),
        VOLTAGE: voltage if isinstance(voltage, Void) else _volts(voltage),
        CHARGE: charge if isinstance(charge, Void) else _milliampere_hours(charge),
        RAW: current if isinstance(current, Void) else float(current),
    }


def _milliamperes(raw: int, status: str) -> float | Void:
    size = abs(raw)
    if raw == 0:
        return Void("a current of exactly 0 stands for one that is not measured")
    if size not in _MILLIAMPERES and size not in _MICROAMPERES:
        return Void(f"a current of {raw} fits neither mA nor µA")
    milliamperes = size if size in _MILLIAMPERES else size / 1000
    if status == "Discharging":
        return -milliamperes
    if status == "Charging" and raw > 0:
        return milliamperes
    return Void(
        f"the direction of a current of {raw} is not clear while the battery's status is {status[:20] or 'unknown'}"
    )


def _volts(raw: int) -> float | Void:
    for divisor in (1_000_000, 1_000):
        if 2.5 <= raw / divisor <= 20:
            return raw / divisor
    return Void(f"a voltage of {raw} is no voltage of a battery in µV or mV")


def _milliampere_hours(raw: int) -> float | Void:
    """The counter may start anywhere; Android's unit is µAh."""
    if raw <= 0:
        return Void(f"a charge of {raw} stands for one that is not measured")
    return raw / 1000 if raw >= 50_000 else Void(f"a charge of {raw} fits both mAh and µAh")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of the battery's current."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s)
