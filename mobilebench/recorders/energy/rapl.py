"""Energy counters of Intel and AMD processors (RAPL), in `/sys/class/powercap` and `/sys/class/hwmon` of Linux.

Only packages are read. A package includes its cores, so that adding `core` would count them twice; `dram` and `psys`
are other scopes, and `intel-rapl-mmio` shows the same package again.

Sources:
    Documentation/power/powercap/powercap.rst of Linux (`energy_uj`, `max_energy_range_uj`; AMD since Linux 5.8).
    drivers/hwmon/amd_energy.c of Linux 5.8 to 5.12 (`energyN_input` in µJ, a 64-bit sum, `Esocket0` the first package).
    CVE-2020-8694: since Linux 5.10 only root may read `energy_uj`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mobilebench.recorders.reading import Void

SYSFS = Path("/sys")
INTERVAL_S = 0.2
"""Time between two readings. At 250 W a counter of 2^32 × 61 µJ starts again after 17 minutes, so none is missed."""

_PACKAGE = re.compile(r"package-\d{1,4}(-die-\d{1,4})?")
_SOCKET = re.compile(r"Esocket(\d{1,4})")
_WHOLE = re.compile(r"[0-9]{1,20}")
_HWMON_RANGE = 2.0**64
_DENIED = (
    "this user may not read {file} (since Linux 5.10 only root may); "
    "`sudo chmod a+r {folder}/*/energy_uj` allows it until the next start of this computer"
)
_ABSENT = (
    "this computer shows no energy counters of its processor (no package in {folder}): "
    "virtual machines and processors other than Intel's and AMD's lack them"
)


@dataclass(frozen=True)
class Package:
    """One processor package, and where its counter is read."""

    name: str
    """Such as `package-0`."""
    counter: Path
    range_uj: float
    """The counter starts again at 0 after this value."""

    def read(self) -> float | Void:
        """Its counter in µJ."""
        return _number(self.counter)


def packages(sysfs: Path = SYSFS) -> list[Package] | Void:
    """The packages whose counters can be read, each once; else why there are none.

    Args:
        sysfs: where `/sys` is.
    """
    found = _powercap(sysfs) or _hwmon(sysfs)
    if not found:
        return Void(_ABSENT.format(folder=sysfs / "class/powercap"))
    for one in found:
        if isinstance(value := one.read(), Void):
            return value
        if one.range_uj <= 0:
            return Void(f"{one.name} does not say when its counter starts again at 0")
    return found


def _powercap(sysfs: Path) -> list[Package]:
    found: dict[str, Package] = {}
    for zone in sorted((sysfs / "class/powercap").glob("intel-rapl:*")):
        name = _text(zone / "name")
        if _PACKAGE.fullmatch(name) and name not in found:
            most = _number(zone / "max_energy_range_uj")
            found[name] = Package(name, zone / "energy_uj", 0.0 if isinstance(most, Void) else most)
    return list(found.values())


def _hwmon(sysfs: Path) -> list[Package]:
    """Packages of the driver amd_energy."""
    found = []
    for device in sorted((sysfs / "class/hwmon").glob("hwmon*")):
        if _text(device / "name") == "amd_energy":
            for label in sorted(device.glob("energy*_label")):
                if socket := _SOCKET.fullmatch(_text(label)):
                    counter = label.with_name(label.name.replace("_label", "_input"))
                    found.append(Package(f"package-{socket[1]}", counter, _HWMON_RANGE))
    return found


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(100).decode(errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> float | Void:
    try:
        with file.open("rb") as stream:
            text = stream.read(100).decode(errors="replace").strip()
    except PermissionError:
        return Void(_DENIED.format(file=file, folder=file.parent.parent))
    except OSError as error:
        return Void(f"{file} cannot be read ({error.strerror})")
    return float(text) if _WHOLE.fullmatch(text) else Void(f"{file} does not hold a number")
