"""Battery: charge, temperature and charging state, from `dumpsys battery`."""

from __future__ import annotations

from mobilebench.probes.reading import ReadingProbe, phones_only
from mobilebench.targets.android import battery


def probe() -> ReadingProbe:
    """A fresh battery probe."""
    return ReadingProbe(
        "battery",
        "Battery charge (%), temperature (°C) and charging state before and after each block, from dumpsys battery.",
        ("dumpsys", "battery"),
        battery.KEYS,
        battery.parse,
        phones_only,
    )
