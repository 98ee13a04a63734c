"""Use of the processor: by everything on the target, and by the processes that measure.

Those are the runner, the worker of TensorFlow or Node, or of a browser the processes of its pages and of its GPU.
"""

from __future__ import annotations

import re

from mobilebench.core import proc
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import COUNTER, ReadingRecorder, Readings, Void
from mobilebench.recorders.sources import Files, Measured, Source, lines_of, why_none

WHOLE, MEASURED, OTHERS = ("whole", "%"), ("measured", "%"), ("others", "%")
DECLARATION = Declaration(
    name="cpu",
    title="Processor use",
    description="Use of all cores together (%), by the measured processes (% of one core) and by all others (% of all "
    "cores), from /proc.",
    cost="during the block",
    quantities=(Quantity(*WHOLE, "Use of all cores"), Quantity(*MEASURED, "Use by the measured processes")),
    sampled=True,
)
SOURCE = Source((Files(("/proc/stat",)), Measured("stat")))

_BUSY, _TOTAL = ("busy", COUNTER), ("total", COUNTER)
_PROCESS = "process "
_HIDDEN = ("hidden", COUNTER)
_FIELDS = re.compile(r"cpu +(\d{1,18}(?: +\d{1,18}){6,9})")
_IDLE, _IOWAIT, _KERNEL_FIELDS = 3, 4, 8
"""Of the fields, `guest` and `guest_nice` come after the first eight and are already counted in `user` and `nice`."""


def parse(text: str) -> Readings:
    """Counters of the processor and of each measured process, in clock ticks."""
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
        if not re.search(r"/proc/\d{1,9}/stat$", path):
            continue
        if stat := proc.parse_stat(line):
            readings[f"{_PROCESS}{stat.id}", COUNTER] = float(stat.cpu_ticks)
        elif line == "!denied":
            readings[_HIDDEN] = Void(why_none([(path, line)], "the measured process"))
    return readings


def growth(before: Readings, after: Readings, seconds: float) -> Readings:
    """Percentages between two readings. That of the measured processes is of those that both have seen."""
    total, busy = _grown(before, after, _TOTAL), _grown(before, after, _BUSY)
    readings: Readings = {}
    if isinstance(total, Void) or isinstance(busy, Void):
        readings[WHOLE] = total if isinstance(total, Void) else busy
    elif total <= 0 or not 0 <= busy <= total:
        readings[WHOLE] = Void("the counters of the processor did not grow")
    else:
        readings[WHOLE] = 100 * busy / total
    own = [key for key in after if key[0].startswith(_PROCESS) and key in before]
    ticks = [grown for key in own if not isinstance(grown := _grown(before, after, key), Void) and grown >= 0]
    if ticks and seconds > 0:
        readings[MEASURED] = 100 * sum(ticks) / proc.TICKS_PER_SECOND / seconds
        if not isinstance(readings[WHOLE], Void) and not isinstance(total, Void) and not isinstance(busy, Void):
            readings[OTHERS] = 100 * max(0.0, busy - sum(ticks)) / total
    elif _HIDDEN in after:
        readings[MEASURED] = after[_HIDDEN]
    return readings


def _grown(before: Readings, after: Readings, key: tuple[str, str]) -> float | Void:
    first, second = (one.get(key, one.get(WHOLE)) for one in (before, after))  # a reading that failed has only `whole`
    if isinstance(first, Void) or isinstance(second, Void):
        return first if isinstance(first, Void) else second  # type: ignore[return-value]
    return second - first if first is not None and second is not None else Void("it was read only once")


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh recorder of the processor's use."""
    never = "the measured process was not seen by two readings in a row: it ended early, or is hidden"
    return ReadingRecorder(
        DECLARATION, SOURCE, parse, interval_s=interval_s, growth=growth, sometimes={MEASURED: never, OTHERS: never}
    )
