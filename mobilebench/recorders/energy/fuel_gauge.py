"""The fuel gauge of a phone's battery: raw readings, and whether the battery really feeds the phone.

Readings come from `/sys/class/power_supply/battery`. Where the shell may not read these files, charge counter, voltage
and charging state come from `dumpsys battery`, which has no current.

Source of names, units and states: Documentation/ABI/testing/sysfs-class-power of Linux, and Android's `BatteryManager`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Series
from mobilebench.recorders import battery, gauge, reading
from mobilebench.recorders.base import Observable
from mobilebench.recorders.energy.quantities import (
    CHARGE,
    CURRENT,
    PLUGGED,
    RECORDER,
    STATUS,
    SUSPENDED,
    VOLTAGE,
    Key,
)
from mobilebench.recorders.reading import Void

FOLDER = "/sys/class/power_supply/battery"
FILES: dict[str, Key] = {
    "current_now": CURRENT,
    "voltage_now": VOLTAGE,
    "charge_counter": CHARGE,
    "status": STATUS,
    "input_suspend": SUSPENDED,
}
"""Files of the folder to the series that they fill. `input_suspend` exists in kernels for Qualcomm's chargers."""
INTERVAL_S = {"files": 0.5, "service": 1.0}
"""Time between two readings. Gauges update every 0.25 to 10 s; `dumpsys` takes processor time of the phone."""
LIMIT_SECONDS = 5.0
_MOST_BYTES = 100_000

Source = Literal["files", "service"]

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PLUGS = {"ac powered": 1, "usb powered": 2, "wireless powered": 4, "dock powered": 8}
_NAMES = {1: "mains", 2: "USB", 4: "a wireless charger", 8: "a dock"}
_HOW = "unplug it and use adb over Wi-Fi, or suspend charging (docs/energy.md)"

Values = dict[Key, float | Void]


def parse_files(stdout: str, stderr: str) -> Values:
    """Values of the files in `FOLDER`, from what `grep -H '' FILE…` printed."""
    found: Values = {}
    for name, key in FILES.items():
        path = f"{FOLDER}/{name}"
        lines = [line.removeprefix(f"{path}:") for line in stdout.splitlines() if line.startswith(f"{path}:")]
        if len(lines) == 1:
            found[key] = _state(lines[0]) if key == STATUS else _number(lines[0], path)
        elif lines:
            found[key] = Void(f"{path} holds {len(lines)} lines")
        else:
            found[key] = Void(_why_unreadable(path, stderr))
    if found[SUSPENDED] not in (0.0, 1.0):
        del found[SUSPENDED]
    return found


def parse_service(text: str) -> Values:
    """Voltage, charge counter, charging state and connected power, from what `dumpsys battery` printed."""
    why = reading.refusal("battery", text)
    fields = battery.service_fields(text)
    if why is None and fields is None:
        why = "the answer is not the state of a battery"
    why = why or battery.why_faked(text)
    if why is not None or fields is None:
        return dict.fromkeys((VOLTAGE, CHARGE, STATUS, PLUGGED), Void(why or ""))
    return {
        VOLTAGE: _of_service(fields, "voltage"),
        CHARGE: _of_service(fields, "charge counter"),
        STATUS: _of_service(fields, "status"),
        PLUGGED: _plugged(fields),
    }


def _of_service(fields: Mapping[str, list[str]], name: str) -> float | Void:
    values = set(fields.get(name, ()))
    if len(values) != 1:
        return Void(f"the phone reports {'several values of' if values else 'no'} {name} of its battery")
    return _number(next(iter(values)), name)


def _plugged(fields: Mapping[str, list[str]]) -> float | Void:
    known = {number: set(fields[name]) for name, number in _PLUGS.items() if name in fields}
    if not {1, 2} <= known.keys() or any(values - {"true", "false"} or len(values) > 1 for values in known.values()):
        return Void("the phone does not say whether it is plugged in")
    return float(sum(number for number, values in known.items() if "true" in values))


def _number(text: str, what: str) -> float | Void:
    return float(text.strip()) if _WHOLE.fullmatch(text.strip()) else Void(f"{what} is {text[:40]!r}, not a number")


def _state(text: str) -> float | Void:
    return gauge.STATES.get(text.strip().lower(), Void(f"{text[:40]!r} is not a charging state"))


def _why_unreadable(path: str, stderr: str) -> str:
    line = next((line for line in stderr.splitlines() if path in line), "")
    if "denied" in line.lower():
        return f"the phone does not let a shell read {path}"
    return f"the phone has no {path}"


def plugged_names(plugged: float) -> str:
    """The power sources that are connected: `USB`, or `mains and USB`."""
    return " and ".join(name for number, name in _NAMES.items() if int(plugged) & number) or "nothing"


