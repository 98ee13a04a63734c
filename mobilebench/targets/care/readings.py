"""What gates read of a target: temperatures, thermal status, charge, load, and the probe.

A phone's temperature is that of its skin, else of its battery as the thermal service reports it, else as `dumpsys
battery` does. Of this computer only the load and the CPU's temperature are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from mobilebench.core import proc
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import GateKey
from mobilebench.recorders import battery, load, thermal
from mobilebench.recorders.base import Observable
from mobilebench.recorders.reading import LIMIT_SECONDS, MOST_HANGS, Readings, Void, hung, why_not_a_real_phone
from mobilebench.targets.care.probe import Probe

HWMON = Path("/sys/class/hwmon")
_CPU_SENSORS = frozenset({"coretemp", "k10temp", "zenpower", "cpu_thermal"})
"""Names of the drivers that report the temperature of this computer's CPU."""
_COLDEST, _HOTTEST = -40.0, 150.0

_NOT_CHARGING = (3.0, 4.0)
"""Charging states of a battery whose charge does not rise: discharging, not charging."""

_SAVER = ("low_power", "state")


def _parse_saver(text: str) -> Readings:
    """0 or 1 from `settings get global low_power`; a phone on which it was never set says `null`."""
    word = text.strip()
    if word in ("0", "null"):
        return {_SAVER: 0.0}
    return {_SAVER: 1.0 if word == "1" else Void(f"{word[:40]!r} is no state of the battery saver")}


def _load(text: str) -> Readings:
    """The one-minute load average from `/proc/loadavg`."""
    average = proc.load_average(text)
    return {load.LOAD: Void("/proc/loadavg holds no load average") if average is None else average}


_COMMANDS: Mapping[str, tuple[tuple[str, ...], Callable[[str], Readings], tuple[tuple[str, str], ...]]] = {
    "thermal": (("dumpsys", "thermalservice"), thermal.parse, thermal.KEYS),
    "battery": (("dumpsys", "battery"), battery.parse, battery.KEYS),
    "load": (("cat", "/proc/loadavg"), _load, (load.LOAD,)),
    "saver": (("settings", "get", "global", "low_power"), _parse_saver, (_SAVER,)),
}
"""Name to command, parser, and the series that are always expected."""


@dataclass(frozen=True)
class Found:
    """What was found for one limit."""

    source: str
    unit: str
    value: float | Void
    hopeless: str | None = None
    """Why waiting does not change the value, as a clause."""


class Reader:
    """Reads one target, which may be opened again meanwhile. A command that hung twice in a row is not run again."""

    def __init__(self, hwmon: Path = HWMON) -> None:
        self._hwmon = hwmon
        self._hangs: Counter[str] = Counter()
        self._probe = Probe()

    def read(self, target: Observable, keys: Collection[GateKey], cancel: Event | None = None) -> dict[GateKey, Found]:
        """Read these things now. A thing that cannot be read has a `Void` with the reason.

        Raises:
            BlockFailed: `cancel` was set.
            TargetLost: the target went away.
        """
        reading = _Reading(self._hangs, target, cancel)
        return {key: self._one(key, reading) for key in keys}

    def _one(self, key: GateKey, reading: _Reading) -> Found:
        target = reading.target
        if key == "probe":
            return Found("probe", "times its first time", self._probe.read(target, reading.cancel))
        if key == "load":
            average = reading.of("load", load.LOAD)
            each = average if isinstance(average, Void) else average / target.info.cores
            return Found("load average of each core", "", each)
        if target.info.kind == "host":
            return Found("CPU", "°C", hottest_cpu(self._hwmon)) if key == "cpu" else Found(key, "", _NO_PHONE)
        return _OF_PHONES[key](reading)


