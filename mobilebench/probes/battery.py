"""Battery: charge, temperature and charging state, from `dumpsys battery`."""

from __future__ import annotations

import re

from mobilebench.probes.reading import ReadingProbe, Values, phones_only

CHARGING_STATES = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
"""Android's `BatteryManager` constants."""

_FIELD = re.compile(r"^ *([A-Za-z][A-Za-z ]*): *(-?\d+)\s*$")
_PLAUSIBLE = (-40.0, 120.0)
"""°C that a battery can have and still be measured."""


def parse(text: str) -> Values:
    """Charge (%), temperature (°C) and charging state from `dumpsys battery`.

    Only the service's own state counts: it ends at the first blank line, after which some makers append a log of
    events whose lines look alike. Temperatures are tenths of a degree; some makers report hundredths or thousandths.
    """
    fields: dict[str, int] = {}
    for line in _state(text):
        if found := _FIELD.match(line):
            fields.setdefault(found[1].strip().lower(), int(found[2]))
    values: Values = {}
    scale = fields.get("scale", 100)
    if "level" in fields and scale > 0 and 0 <= fields["level"] <= scale:
        values["level", "%"] = fields["level"] * 100 / scale
    if (temperature := _celsius(fields.get("temperature"))) is not None:
        values["temperature", "°C"] = temperature
    if fields.get("status") in CHARGING_STATES:
        values["status", "state"] = float(fields["status"])
    return values


def _state(text: str) -> list[str]:
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if "Battery Service state" in line), None)
    if start is None:
        return []
    end = next((index for index in range(start, len(lines)) if not lines[index].strip()), len(lines))
    return lines[start + 1 : end]


def _celsius(raw: int | None) -> float | None:
    if raw is None:
        return None
    for divisor in (10, 100, 1000):
        if _PLAUSIBLE[0] <= raw / divisor <= _PLAUSIBLE[1]:
            return raw / divisor
    return None


def probe() -> ReadingProbe:
    """A fresh battery probe."""
    return ReadingProbe(
        "battery",
        "Battery charge (%), temperature (°C) and charging state before and after each block, from dumpsys battery.",
        ("dumpsys", "battery"),
        parse,
        phones_only,
    )
