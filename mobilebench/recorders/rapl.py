"""Energy counters of a PC's processor (RAPL), as the kernel's powercap shows them."""

from __future__ import annotations

import re

from mobilebench.core.records import TargetInfo
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Source, lines_of, why_none

JOULES = "J"
DECLARATION = Declaration(
    name="rapl",
    title="Energy counters",
    description="RAPL counters of this computer's processor (J), such as package-0; they wrap around.",
    cost="during the block",
    quantities=(Quantity("package-0", JOULES, "Energy of the package"),),
    sampled=True,
)
_ZONES = "/sys/class/powercap/intel-rapl:*"
SOURCE = Source(each=(Files((), here_too=(f"{_ZONES}/energy_uj",)),), once=(Files((), here_too=(f"{_ZONES}/name",)),))
_FILE = re.compile(r".*/(intel-rapl(?::\d{1,3}){1,2})/(name|energy_uj)")


def parse(text: str) -> Readings:
    """Counters in joules by zone; zones within a package are named `package-0/core`."""
    found = list(lines_of(text))
    parts = [(part[1], part[2], line) for path, line in found if (part := _FILE.fullmatch(path))]
    names = {place: line for place, file, line in parts if file == "name"}
    readings: Readings = {}
    for place, file, line in parts:
        name = names.get(place, "!")
        if file == "energy_uj" and not name.startswith("!"):
            outer = names.get(place.rpartition(":")[0])
            full = f"{outer}/{name}" if outer and place.count(":") == 2 else name
            readings[full[:60], JOULES] = _joules(line)
    if not readings:
        counters = [one for one in found if one[0].endswith("energy_uj")]
        why = why_none(counters, "energy counters of its processor", phone_word="this computer")
        return {("package-0", JOULES): Void(why)}
    return readings


def _joules(line: str) -> float | Void:
    if line == "!denied":
        return Void("only root may read it")
    return int(line) / 1e6 if re.fullmatch(r"\d{1,18}", line) else Void(f"{line[:40]} is not an energy")


def _why_not(target: TargetInfo) -> str | None:
    return None if target.kind == "host" else "phones have no such counters"


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of energy counters."""
    return ReadingRecorder(DECLARATION, SOURCE, parse, _why_not, interval_s)
