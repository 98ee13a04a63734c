"""Energy of the stages of one block, computed from the stored series of its window.

A stage's energy is its mean power times its duration. The mean is taken over the time in which the stage certainly ran:
only the durations of the stages are known, and the rest of the block's time (starting a process or browser, writing the
answer) may lie before, between or after them. Net energy subtracts the mean power of the idle times before and after.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

from mobilebench.core.records import Measurement, Series, Stage
from mobilebench.recorders import gauge
from mobilebench.recorders.energy import fuel_gauge
from mobilebench.recorders.energy.quantities import (
    BEGUN,
    CHARGE,
    CURRENT,
    ENDED,
    IDLE,
    IDLE_ENDED,
    MARK,
    METER,
    PLUGGED,
    RAPL_COUNTER,
    RAPL_RANGE,
    RECORDER,
    STATUS,
    SUSPENDED,
    VOLTAGE,
    Method,
    series_of,
)
from mobilebench.recorders.reading import Void

LEAST_IDLE_UPDATES = 2
"""Fewest updates in an idle time whose power is known."""
SETTLE_MS = 2000.0
"""After the block, clocks and screen settle for so long before the idle power counts, or for a quarter of the idle time
if that is shorter."""
LEAST_CERTAIN = 0.5
"""Smallest share of a stage in which it must have run for certain."""
_MOST_HOLE = 0.2
"""Largest hole between two samples, and to the ends, as a share of the time over which a mean is taken."""

_STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Power:
    """Mean power of a span of time."""

    mw: float
    updates: int
    """How many new values the meter gave in that time."""


MeanPower = Callable[[float, float], "Power | Void"]
"""Mean power from one time to another (ms since the recorders were started)."""


@dataclass(frozen=True)
class StageEnergy:
    """Energy of one inference (stages warmup and prediction) or of the whole setup."""

    power_mw: float
    gross_mj: float
    net_mj: float | Void
    """Gross less idle power; below 0 if the block drew less than an idle target."""
    updates: int
    seconds: float
    """The part of the stage over which its power was averaged."""


@dataclass(frozen=True)
class Account:
    """Energy of a block by one method."""

    method: Method
    stages: Mapping[Stage, StageEnergy | Void]
    idle_before_mw: float | Void
    idle_after_mw: float | Void

    @property
    def idle_mw(self) -> float | Void:
        """Mean of the idle powers before and after."""
        for one in (self.idle_before_mw, self.idle_after_mw):
            if isinstance(one, Void):
                return one
        return (self.idle_before_mw + self.idle_after_mw) / 2  # type: ignore[operator]

    @property
    def idle_drift(self) -> float | None:
        """Difference of the idle powers as a share of the predictions' net power; None if one is not known."""
        found, idle = self.stages["prediction"], self.idle_mw
        if isinstance(found, Void) or isinstance(idle, Void):
            return None
        difference = abs(self.idle_after_mw - self.idle_before_mw)  # type: ignore[operator]
        net = found.power_mw - idle
        return difference / net if net > 0 else float("inf") if difference > 0 else 0.0


@dataclass(frozen=True)
class _Span:
    begin: float
    end: float

    @property
    def ms(self) -> float:
        return self.end - self.begin


def accounts(series: Sequence[Series], measurement: Measurement) -> tuple[Account, ...]:
    """The energy of a block by every method for which series were stored, or why a method has none."""
    own = [_in_order(one) for one in series if one.recorder == RECORDER]
    marks = _marks(own)
    if isinstance(marks, Void):
        return ()
    return tuple(_account(method, power, marks, measurement) for method, power in _methods(own, marks))


def _in_order(series: Series) -> Series:
    """The series, or one without values if its times and values cannot be those of a recorder: a run may come from a
    file that somebody made."""
    times, values = series.times_ms, series.values
    if len(times) == len(values) and all(map(math.isfinite, (*times, *values))) and times == sorted(times):
        return series
    why = "its readings are not finite numbers in the order of time"
    return series.model_copy(update={"times_ms": [], "values": [], "reason": why})


def _account(
    method: Method, power: MeanPower | Void, marks: Mapping[float, float], measurement: Measurement
) -> Account:
    if isinstance(power, Void):
        return Account(method, dict.fromkeys(_STAGES, power), power, power)
    settling = min(SETTLE_MS, (marks[IDLE_ENDED] - marks[ENDED]) / 4)
    before, after = (
        _idle(power, _Span(begin, end))
        for begin, end in ((marks[IDLE], marks[BEGUN]), (marks[ENDED] + settling, marks[IDLE_ENDED]))
    )
    found = Account(method, {}, before, after)
    stages = {
        stage: _stage(stage, power, found.idle_mw, _Span(marks[BEGUN], marks[ENDED]), measurement) for stage in _STAGES
    }
    return Account(method, stages, before, after)


