"""Every parser of recorders for what a phone, a computer's files or a meter says, with texts to begin with.

`scripts/fuzz_recorders.py` and tests feed them with broken texts.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mobilebench.core import proc
from mobilebench.recorders import battery, clocks, cpu, current, gpu, load, logcat, ram, rapl, thermal, zones
from mobilebench.recorders.energy import fuel_gauge, meters
from mobilebench.recorders.frames import FrameParser, PhoneClock
from mobilebench.recorders.reading import Void, refusal
from tests.recorders.energy.test_fuel_gauge import FILES as GAUGE_FILES
from tests.recorders.energy.test_fuel_gauge import service

CAPTURED = sorted((Path(__file__).parent / "captured").glob("*.txt"))
TOKEN = "mobilebench-0011223344556677"


def zone_files(section: str) -> str:
    text = ""
    for line in section.splitlines():
        place, kind, raw = line.split(" ")
        if place.endswith("*"):
            text += f"/sys/class/thermal/{place}/{kind} {raw}\n"
        else:
            text += f"/sys/class/thermal/{place}/type {kind}\n/sys/class/thermal/{place}/temp {raw}\n"
    return text


def clock_files(section: str) -> str:
    folders = {"policy": "/sys/devices/system/cpu/cpufreq/{}/{} {}", "cpu": "/sys/devices/system/cpu/{}/cpufreq/{} {}"}
    lines = [line.split(" ", 2) for line in section.splitlines()]
    return "".join(folders[re.sub(r"\d", "", one[0])].format(*one) + "\n" for one in lines)


def supply_files(section: str) -> str:
    return "".join(f"/sys/class/power_supply/{line.replace(' ', '/', 1)}\n" for line in section.splitlines())


PREPARED: dict[str, Callable[[str], str]] = {
    "battery": str,
    "thermalservice": str,
    "zones": zone_files,
    "clocks": clock_files,
    "current": supply_files,
    "gpu": str,
}
"""Section of a captured file to what makes the text of it that its parser gets."""


def sections(file: Path) -> dict[str, str]:
    """The sections of a captured file by name."""
    parts = re.split(r"^== (\w+)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _halves(text: str) -> tuple[str, str]:
    """Two texts, as of two readings, from one."""
    first, _, second = text.partition("\f")
    return first, second


def _use(text: str) -> object:
    before, after = (cpu.parse(part) for part in _halves(text))
    return cpu.growth(before, after, 1.0)


def _times_at_clocks(text: str) -> object:
    before, after = (clocks.parse(part) for part in _halves(text))
    return clocks.over_block(before, after, 1.0)


def _frames(text: str) -> object:
    clock, parser, times = PhoneClock(), FrameParser(TOKEN), []
    for at, piece in enumerate(text.encode(errors="replace").split(b"\f")):
        times += [clock.at(one.uptime_s, float(at)) for one in parser.feed(piece)]
    assert times == sorted(times)
    return times


def _log(text: str) -> object:
    lines = logcat.parse(text)
    assert all(len(line) <= logcat.LONGEST_LINE for line in lines)
    return lines


def _stat(text: str) -> object:
    found = proc.parse_stat(text)
    return [] if found is None else [found.id, found.name, found.cpu_seconds, found.ended_children_seconds]


def _known(found: float | str | None) -> object:
    return [] if found is None else [found]


def _meter(text: str) -> object:
    last: float | None = None
    values = []
    with contextlib.suppress(meters.BadSample):
        for line in text.splitlines():
            one = meters.after(meters.sample(*[*line.split(), "", ""][:2]), last)
            last = one.time_s
            values += [one.time_s, one.power_mw]
    return values


PARSERS: dict[str, Callable[[str], object]] = {
    "battery": battery.parse,
    "thermalservice": thermal.parse,
    "zones": zones.parse,
    "clocks": clocks.parse,
    "current": current.parse,
    "gpu": gpu.parse,
    "cpu": cpu.parse,
    "cpu use": _use,
    "time in state": _times_at_clocks,
    "ram": ram.parse,
    "load": load.parse,
    "rapl": rapl.parse,
    "logcat": _log,
    "fuel gauge files": lambda text: fuel_gauge.parse_files(*_halves(text)),
    "fuel gauge service": fuel_gauge.parse_service,
    "frames": _frames,
    "meter": _meter,
    "refusal": lambda text: _known(refusal("battery", text)),
    "stat": _stat,
    "kib fields": proc.kib_fields,
    "load average": lambda text: _known(proc.load_average(text)),
}
"""Every parser by name. Each takes any text, and raises nothing."""

_STAT = (
    "/proc/stat cpu  {} 0 100 800 50 0 0 0 0 0\n/proc/7/stat 7 (a b) R 1 1 1 0 -1 0 0 0 0 0 {} 20 0 0 20 0 1 0 1 1 1\n"
)
_STATE = "/sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state 300000 {}\n"
_OTHERS = {
    "cpu": [_STAT.format(5, 7)],
    "cpu use": [
        f"{_STAT.format(5, 7)}\f{_STAT.format(9, 8)}",
        f"{_STAT.format(2**64 - 2, 2**31)}\f{_STAT.format(3, 1)}",
    ],
    "time in state": [f"{_STATE.format(5)}\f{_STATE.format(9)}", f"{_STATE.format(2**32 - 1)}\f{_STATE.format(1)}"],
    "ram": ["/proc/meminfo MemAvailable:    4000 kB\n/proc/7/status VmRSS:\t 2000 kB\n"],
    "load": ["/proc/loadavg 0.52 0.58 0.59 1/467 12345\n", "/proc/loadavg !denied\n"],
    "rapl": [
        "/sys/class/powercap/intel-rapl:0/name package-0\n/sys/class/powercap/intel-rapl:0/energy_uj 262143328850\n"
    ],
    "logcat": ["--------- beginning of crash\n11-29 22:00:00.000 1 2 F libc: \x1b[31mred\x00\n"],
    "fuel gauge files": [GAUGE_FILES + "\f"],
    "fuel gauge service": [service(), service(usb="true", status=2)],
    "frames": [f"{TOKEN} o0 100.00\n/sys/a cpu\n\f{TOKEN} 0 101.25\n/sys/b 1\n\f{TOKEN} end 2.00\n{TOKEN} end 3.00\n"],
    "meter": ["12.000500 1843.2\n12.5 -3\n13 0.5e1\n"],
    "refusal": ["Can't find service: battery\n", "*** SERVICE 'battery' DUMP TIMEOUT (10000ms) EXPIRED ***\n"],
    "stat": ["7 (a b) R 1 1 1 0 -1 0 0 0 0 0 5 20 0 0 20 0 1 0 12345 1 1\n"],
    "kib fields": ["MemTotal:       11700000 kB\nMemAvailable:    4000 kB\n"],
    "load average": ["0.52 0.58 0.59 1/467 12345\n"],
}


def seeds() -> Mapping[str, list[str]]:
    """Good texts of every parser: those of captured phones, and others."""
    captured = {name: [prepare(sections(file)[name]) for file in CAPTURED] for name, prepare in PREPARED.items()}
    return {**captured, **_OTHERS}


def require_sound(found: object) -> None:
    """What a parser may give: finite numbers, texts, and reasons in place of missing values.

    Raises:
        AssertionError: it is something else.
    """
    if isinstance(found, Mapping):
        for value in found.values():
            require_sound(value)
    elif isinstance(found, list | tuple):
        for value in found:
            require_sound(value)
    elif isinstance(found, Void):
        assert found.reason.strip()
        assert len(found.reason) < 2000
    elif isinstance(found, float | int):
        assert math.isfinite(found)
    else:
        assert isinstance(found, str)