def why_not_discharging(values: Values) -> str | None:
    """Why the battery does not feed the phone alone, as a clause; None when it does as far as its state tells."""
    plugged, status = values.get(PLUGGED, Void("")), values.get(STATUS, Void(""))
    if isinstance(plugged, Void):
        return f"it is not known whether the phone is plugged in: {plugged.reason or 'it was not read'}"
    if plugged and values.get(SUSPENDED) != 1.0:
        return f"powered by {plugged_names(plugged)}; {_HOW}"
    if status in (gauge.CHARGING, gauge.FULL):
        return f"the battery is {'charging' if status == gauge.CHARGING else 'full and fed by a charger'}; {_HOW}"
    return None


@dataclass
class FuelGauge:
    """Reads the gauge of one phone during one block."""

    target: Observable
    began: float
    source: Source = "files"
    failure: str | None = None
    _times: list[float] = field(default_factory=list)
    _values: list[Values] = field(default_factory=list)

    @property
    def interval_s(self) -> float:
        return INTERVAL_S[self.source]

    def probe(self) -> str | None:
        """Choose the source of readings. Returns why the energy of this phone cannot be told now; None if it can."""
        service, files = read_service(self.target), read_files(self.target)
        if all(isinstance(files.get(key), Void) for key in (CURRENT, CHARGE)):
            self.source = "service"
        if reason := why_not_discharging({**files, STATUS: service[STATUS], PLUGGED: service[PLUGGED]}):
            return reason
        missing = [value.reason for value in (files[CURRENT], service[CHARGE]) if isinstance(value, Void)]
        return "; ".join(missing) if self.source == "service" and isinstance(service[CHARGE], Void) else None

    def read_state(self) -> None:
        """Read what is plugged in, which only the service tells; called before and after the window."""
        begun, service = time.monotonic(), read_service(self.target)
        kept = {key: service[key] for key in (PLUGGED, STATUS)}
        self._append(begun, kept if self.source == "files" else service)

    def read(self, ended: Event | None = None) -> None:
        """Take one reading. Its time is the middle of the time that it takes."""
        begun = time.monotonic()
        self._append(begun, (read_files if self.source == "files" else read_service)(self.target, ended))

    def _append(self, begun: float, values: Values) -> None:
        self._times.append((begun + time.monotonic()) / 2)
        self._values.append(values)

    def series(self) -> list[Series]:
        """The readings of each quantity, with the reason of those that are missing."""
        keys = dict.fromkeys([CURRENT, CHARGE, VOLTAGE, STATUS, PLUGGED, *(key for one in self._values for key in one)])
        return [self._series(key) for key in keys]

    def _series(self, key: Key) -> Series:
        read = [(at, value[key]) for at, value in zip(self._times, self._values, strict=True) if key in value]
        known = [(at, value) for at, value in read if not isinstance(value, Void)]
        reasons = dict.fromkeys(value.reason for _, value in read if isinstance(value, Void))
        if not read:
            source = "`dumpsys battery`" if self.source == "service" else FOLDER
            reasons[f"{source} does not tell it"] = None
        if self.failure:
            reasons[self.failure] = None
        return Series(
            recorder=RECORDER,
            name=key[0],
            unit=key[1],
            interval_ms=self.interval_s * 1000,
            times_ms=[(at - self.began) * 1000 for at, _ in known],
            values=[value for _, value in known],
            reason="; ".join(reasons) or None,
        )


def read_files(target: Observable, ended: Event | None = None) -> Values:
    """One reading of the files in `FOLDER`."""
    command = ["grep", "-H", "", *(f"{FOLDER}/{name}" for name in FILES)]
    try:
        answer = target.observe(command, timeout=LIMIT_SECONDS, cancel=ended)
    except BlockFailed as error:
        if ended is not None and ended.is_set():
            raise
        return dict.fromkeys((CURRENT, VOLTAGE, CHARGE, STATUS), Void(error.message.rstrip(".")))
    return parse_files(*(one[:_MOST_BYTES].decode(errors="replace") for one in (answer.stdout, answer.stderr)))


def read_service(target: Observable, ended: Event | None = None) -> Values:
    """One reading of `dumpsys battery`."""
    try:
        answer = target.observe(["dumpsys", "battery"], timeout=LIMIT_SECONDS, cancel=ended)
    except BlockFailed as error:
        if ended is not None and ended.is_set():
            raise
        return dict.fromkeys((VOLTAGE, CHARGE, STATUS, PLUGGED), Void(error.message.rstrip(".")))
    output = answer.stdout[:_MOST_BYTES].decode(errors="replace")
    return parse_service(output if output.strip() else answer.stderr[:_MOST_BYTES].decode(errors="replace"))