def _idle(power: MeanPower, span: _Span) -> float | Void:
    found = power(span.begin, span.end)
    if isinstance(found, Void):
        return Void(f"the idle power is not known: {found.reason}")
    if not math.isfinite(found.mw):
        return Void("the idle power is not known: it is not a possible number")
    if found.updates < LEAST_IDLE_UPDATES:
        return Void(f"the idle power is not known: the meter gave {found.updates} new values in {span.ms / 1000:.0f} s")
    return found.mw


def _stage(
    stage: Stage, power: MeanPower, idle_mw: float | Void, block: _Span, measurement: Measurement
) -> StageEnergy | Void:
    durations = _durations(measurement)
    length = durations[stage]
    if length <= 0:
        return Void("it was not timed")
    span = _certain(stage, durations, block)
    if span.ms < LEAST_CERTAIN * length:
        rest = block.ms - sum(durations.values())
        return Void(f"it took {length:.0f} ms, and its begin is known to within {max(rest, 0):.0f} ms only")
    found = power(span.begin, span.end)
    if isinstance(found, Void):
        return found
    if not math.isfinite(found.mw * length):
        return Void("its power is not a possible number")
    ms = length / (len(measurement.prediction_ms) * measurement.predictions_per_sample if stage == "prediction" else 1)
    net = idle_mw if isinstance(idle_mw, Void) else (found.mw - idle_mw) * ms / 1000
    return StageEnergy(found.mw, found.mw * ms / 1000, net, found.updates, span.ms / 1000)


def _durations(measurement: Measurement) -> dict[Stage, float]:
    """Milliseconds of each stage, in the order in which they ran."""
    predictions = sum(measurement.prediction_ms) * measurement.predictions_per_sample
    return {
        "setup": sum(measurement.setup_ms.values()),
        "warmup": sum(measurement.warmup_ms),
        "prediction": predictions,
    }


def _certain(stage: Stage, durations: Mapping[Stage, float], block: _Span) -> _Span:
    """The time in which a stage ran however the rest of the block's time is divided; empty if there is none."""
    earlier = sum(durations[one] for one in _STAGES[: _STAGES.index(stage)])
    rest = max(block.ms - sum(durations.values()), 0.0)
    begin, end = block.begin + earlier + rest, block.begin + earlier + durations[stage]
    return _Span(begin, max(begin, min(end, block.end)))


def _marks(series: Sequence[Series]) -> dict[float, float] | Void:
    found = series_of(series, MARK)
    marks = dict(zip(found.values, found.times_ms, strict=False)) if found else {}
    if missing := [mark for mark in (IDLE, BEGUN, ENDED, IDLE_ENDED) if mark not in marks]:
        return Void(f"the window was not completed (mark {missing[0]:.0f} is missing)")
    ordered = [marks[mark] for mark in (IDLE, BEGUN, ENDED, IDLE_ENDED)]
    return marks if ordered == sorted(ordered) else Void("the window's marks are not in order")


def _methods(series: Sequence[Series], marks: Mapping[float, float]) -> list[tuple[Method, MeanPower | Void]]:
    """Each method of which the recorder stored a series, with its power over time or why there is none."""
    found: list[tuple[Method, MeanPower | Void]] = []
    if counters := [one for one in series if one.unit == RAPL_COUNTER]:
        found.append(("rapl-package", _rapl(series, counters)))
    if series_of(series, CURRENT):
        found += _gauge(series, marks)
    if meter := series_of(series, METER):
        found.append(("meter", _meter(meter)))
    return found


# Counters of the processor


def unwrapped(values: Sequence[float], size: float) -> list[float]:
    """A counter's increase since its first value, where it starts again at 0 after `size`."""
    total, found = 0.0, [0.0] if values else []
    for before, after in pairwise(values):
        total += after - before if after >= before else after - before + size
        found.append(total)
    return found


def _rapl(series: Sequence[Series], counters: Sequence[Series]) -> MeanPower | Void:
    totals = []
    for one in counters:
        size = series_of(series, (one.name, RAPL_RANGE))
        if not one.values or size is None or not size.values:
            return Void(one.reason or f"{one.name} was not read")
        totals.append((one.times_ms, unwrapped(one.values, size.values[0])))

    def mean(begin: float, end: float) -> Power | Void:
        mw, updates = 0.0, []
        for times, joules in totals:
            found = _slope(times, joules, begin, end)
            if isinstance(found, Void):
                return found
            mw += found.mw  # µJ per ms are mW
            updates.append(found.updates)
        return Power(mw, min(updates))

    return mean


def _slope(times: Sequence[float], totals: Sequence[float], begin: float, end: float) -> Power | Void:
    """Increase per ms of a running total between two times, by linear interpolation."""
    if end <= begin or not times or times[0] > begin or times[-1] < end:
        return Void("it was not read over the whole time")
    inside = totals[bisect_left(times, begin) : bisect_right(times, end)]
    increase = _at(times, totals, end) - _at(times, totals, begin)
    return Power(increase / (end - begin), sum(before != after for before, after in pairwise(inside)))


