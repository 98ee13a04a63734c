"""Use of the processor: by everything on the target, and by the measured process."""

from __future__ import annotations

import re

from mobilebench.core import proc
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import COUNTER, ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Measured, Source, lines_of, why_none

WHOLE, MEASURED = ("whole", "%"), ("measured", "%")
DECLARATION = Declaration(
    name="cpu",
    title="Processor use",
    description="Use of all cores together (%), and of the measured process (% of one core), from /proc.",
    cost="during the block",
    quantities=(Quantity(*WHOLE, "Use of all cores"), Quantity(*MEASURED, "Use by the measured process")),
    sampled=True,
)
SOURCE = Source((Files(("/proc/stat",)), Measured("stat")))

_BUSY, _TOTAL, _TICKS, _ID = (
    ("busy", COUNTER),
    ("total", COUNTER),
    ("process", COUNTER),
    ("process id", COUNTER),
)
_FIELDS = re.compile(r"cpu +(\d{1,18}(?: +\d{1,18}){6,9})")
_IDLE, _IOWAIT, _KERNEL_FIELDS = 3, 4, 8
"""Of the fields, `guest` and `guest_nice` come after the first eight and are already counted in `user` and `nice`."""


def parse(text: str) -> Readings:
    """Counters of the processor and of the measured process, in clock ticks."""
    readings: Readings = {}
    found = list(lines_of(text))
    whole = [one for one in found if re.search(r"/proc/stat$", one[0])]
    fields = next((part[1] for _, line in whole if (part := _FIELDS.fullmatch(line))), None)
    if fields:
        ticks = [float(word) for word in fields.split()][:_KERNEL_FIELDS]
        readings |= {_TOTAL: sum(ticks), _BUSY: sum(ticks) - ticks[_IDLE] - ticks[_IOWAIT]}
    else:
        readings[_TOTAL] = readings[_BUSY] = Void(why_none(whole, "use of the processor"))
    for path, line in found:
        if re.search(r"/proc/\d{1,9}/stat$", path) and (stat := proc.parse_stat(line)):
            readings |= {_TICKS: float(stat.cpu_ticks), _ID: float(stat.id)}
    return readings


def growth(before: Readings, after: Readings, seconds: float) -> Readings:
    """Percentages between two readings; that of the process only if both have seen it."""
    total, busy = _grown(before, after, _TOTAL), _grown(before, after, _BUSY)
    readings: Readings = {}
    if isinstance(total, Void) or isinstance(busy, Void):
        readings[WHOLE] = total if isinstance(total, Void) else busy
    elif total <= 0 or not 0 <= busy <= total:
        readings[WHOLE] = Void("the counters of the processor did not grow")
    else:
        readings[WHOLE] = 100 * busy / total
    if _ID in after and before.get(_ID) == after[_ID] and seconds > 0:
        ticks = _grown(before, after, _TICKS)
        if not isinstance(ticks, Void) and ticks >= 0:
            readings[MEASURED] = 100 * ticks / proc.TICKS_PER_SECOND / seconds
    return readings


def _grown(before: Readings, after: Readings, key: tuple[str, str]) -> float | Void:
    first, second = (one.get(key, one.get(WHOLE)) for one in (before, after))  # a reading that failed has only `whole`
    if isinstance(first, Void) or isinstance(second, Void):
        return first if isinstance(first, Void) else second  # type: ignore[return-value]
    return second - first if first is not None and second is not None else Void("it was read only once")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of the processor's use."""
    never = {MEASURED: "the measured process was not seen by two readings in a row"}
    return ReadingRecorder(DECLARATION, SOURCE, parse, interval_s=interval_s, growth=growth, sometimes=never)
