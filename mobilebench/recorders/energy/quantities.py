"""Names and units of the series that the recorder of energy stores, shared by those who write and who read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mobilebench.core.records import Series

RECORDER = "energy"
PASS = "energy"

Key = tuple[str, str]
"""Name and unit of a series."""

MARK: Key = ("mark", "mark")
"""Moments of the window: 0 idle begins, 1 the block begins, 2 the block has ended, 3 the second idle time has ended."""
IDLE, BEGUN, ENDED, IDLE_ENDED = 0.0, 1.0, 2.0, 3.0

RAPL_COUNTER, RAPL_RANGE = "µJ", "µJ of range"
"""Units of a package's counter as it was read, and of the range after which it starts again at 0. The name is the
package's, such as `package-0`."""

CURRENT: Key = ("current", "as the gauge reports")
VOLTAGE: Key = ("voltage", "as the gauge reports")
CHARGE: Key = ("charge_counter", "as the gauge reports")
"""Raw values of the fuel gauge. Makers differ in unit and sign, which are decided when the series are read."""
STATUS: Key = ("status", "state")
"""Charging state of the battery: see `recorders.battery.CHARGING_STATES`."""
PLUGGED: Key = ("plugged", "state")
"""Power sources that are connected, as the sum of Android's numbers: 1 mains, 2 USB, 4 wireless, 8 dock; 0 none."""
SUSPENDED: Key = ("charging_suspended", "state")
"""1 while the phone was told to take no power from its cable."""

METER: Key = ("meter", "mW")
"""Power, as the external meter reports it; times are on this computer's clock."""

Method = Literal["rapl-package", "gauge-current", "gauge-charge", "meter"]

SCOPES: dict[Method, str] = {
    "rapl-package": "processor packages: cores, caches and an integrated GPU, without memory, disk and screen",
    "gauge-current": "the whole phone, from its battery: current × voltage",
    "gauge-charge": "the whole phone, from its battery: charge counter × voltage",
    "meter": "whatever the external meter feeds",
}
"""Method to what its energy includes."""


def series_of(found: Sequence[Series], key: Key) -> Series | None:
    """The series of energy with this name and unit; None if it was not stored."""
    return next((one for one in found if one.recorder == RECORDER and (one.name, one.unit) == key), None)