def _at(times: Sequence[float], totals: Sequence[float], when: float) -> float:
    after = min(bisect_left(times, when), len(times) - 1)
    if after == 0 or times[after] == when:
        return totals[after]
    share = (when - times[after - 1]) / (times[after] - times[after - 1])
    return totals[after - 1] + share * (totals[after] - totals[after - 1])


# External meters


def _meter(meter: Series) -> MeanPower | Void:
    if len(meter.values) < 2:
        return Void(meter.reason or "the meter gave no samples")
    times, values = meter.times_ms, meter.values

    def mean(begin: float, end: float) -> Power | Void:
        low, high = bisect_left(times, begin), bisect_right(times, end)
        inside = [begin, *times[low:high], end]
        hole = max(after - before for before, after in pairwise(inside))
        if high - low < 2 or hole > _MOST_HOLE * (end - begin):
            why = f" ({meter.reason})" if meter.reason else ""
            return Void(f"the meter gave no samples for {hole / 1000:.1f} s{why}")
        area = sum((values[at] + values[at + 1]) / 2 * (times[at + 1] - times[at]) for at in range(low, high - 1))
        length = times[high - 1] - times[low]
        return Power(area / length, high - low) if length > 0 else Void("the meter's samples are of one moment")

    return mean


# Fuel gauges

LEAST_UNDER_LOAD_MA = 50.0
"""A phone that computes draws more."""
_CONTRADICTION = 5.0
"""Current and charge counter contradict each other if they differ by more than this factor."""
_FEWEST_TO_COMPARE = 5
_FALLS = 0.1


def _gauge(series: Sequence[Series], marks: Mapping[float, float]) -> list[tuple[Method, MeanPower | Void]]:
    current, charge = (series_of(series, key) for key in (CURRENT, CHARGE))
    if reason := charging(series):
        return [("gauge-current", Void(reason)), ("gauge-charge", Void(reason))]
    volts = _volts(series_of(series, VOLTAGE))
    window = _Span(marks[BEGUN], marks[ENDED])
    amperes = _milliamperes(current, marks)
    drained = _milliampere_hours(charge)
    if not isinstance(amperes, Void) and not isinstance(drained, Void):
        amperes, drained = _agreeing(amperes, drained, window)
    by_current: MeanPower | Void
    by_charge: MeanPower | Void
    by_current = by_charge = volts if isinstance(volts, Void) else Void("")
    if not isinstance(volts, Void):
        by_current = amperes if isinstance(amperes, Void) else _held(amperes, volts)
        by_charge = drained if isinstance(drained, Void) else _drained(drained, volts)
    return [("gauge-current", by_current), ("gauge-charge", by_charge)]


def charging(series: Sequence[Series]) -> str | None:
    """Why the battery did not feed the phone alone throughout, as a clause; None when it did."""
    plugged, status, suspended = (series_of(series, key) for key in (PLUGGED, STATUS, SUSPENDED))
    if plugged is None or len(plugged.values) < 2:
        why = plugged.reason if plugged and plugged.reason else "it was not read before and after"
        return f"it is not known whether the phone was plugged in: {why}"
    held = bool(suspended and suspended.values and min(suspended.values) == 1)
    for value in plugged.values:
        if reason := fuel_gauge.why_not_discharging({PLUGGED: value, SUSPENDED: float(held)}):
            return reason
    if status and any(value in (gauge.CHARGING, gauge.FULL) for value in status.values):
        return "the battery was charged during the window"
    return None


@dataclass(frozen=True)
class _Trace:
    times: Sequence[float]
    values: Sequence[float]

    def within(self, span: _Span) -> list[float]:
        return list(self.values[bisect_left(self.times, span.begin) : bisect_right(self.times, span.end)])

    def changes(self, begin: float, end: float) -> list[int]:
        """Positions of values that differ from the one before, read between two times."""
        low, high = bisect_left(self.times, begin), bisect_right(self.times, end)
        return [at for at in range(max(low, 1), high) if self.values[at] != self.values[at - 1]]


def _volts(voltage: Series | None) -> _Trace | Void:
    if voltage is None or not voltage.values:
        return Void(voltage.reason if voltage and voltage.reason else "the battery's voltage was not read")
    factor = _factor(gauge.volts, voltage.values)
    if isinstance(factor, Void):
        return Void(f"the unit of the battery's voltage is not clear: {factor.reason}")
    return _Trace(voltage.times_ms, [value * factor for value in voltage.values])


