"""Thermal zones of the kernel: the hottest sensor of each kind, on phones whose sensors a shell may read.

The unit differs by maker, even within one phone: thousandths, tenths or whole degrees. A value is used only if one unit
gives a temperature that a device in use can have. On this computer, sensors of hwmon are read too.
"""

from __future__ import annotations

import re

from mobilebench.core.records import TargetInfo
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import EMULATOR, MADE_UP, ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of, why_none

DEGREES = "°C"
KINDS = ("cpu", "gpu", "npu", "battery", "skin")
DECLARATION = Declaration(
    name="zones",
    title="Thermal zones",
    description="Hottest CPU, GPU, NPU, battery and skin sensor (°C), from the kernel's thermal zones and hwmon.",
    cost="during the block",
    quantities=(Quantity("cpu", DEGREES, "Hottest CPU zone"), Quantity("battery", DEGREES, "Battery zone")),
    sampled=True,
)

_ZONES = "/sys/class/thermal/thermal_zone*"
_HWMON = "/sys/class/hwmon/hwmon*"
SOURCE = Source(
    each=(Files((f"{_ZONES}/temp",), here_too=(f"{_HWMON}/temp*_input",)),),
    once=(Files((f"{_ZONES}/type",), here_too=(f"{_HWMON}/name",)),),
)
_FILE = re.compile(r".*/(thermal_zone\d{1,4}|hwmon\d{1,4})/(type|temp|name|temp\d{1,3}_input)")

_NO_TEMPERATURE = re.compile(r"bcl|[vi]bat|lvl\d|^soc$|pmic-?ocp|chg_?(?:soc|level)|charge_?limit|-lowf$")
"""Zones of voltages, currents, levels or the battery's state of charge (Qualcomm's `soc`), or of the coolest sensor."""
_NAMES = (
    ("skin", r"skin|quiet[-_]?therm|case[-_]?therm|(?:back|front|frame|shell)[-_]?(?:temp|therm)|shell_|neutral"),
    ("battery", r"^bms$|^batt?(?:ery)?\b|battery|batt?[-_]?(?:therm|temp)|^bat(?:tz)?$|mtktsbattery"),
    ("gpu", r"gpu|g3d|mali"),
    ("npu", r"npu|tpu|nsp|apu|vpu|mdla|aipu"),
    ("cpu", r"cpu|^apc|^big\d*$|^mid\d*$|^little\d*$|^lit$|cluster|^ap$|^mngs|^apollo|coretemp|k10temp|^x86_pkg_temp"),
)
"""Kinds by name of the zone, in lower case. Qualcomm: `cpu-1-2-usr`, `gpuss-0-usr`, `nspss-0`; Exynos, Tensor: `BIG`,
`LITTLE`, `G3D`, `TPU`; MediaTek: `mtktscpu`, `cpu-big1`, `apu`; Kirin: `cluster0`, `gpu`, `shell_frame`."""


def kind_of(name: str) -> str | None:
    """The kind of sensor of a zone, by its name; None for zones that are of no use here."""
    lower = name.strip().lower()
    if _NO_TEMPERATURE.search(lower):
        return None
    return next((kind for kind, pattern in _NAMES if re.search(pattern, lower)), None)


_SENTINELS = {32_767, 65_535, 127_000, 125_000, 255_000, 850, 999, 9_999, 99_000}
"""Values that stand for a sensor that is not connected or out of range."""


def celsius(raw: str) -> float | Void:
    """A zone's value in °C."""
    if not re.fullmatch(r"-?\d{1,12}", raw):
        return Void("it could not be read" if raw.startswith("!") else f"{raw[:20]} is not a number")
    value = int(raw)
    if value == 0:
        return Void("0 stands for a sensor that is not measured")
    if value < 0:
        return Void(f"{value} stands for a sensor that is not connected")
    if value in _SENTINELS:
        return Void(f"{value} stands for a sensor that is out of range")
    if 10 <= value < 100:
        return float(value)
    if 200 <= value < 1000:
        return value / 10
    if 10_000 <= value < 125_000:
        return value / 1000
    return Void(f"{value} is no temperature of a device in use in any unit")


def parse(text: str) -> Readings:
    """The hottest sensor of each kind."""
    found = list(lines_of(text))
    names: dict[str, str] = {}
    values: list[tuple[str, str]] = []
    for path, line in found:
        if part := _FILE.fullmatch(path):
            if part[2] in {"type", "name"}:
                names[part[1]] = line
            else:
                values.append((part[1], line))
    by_kind: dict[str, list[float | Void]] = {}
    for place, line in values:
        if kind := kind_of(names.get(place, "")):
            by_kind.setdefault(kind, []).append(celsius(line))
    if not by_kind:
        return {("cpu", DEGREES): Void(_why_no_zone(found, names, bool(values)))}
    return {(kind, DEGREES): _hottest(by_kind[kind]) for kind in KINDS if kind in by_kind}


def _why_no_zone(found: list[tuple[str, str]], names: dict[str, str], values: bool) -> str:
    usable = [name for name in names.values() if not name.startswith("!")]
    if usable and values:
        return f"none of the {len(usable)} zones has a name that tells what it measures"
    shown = [one for one in found if "*" not in one[0]] or found
    return why_none(shown, "temperatures of thermal zones")


def _hottest(values: list[float | Void]) -> float | Void:
    known = [value for value in values if not isinstance(value, Void)]
    if known:
        return max(known)
    reasons = dict.fromkeys(value.reason for value in values if isinstance(value, Void))
    return Void("; ".join(list(reasons)[:3]))


def _why_not(target: TargetInfo) -> str | None:
    return MADE_UP if EMULATOR in target.facts else None


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of thermal zones."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, _why_not, interval_s)
