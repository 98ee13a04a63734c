"""Made-up windows whose true energy is known: a target draws one power while idle and another one under load."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mobilebench.core.records import Measurement, Series
from mobilebench.recorders.energy.quantities import (
    CHARGE,
    CURRENT,
    MARK,
    METER,
    PLUGGED,
    RAPL_COUNTER,
    RAPL_RANGE,
    RECORDER,
    STATUS,
    VOLTAGE,
    Key,
)

from ...results.making import measurement

VOLTS = 3.9


@dataclass(frozen=True)
class Window:
    """Times are in seconds. Setup, warmup and predictions begin `lead_s` after the block, which ends `tail_s` later."""

    idle_mw: float = 800.0
    load_mw: float = 3000.0
    after_mw: float | None = None
    idle_s: float = 15.0
    lead_s: float = 0.4
    setup_ms: float = 300.0
    warmup_ms: float = 50.0
    prediction_ms: float = 20.0
    predictions: int = 3100
    tail_s: float = 0.2

    @property
    def block_s(self) -> float:
        stages = self.setup_ms + self.warmup_ms + self.prediction_ms * self.predictions
        return self.lead_s + stages / 1000 + self.tail_s

    @property
    def end_s(self) -> float:
        return 2 * self.idle_s + self.block_s

    @property
    def gross_mj(self) -> float:
        return self.load_mw * self.prediction_ms / 1000

    @property
    def net_mj(self) -> float:
        return (self.load_mw - self.idle_mw) * self.prediction_ms / 1000

    def power(self, at_s: float) -> float:
        """Power in mW."""
        begin = self.idle_s + self.lead_s
        if begin <= at_s < self.idle_s + self.block_s - self.tail_s:
            return self.load_mw
        return self.idle_mw if at_s < begin or self.after_mw is None else self.after_mw

    def measurement(self) -> Measurement:
        return measurement(
            **{
                "setup_ms": {"session_creation": self.setup_ms},
                "warmup_ms": [self.warmup_ms],
                "prediction_ms": [self.prediction_ms] * self.predictions,
                "pass": "energy",
            }
        )

    def marks(self) -> Series:
        moments = [0.0, self.idle_s, self.idle_s + self.block_s, self.end_s]
        return series(MARK, [1000 * one for one in moments], [0.0, 1.0, 2.0, 3.0])


def series(key: Key, times_ms: Iterable[float], values: Iterable[float], reason: str | None = None) -> Series:
    return Series(
        recorder=RECORDER, name=key[0], unit=key[1], times_ms=list(times_ms), values=list(values), reason=reason
    )


def moments(window: Window, interval_s: float) -> list[float]:
    """Times of readings, from just before the window to just after it."""
    return [
        -0.01,
        *(interval_s * number for number in range(1, int(window.end_s / interval_s) + 1)),
        window.end_s + 0.01,
    ]


def joules(window: Window, end_s: float, step_s: float = 0.001) -> Callable[[float], float]:
    """The energy that was drawn until a time, in J."""
    count = int((end_s + 1) / step_s)
    total, totals = 0.0, [0.0]
    for number in range(count):
        total += window.power(number * step_s) / 1000 * step_s
        totals.append(total)
    return lambda at_s: totals[max(0, min(round(at_s / step_s), count))]


def rapl(
    window: Window, *, size_uj: float = 2.0**32 * 61, start_uj: float = 0.0, interval_s: float = 0.2
) -> list[Series]:
    at = moments(window, interval_s)
    drawn = joules(window, window.end_s)
    values = [float(int((start_uj + drawn(one) * 1e6) % size_uj)) for one in at]
    times = [1000 * one for one in at]
    counter = series(("package-0", RAPL_COUNTER), times, values)
    return [window.marks(), counter, series(("package-0", RAPL_RANGE), [0.0], [size_uj])]


@dataclass(frozen=True)
class Gauge:
    """A fuel gauge. `unit` is 1e6 for µA, 1e3 for mA; `sign` is that of its current while it is discharged."""

    update_s: float = 1.0
    unit: float = 1e6
    sign: float = -1.0
    noise: float = 0.02
    averages: bool = False
    seed: int = 3


def gauge(window: Window, of: Gauge = Gauge(), *, plugged: float = 0.0, status: float = 3.0) -> list[Series]:
    """Series as the recorder stores them. The gauge is read every 0.5 s; its charge counter counts whole µAh."""
    chance = random.Random(of.seed)
    drawn = joules(window, window.end_s)
    held: list[tuple[float, float, float]] = []
    number = 0
    while (at := (number - 1) * of.update_s) <= window.end_s:
        power = window.power(at)
        if of.averages and at > 0:
            power = 1000 * (drawn(at) - drawn(at - of.update_s)) / of.update_s
        amperes = power / 1000 / VOLTS * (1 + chance.gauss(0, of.noise))
        counter = 3_000_000 - drawn(max(at, 0)) / VOLTS / 3600 * 1e6
        held.append((at, of.sign * amperes * of.unit, counter))
        number += 1
    read = moments(window, 0.5)
    now = [[one for one in held if one[0] <= at][-1] if at >= -of.update_s else held[0] for at in read]
    times = [1000 * at for at in read]
    return [
        window.marks(),
        series(CURRENT, times, [float(round(one[1])) for one in now]),
        series(CHARGE, times, [float(round(one[2])) for one in now]),
        series(VOLTAGE, times, [VOLTS * 1e6] * len(times)),
        series(STATUS, times, [status] * len(times)),
        series(PLUGGED, [times[0], times[-1]], [plugged, plugged]),
    ]


def meter(
    window: Window, interval_s: float = 0.01, *, noise: float = 0.05, until_s: float | None = None
) -> list[Series]:
    chance = random.Random(5)
    at = [one for one in moments(window, interval_s) if until_s is None or one <= until_s]
    values = [window.power(one) * (1 + chance.gauss(0, noise)) for one in at]
    return [window.marks(), series(METER, [1000 * one for one in at], values)]