class _Reading:
    """One reading of a target: each command runs at most once."""

    def __init__(self, hangs: Counter[str], target: Observable, cancel: Event | None) -> None:
        self._hangs = hangs
        self.target = target
        self.cancel = cancel
        self._answers: dict[str, Readings | Void] = {}

    def of(self, name: str, key: tuple[str, str]) -> float | Void:
        """One value of a command's answer."""
        if name not in self._answers:
            self._answers[name] = self._ask(name)
        answer = self._answers[name]
        return answer if isinstance(answer, Void) else answer.get(key, Void("the phone does not list it"))

    def _ask(self, name: str) -> Readings | Void:
        command, parse, keys = _COMMANDS[name]
        said = f"`{' '.join(command)}`"
        if name != "load" and (why := why_not_a_real_phone(self.target.info)):
            return Void(why)
        if self._hangs[name] >= MOST_HANGS:
            return Void(f"{said} was not run again, because it had not answered {MOST_HANGS} times")
        try:
            answer = self.target.observe(command, timeout=LIMIT_SECONDS, cancel=self.cancel)
        except BlockFailed as error:
            if self.cancel is not None and self.cancel.is_set():
                raise
            if error.fault != "hang":
                return Void(error.message.rstrip("."))
            self._hangs[name] += 1
            return Void(f"{said} did not answer within {LIMIT_SECONDS:g} s")
        output = (answer.stdout if answer.exit_code == 0 and answer.stdout.strip() else answer.stderr + answer.stdout)[
            :_LONGEST
        ].decode(errors="replace")
        self._hangs[name] = self._hangs[name] + 1 if hung(output) else 0
        found = parse(output)
        if answer.exit_code == 0:
            return found
        failed = Void(f"{said} failed (exit code {answer.exit_code})")
        return {key: one if isinstance(one := found.get(key, failed), Void) else failed for key in keys}


_LONGEST = 1_000_000
"""The most bytes of an answer that are looked at."""
_NO_PHONE = Void("only phones tell this")


def _temperature(reading: _Reading) -> Found:
    for name, source in (("skin", "skin"), ("battery", "battery")):
        value = reading.of("thermal", (name, "°C"))
        if not isinstance(value, Void):
            return Found(source, "°C", value)
    return Found("battery", "°C", reading.of("battery", battery.TEMPERATURE))


def _charge(reading: _Reading) -> Found:
    state = reading.of("battery", battery.STATUS)
    why = "it is not charging, so waiting does not help" if state in _NOT_CHARGING else None
    return Found("battery charge", "%", reading.of("battery", battery.LEVEL), why)


def _saver(reading: _Reading) -> Found:
    why = "waiting does not switch it off"
    return Found("battery saver", "", reading.of("saver", _SAVER), why)


_OF_PHONES: Mapping[GateKey, Callable[[_Reading], Found]] = {
    "temperature": _temperature,
    "cpu": lambda reading: Found("CPU", "°C", reading.of("thermal", ("cpu", "°C"))),
    "status": lambda reading: Found("thermal status", "", reading.of("thermal", thermal.STATUS)),
    "battery": _charge,
    "battery_saver": _saver,
}


def hottest_cpu(hwmon: Path = HWMON) -> float | Void:
    """The hottest sensor of this computer's CPU in °C, from Linux's hwmon."""
    found: list[float] = []
    try:
        for driver in sorted(hwmon.glob("hwmon*")):
            if (driver / "name").read_text(encoding="utf-8").strip() in _CPU_SENSORS:
                found += [value for file in driver.glob("temp*_input") if (value := _celsius(file)) is not None]
    except (OSError, UnicodeDecodeError) as error:
        return Void(f"this computer's sensors cannot be read ({type(error).__name__})")
    return max(found) if found else Void("this computer reports no temperature of its CPU")


def _celsius(file: Path) -> float | None:
    try:
        value = int(file.read_text(encoding="ascii").strip()) / 1000
    except (OSError, ValueError):
        return None
    return value if _COLDEST < value < _HOTTEST and value != 0 else None
