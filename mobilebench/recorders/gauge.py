"""Units and sign of what a phone's fuel gauge reports, decided in one place for all recorders.

Linux and Android have µA, µV and µAh, and a current into the battery is positive. Makers differ in both. A unit is
accepted only if no other one gives a value that a phone in use can have.

Sources: Documentation/ABI/testing/sysfs-class-power of Linux; `BatteryManager` of Android; public reports of mA and of
signs that are reversed (Samsung, OnePlus, Xiaomi).
"""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.recorders.reading import Void

MILLIAMPERES = (10, 9_999)
MICROAMPERES = (20_000, 20_000_000)
"""Sizes of raw currents that can only be mA, and only µA: a phone draws or is fed from some 10 mA to 20 A."""
LOWEST_VOLTS, HIGHEST_VOLTS = 2.5, 20.0
"""Of a battery of one to four cells that a device runs on."""
MICROAMPERE_HOURS = (50_000, 100_000_000)
"""Raw charges that can only be µAh; smaller ones fit mAh, too."""
CHARGING, DISCHARGING, NOT_CHARGING, FULL = 2.0, 3.0, 4.0, 5.0
"""Charging states of Android's `BatteryManager`."""
STATES = {
    "unknown": 1.0,
    "charging": CHARGING,
    "discharging": DISCHARGING,
    "not charging": NOT_CHARGING,
    "full": FULL,
}
"""Contents of the kernel's file `status`, in lower case."""
MOST_OTHER_SIGN = 0.05
"""Largest share of the currents of a discharged battery that may have the other sign."""


def milliamperes(raw: float) -> float | Void:
    """A raw current in mA, with its own sign."""
    size = abs(raw)
    if size == 0:
        return Void("a current of exactly 0 stands for one that is not measured")
    if MILLIAMPERES[0] <= size <= MILLIAMPERES[1]:
        return raw
    if MICROAMPERES[0] <= size <= MICROAMPERES[1]:
        return raw / 1000
    return Void(f"a current of {raw:.0f} fits neither mA nor µA")


def volts(raw: float) -> float | Void:
    """A raw voltage in V. Android's service has mV, the kernel µV."""
    for divisor in (1_000, 1_000_000):
        if LOWEST_VOLTS <= raw / divisor <= HIGHEST_VOLTS:
            return raw / divisor
    return Void(f"a voltage of {raw:.0f} is no voltage of a battery in mV or µV")


def milliampere_hours(raw: float) -> float | Void:
    """A raw charge counter in mAh. The counter may start anywhere."""
    if raw <= 0:
        return Void(f"a charge of {raw:.0f} stands for one that is not measured")
    if raw < MICROAMPERE_HOURS[0]:
        return Void(f"a charge of {raw:.0f} fits both mAh and µAh")
    return raw / 1000 if raw <= MICROAMPERE_HOURS[1] else Void(f"a charge of {raw:.0f} is impossible")


def into_battery(raw: float, state: float | None) -> float | Void:
    """A single raw current in mA, positive into the battery, by the charging state.

    While the battery is discharged the current flows out of it, whatever its sign is. While it is charged, the phone
    may draw more than the charger gives, so that only a positive current has a known direction.
    """
    found = milliamperes(raw)
    if isinstance(found, Void):
        return found
    if state == DISCHARGING:
        return -abs(found)
    if state == CHARGING and raw > 0:
        return found
    named = next((name for name, one in STATES.items() if one == state), "unknown").capitalize()
    return Void(f"the direction of a current of {raw:.0f} is not clear while the battery's status is {named}")


def sign_of_discharge(raw: Sequence[float]) -> float | Void:
    """The sign, 1 or -1, that the currents of a battery have that is discharged throughout."""
    sign = 1.0 if sum(raw) > 0 else -1.0
    if sum(value * sign <= 0 for value in raw) > MOST_OTHER_SIGN * len(raw):
        return Void("the battery's current changes its sign under load, so the battery was not only discharged")
    return sign
