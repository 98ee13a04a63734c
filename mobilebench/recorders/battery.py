"""Battery: charge, temperature, charging state, voltage and charge counter, from `dumpsys battery`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mobilebench.recorders import gauge, reading
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void, why_not_a_real_phone
from mobilebench.recorders.sources import Command, Source

CHARGING_STATES = {2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
"""Charging states of Android's `BatteryManager`, except 1, which is "unknown"."""

LEVEL, TEMPERATURE, STATUS = ("level", "%"), ("temperature", "°C"), ("status", "state")
VOLTAGE, CHARGE = ("voltage", "V"), ("charge_counter", "mAh")
KEYS = (LEVEL, TEMPERATURE, STATUS, VOLTAGE, CHARGE)
DECLARATION = Declaration(
    name="battery",
    title="Battery",
    description="Battery charge (%), temperature (°C), charging state, voltage (V), charge counter (mAh): dumpsys.",
    cost="around the block",
    quantities=(
        Quantity(*LEVEL, "Battery charge"),
        Quantity(*TEMPERATURE, "Battery temperature"),
        Quantity(*STATUS, "Charging state"),
        Quantity(*VOLTAGE, "Battery voltage"),
        Quantity(*CHARGE, "Charge counter"),
    ),
    sampled=True,
)

_HEADING = re.compile(r"^\s*Current Battery Service state:\s*$")
_FIELD = re.compile(r"^ {1,4}([A-Za-z][A-Za-z ]*): *(\S+)\s*$")
_FAKED = re.compile(
    r"^\s*\(UPDATES STOPPED|^USE_FAKE_BATTERY: true|^SEC_FEATURE_BATTERY_SIMULATION: true", re.MULTILINE
)
_LOWEST_TENTHS = -200
_UNCLEAR_TENTHS = 60
_HIGHEST_TENTHS = 900
_OTHER_UNITS = (range(1_500, 8_001), 100), (range(15_000, 80_001), 1000)
"""Ranges of raw values that can only be hundredths or thousandths of a degree (15 to 80 °C), and their divisors."""
_SENTINELS = {32_767, 65_535}


def parse(text: str) -> Readings:
    """Charge (%), temperature (°C), charging state, voltage (V) and charge counter (mAh).

    Only the service's own state is parsed: after a blank or unindented line, some makers append settings and a log of
    events with similar lines.
    """
    why = reading.refusal("battery", text)
    fields = service_fields(text)
    if why is None and fields is None:
        why = "the answer is not the state of a battery"
    if why is None:
        why = _why_void(text, fields or {})
    if why is not None or fields is None:
        return {key: Void(why or "") for key in KEYS}
    return {
        LEVEL: _level(fields),
        TEMPERATURE: _celsius(fields),
        STATUS: _status(fields),
        VOLTAGE: _volts(fields),
        CHARGE: _milliampere_hours(fields),
    }


def service_fields(text: str) -> dict[str, list[str]] | None:
    """Every value of every field of the service's own state, in lower case; None if its heading is missing.

    What follows after a blank or unindented line is a maker's log.
    """
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if _HEADING.match(line)), None)
    if start is None:
        return None
    fields: dict[str, list[str]] = {}
    for line in lines[start + 1 :]:
        if not line.startswith(" "):
            break
        if found := _FIELD.match(line):
            fields.setdefault(found[1].strip().lower(), []).append(found[2].lower())
    return fields


def why_faked(text: str) -> str | None:
    """A clause if the service shows values that somebody has set; else None."""
    if _FAKED.search(text):
        return "the phone shows values that were set by hand (`dumpsys battery reset` on the phone ends that)"
    return None


def _why_void(text: str, fields: Mapping[str, list[str]]) -> str | None:
    """Why none of the readings can be used; None when they can."""
    if why := why_faked(text):
        return why
    if "false" in fields.get("present", []):
        return (
            "no battery is fitted" if set(fields["present"]) == {"false"} else "one of several batteries is not fitted"
        )
    if "0" in fields.get("voltage", []):
        return "no battery is measured: its voltage is reported as 0 V"
    return None


def _number(fields: Mapping[str, list[str]], name: str) -> int | Void:
    values = set(fields.get(name, []))
    if not values:
        return Void(f"the phone does not report the battery's {name}")
    if len(values) > 1:
        some = ", ".join(one[:40] for one in sorted(values)[:5])
        return Void(f"the phone reports several values of the battery's {name} ({some})")
    (value,) = values
    return (
        int(value) if re.fullmatch(r"-?\d{1,10}", value) else Void(f"{value[:40]} is not a valid {name} of a battery")
    )


def _level(fields: Mapping[str, list[str]]) -> float | Void:
    level = _number(fields, "level")
    scale = _number(fields, "scale") if "scale" in fields else 100
    if isinstance(level, Void):
        return level
    if isinstance(scale, Void):
        return scale
    if scale <= 0 or not 0 <= level <= scale:
        return Void(f"a charge of {level} of {scale} is impossible")
    return level * 100 / scale


def _celsius(fields: Mapping[str, list[str]]) -> float | Void:
    """Temperature in °C. Android's unit is a tenth of a degree; another unit is assumed only where no other can fit."""
    raw = _number(fields, "temperature")
    if isinstance(raw, Void):
        return raw
    if raw == 0:
        return Void("a temperature of exactly 0 °C stands for a battery whose temperature is not measured")
    if 0 < raw <= _UNCLEAR_TENTHS:
        return Void(f"a temperature of {raw} is {raw / 10:g} °C by Android's unit or {raw} °C in whole degrees")
    if _LOWEST_TENTHS <= raw <= _HIGHEST_TENTHS:
        return raw / 10
    for values, divisor in _OTHER_UNITS:
        if raw in values and raw not in _SENTINELS:
            return raw / divisor
    return Void(f"a temperature of {raw} (tenths of °C) is impossible")


def _status(fields: Mapping[str, list[str]]) -> float | Void:
    status = _number(fields, "status")
    if isinstance(status, Void):
        return status
    if status == 1:
        return Void("the phone does not know its charging state")
    return float(status) if status in CHARGING_STATES else Void(f"{status} is not a charging state of Android")


def _volts(fields: Mapping[str, list[str]]) -> float | Void:
    raw = _number(fields, "voltage")
    return raw if isinstance(raw, Void) else gauge.volts(raw)


def _milliampere_hours(fields: Mapping[str, list[str]]) -> float | Void:
    raw = _number(fields, "charge counter")
    return raw if isinstance(raw, Void) else gauge.milliampere_hours(raw)


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh battery recorder."""
    source = Source((Command(("dumpsys", "battery")),))
    return ReadingRecorder(DECLARATION, source, parse, why_not_a_real_phone, interval_s)