def _factor(decide: Callable[[float], float | Void], values: Sequence[float]) -> float | Void:
    """The factor to the unit that `recorders.gauge` decides for the mean."""
    mean = sum(values) / len(values)
    found = decide(mean)
    return found if isinstance(found, Void) else found / mean


def _milliamperes(current: Series | None, marks: Mapping[float, float]) -> _Trace | Void:
    """Current in mA, positive while the battery is discharged."""
    if current is None or not current.values:
        return Void(current.reason if current and current.reason else "the battery's current was not read")
    raw = _Trace(current.times_ms, current.values)
    load, idle = raw.within(_Span(marks[BEGUN], marks[ENDED])), raw.within(_Span(marks[IDLE], marks[BEGUN]))
    if not load or not idle:
        return Void("the battery's current was not read in the whole window")
    mean, quiet = sum(load) / len(load), sum(idle) / len(idle)
    sign = gauge.sign_of_discharge(load)
    if isinstance(sign, Void):
        return sign
    if sign * (quiet - mean) > _FALLS * abs(mean):
        return Void("the battery's current is smaller under load than idle, as while charging")
    factor = _factor(gauge.milliamperes, load)
    if isinstance(factor, Void):
        return Void(f"the unit of the battery's current is not clear: {factor.reason}")
    if abs(mean) * factor < LEAST_UNDER_LOAD_MA:
        return Void(f"the unit of the battery's current is not clear: its mean under load is {mean:.0f}")
    return _Trace(raw.times, [value * sign * factor for value in raw.values])


def _milliampere_hours(charge: Series | None) -> _Trace | Void:
    if charge is None or not charge.values:
        return Void(charge.reason if charge and charge.reason else "the battery's charge counter was not read")
    factor = _factor(gauge.milliampere_hours, charge.values)
    if isinstance(factor, Void):
        return Void(f"the unit of the battery's charge counter is not clear: {factor.reason}")
    return _Trace(charge.times_ms, [value * factor for value in charge.values])


def _agreeing(amperes: _Trace, drained: _Trace, window: _Span) -> tuple[_Trace | Void, _Trace | Void]:
    """Both traces, if the current is about what the charge counter says; else why neither counts."""
    changes = drained.changes(window.begin, window.end)
    by_counter = _by_counter(drained, changes)
    if len(changes) < _FEWEST_TO_COMPARE or by_counter is None:
        return amperes, drained
    load = amperes.within(window)
    ratio = by_counter / (sum(load) / len(load))
    if 1 / _CONTRADICTION <= ratio <= _CONTRADICTION:
        return amperes, drained
    why = Void(
        f"charge counter ({by_counter:.0f} mA) and current ({sum(load) / len(load):.0f} mA) contradict each other"
    )
    return why, why


def _by_counter(charge: _Trace, changes: Sequence[int]) -> float | None:
    """Current in mA from the first to the last of these changes of a charge counter; None if they are of one moment."""
    if not changes:
        return None
    first, last = changes[0], changes[-1]
    hours = (charge.times[last] - charge.times[first]) / 3.6e6
    return (charge.values[first] - charge.values[last]) / hours if hours > 0 else None


def _mean_volts(volts: _Trace, begin: float, end: float) -> float:
    inside = volts.within(_Span(begin, end))
    if inside:
        return sum(inside) / len(inside)
    return volts.values[min(bisect_left(volts.times, begin), len(volts.times) - 1)]


def _held(current: _Trace, volts: _Trace) -> MeanPower:
    """Power by current × voltage. A gauge holds each value until its next update, and a value may be the mean of the
    time before it: the mean begins with the second update in the span."""

    def mean(begin: float, end: float) -> Power | Void:
        changes = current.changes(begin, end)
        if len(changes) < LEAST_IDLE_UPDATES:
            return Void(f"the gauge's current changed {len(changes)} times in {(end - begin) / 1000:.1f} s")
        first = changes[1]
        times = [*current.times[first : bisect_right(current.times, end)], end]
        area = sum(current.values[first + at] * (after - now) for at, (now, after) in enumerate(pairwise(times)))
        length = times[-1] - times[0]
        milliamperes = area / length if length > 0 else current.values[first]
        return Power(milliamperes * _mean_volts(volts, begin, end), len(changes))

    return mean


def _drained(charge: _Trace, volts: _Trace) -> MeanPower:
    """Power by charge counter × voltage, from the first to the last update in the span."""

    def mean(begin: float, end: float) -> Power | Void:
        changes = charge.changes(begin, end)
        if len(changes) < LEAST_IDLE_UPDATES:
            return Void(f"the charge counter changed {len(changes)} times in {(end - begin) / 1000:.1f} s")
        milliamperes = _by_counter(charge, changes)
        if milliamperes is None or milliamperes <= 0:
            return Void("the charge counter did not fall, so the battery was not discharged")
        return Power(milliamperes * _mean_volts(volts, begin, end), len(changes))

    return mean
