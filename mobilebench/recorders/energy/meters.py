"""External power meters: how they are named, and which samples are accepted from them.

`tcp:HOST:PORT` is a program that sends lines, `csv:FILE` a file that it writes (`meter_tcp`, `meter_csv`). Both are
untrusted: every line is checked, and the number of samples is limited.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mobilebench.core.errors import BadInput

MOST_SAMPLES = 500_000
"""Largest number of samples of one block: 5 kHz for 100 s."""
LONGEST_LINE = 200
"""Bytes of one line, with its end."""
MOST_MW = 1e6
"""Largest power that is believed: 1 kW. A meter may report a little less than 0 for nothing."""
MOST_SECONDS = 1e11
_DECIMAL = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?", re.ASCII)
_TCP = re.compile(r"tcp:(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252}):(\d{1,5})")
_HINT = "Write tcp:HOST:PORT or csv:FILE; docs/energy.md describes both."


class BadSample(ValueError):
    """A line of a meter that is not a sample; the message is a clause."""


@dataclass(frozen=True)
class Sample:
    """One value of a meter."""

    time_s: float
    """On the meter's clock."""
    power_mw: float


class Meter(Protocol):
    """Reads one meter during one block."""

    def start(self) -> None:
        """Begin. Raises `BadInput` if the meter cannot be reached."""
        ...

    def stop(self) -> None:
        """End; what belongs to the meter is closed when it returns."""
        ...

    def samples(self) -> tuple[list[tuple[float, float]], str | None]:
        """Power by time (`time.monotonic()` in seconds, mW), and why samples are missing, as a clause."""
        ...


@dataclass(frozen=True)
class Address:
    """Where a meter is."""

    host: str = ""
    port: int = 0
    file: Path | None = None


def address(text: str) -> Address:
    """Parse the name of a meter.

    Raises:
        BadInput: it is not a name of a meter.
    """
    if found := _TCP.fullmatch(text):
        port = int(found[2])
        if not 1 <= port <= 65_535:
            raise BadInput(f"--meter {text}: {port} is not a TCP port.", hint=_HINT)
        return Address(host=found[1].strip("[]"), port=port)
    if text.startswith("csv:") and len(text) > len("csv:") and "\0" not in text:
        return Address(file=Path(text.removeprefix("csv:")))
    raise BadInput(f"--meter {text[:80]} does not name a meter.", hint=_HINT)


def sample(time_text: str, power_text: str) -> Sample:
    """A sample from two decimal numbers: seconds and mW.

    Raises:
        BadSample: one of them is not a number, or is impossible.
    """
    numbers = []
    for what, text in (("time", time_text), ("power", power_text)):
        if not _DECIMAL.fullmatch(text):
            raise BadSample(f"its {what} is {text[:30]!r}, not a decimal number")
        numbers.append(float(text))
    time_s, power_mw = numbers
    if not 0 <= time_s <= MOST_SECONDS:
        raise BadSample(f"a time of {time_s:g} s is impossible")
    if not math.isfinite(power_mw) or abs(power_mw) > MOST_MW:
        raise BadSample(f"a power of {power_mw:g} mW is impossible")
    return Sample(time_s, power_mw)


def after(one: Sample, last: float | None) -> Sample:
    """The sample, if it is later than the last one. Raises `BadSample` otherwise."""
    if last is not None and one.time_s <= last:
        raise BadSample(f"its time of {one.time_s:.6f} s is not after {last:.6f} s, the time of the line before it")
    return one
