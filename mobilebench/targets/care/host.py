"""Checks of this computer."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

from mobilebench.core import paths, proc
from mobilebench.recorders.reading import Void
from mobilebench.targets.care import limits, power, questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown

_GOOD_GOVERNORS = {"performance", "schedutil"}
_CELSIUS = range(1, 151)


def read(root: Path = Path("/")) -> dict[str, str | Void]:
    """This computer's answers by name; takes `questions.BUSY_SECONDS`.

    Args:
        root: folder that contains `proc` and `sys`.
    """
    first = _text(root / "proc/stat")
    time.sleep(questions.BUSY_SECONDS)
    cores = sorted(root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
    sensors = [
        *root.glob("sys/class/thermal/thermal_zone*/temp"),
        *root.glob("sys/class/hwmon/hwmon*/temp*_input"),
    ]
    supplies = sorted(root.glob("sys/class/power_supply/*"))
    return {
        "busy": f"{_cpu_line(first)}\n{_cpu_line(_text(root / 'proc/stat'))}",
        "memory": _text(root / "proc/meminfo"),
        "disk": _free_disk(),
        "governors": "\n".join(map(_text, cores)) if cores else Void("this computer shows no governor"),
        "temperatures": "\n".join(map(_text, sensors)) if sensors else Void("this computer shows no temperature"),
        "supplies": "\n".join(f"{_text(one / 'type')} {_text(one / 'online')}" for one in supplies),
    }


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def _cpu_line(stat: str) -> str:
    return stat.partition("\n")[0]


def _free_disk() -> str | Void:
    folder = paths.home()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return str(shutil.disk_usage(folder).free)
    except OSError as error:
        return Void(f"the free space of {folder} could not be read: {error.strerror}")


def _memory(seen: Examined) -> Finding:
    answer = seen.answer("memory")
    kib = None if isinstance(answer, Void) else proc.kib_fields(answer).get("MemAvailable")
    if kib is None:
        return unknown(Void("/proc/meminfo does not show the available memory"))
    megabytes = kib * 1024 / 1e6
    words = f"{megabytes:.0f} MB are available"
    return Finding("degraded", words) if megabytes < limits.LITTLE_MEMORY_MB else ok(words)


def _storage(seen: Examined) -> Finding:
    answer = seen.answer("disk")
    if isinstance(answer, Void):
        return unknown(answer)
    megabytes = int(answer) / 1e6
    words = f"{megabytes:.0f} MB are free"
    if megabytes < limits.NO_DISK_MB:
        return Finding("blocking", words)
    return Finding("degraded", words) if megabytes < limits.LITTLE_DISK_MB else ok(words)


def _governor(seen: Examined) -> Finding:
    answer = seen.answer("governors")
    if isinstance(answer, Void):
        return unknown(answer)
    names = sorted({line[:40] for line in answer.splitlines() if line})
    if not names:
        return unknown(Void("the governor could not be read"))
    words = ", ".join(names)
    return ok(words) if set(names) <= _GOOD_GOVERNORS else Finding("degraded", words)


def _temperature(seen: Examined) -> Finding:
    answer = seen.answer("temperatures")
    if isinstance(answer, Void):
        return unknown(answer)
    numbers = [questions.parse_number(line) for line in answer.splitlines()]
    degrees = [one / 1000 for one in numbers if one is not None and math.floor(one / 1000) in _CELSIUS]
    if not degrees:
        return unknown(Void("no sensor shows a possible temperature"))
    words = f"the hottest sensor shows {max(degrees):.0f} °C"
    return Finding("degraded", words) if max(degrees) >= limits.HOT_CPU_CELSIUS else ok(words)


def _mains(seen: Examined) -> Finding:
    answer = seen.answer("supplies")
    lines = "" if isinstance(answer, Void) else answer
    mains = [line.split() for line in lines.splitlines() if line.startswith(("Mains", "USB"))]
    if not mains:
        return unknown(Void("this computer shows no power supply"))
    return ok("on mains") if any(words[-1] == "1" for words in mains) else Finding("degraded", "on battery")


CHECKS = (
    Check(
        "load",
        f"Other work takes at most {limits.BUSY_SHARE * 100:g} % of the cores' time, over {questions.BUSY_SECONDS:g} s",
        "Other work takes time from the engine.",
        "Close other programs; `top` shows which are busy.",
        power.load,
    ),
    Check(
        "memory",
        f"At least {limits.LITTLE_MEMORY_MB} MB of memory are available",
        "A computer that swaps measures its disk.",
        "Close other programs.",
        _memory,
    ),
    Check(
        "storage",
        f"At least {limits.LITTLE_DISK_MB} MB are free for models, libraries and results; below {limits.NO_DISK_MB} MB "
        "it blocks",
        "Models and results are kept in mobilebench's home.",
        "Free some space: `mobilebench models prune` removes old models.",
        _storage,
    ),
    Check(
        "governor",
        f"The governor of every core is {' or '.join(sorted(_GOOD_GOVERNORS))}",
        "`powersave` and `ondemand` raise clocks late, so short blocks are measured at lower ones.",
        "Run `cpupower frequency-set -g performance` as root; mobilebench does not change it.",
        _governor,
    ),
    Check(
        "temperature",
        f"The hottest sensor is below {limits.HOT_CPU_CELSIUS:g} °C",
        "A hot processor throttles.",
        "Let it cool down, and look after dust and fans.",
        _temperature,
    ),
    Check(
        "mains",
        "The computer is on mains, if it has a battery",
        "Laptops limit their clocks on battery.",
        "Plug it in.",
        _mains,
    ),
)
