"""Current, voltage and charge of the battery, from the kernel's fuel gauge.

Units and sign are those that `recorders.gauge` decides; `current_now` is stored as it was reported, too.
"""

from __future__ import annotations

import re

from mobilebench.recorders import gauge
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
    state = gauge.STATES.get(values.get("status", "").lower())
    return {
        CURRENT: current if isinstance(current, Void) else gauge.into_battery(current, state),
        VOLTAGE: voltage if isinstance(voltage, Void) else gauge.volts(voltage),
        CHARGE: charge if isinstance(charge, Void) else gauge.milliampere_hours(charge),
        RAW: current if isinstance(current, Void) else float(current),
    }


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of the battery's current."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s)
