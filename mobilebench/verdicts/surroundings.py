"""Rules about the target while a block was measured: whether it was ready, heat, clocks, and other work.

They read the block's gate, the series of its recorders and its samples. What was not recorded is not judged.

Times of readings count from the start of the block's process or page, and its stages begin a little later, by the time
that starting takes. So a reading between the end of warmup, counted from zero, and the end of the predictions, counted
likewise, may still belong to the stages before, but never comes after the predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import median

from mobilebench.core.records import Measurement, Series
from mobilebench.recorders.thermal import THROTTLING_STATES
from mobilebench.verdicts import thresholds
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings

MEGAHERTZ = "MHz"
_SLOW_TEMPERATURES = (("thermal", "skin"), ("thermal", "battery"), ("battery", "temperature"))
"""Recorder and series of temperatures that follow the heat of minutes, not that of a moment."""


def judge_readiness(evidence: Evidence, found: Findings) -> None:
    """The limits of the gate have to hold when the block begins."""
    if evidence.gate is None:
        return
    for one in evidence.gate.closed_by:
        if one.key == "battery_saver":
            found.add(Code.BATTERY_SAVER, "the phone's battery saver was on, which slows the processor down")
        else:
            waited = evidence.gate.waited_ms / 1000
            found.add(Code.NOT_READY, f"it began although a limit did not hold after {waited:.0f} s: {one.describe()}")


def judge_repeats(evidence: Evidence, found: Findings) -> None:
    """Attempts that were stopped for heat are named: the target may still be warm."""
    if evidence.stopped:
        times = "once" if len(evidence.stopped) == 1 else f"{len(evidence.stopped)} times"
        last = evidence.stopped[-1].describe()
        found.add(Code.STOPPED_BEFORE, f"it was stopped {times} because of heat before it was measured ({last})")


def judge_throttling(evidence: Evidence, found: Findings) -> None:
    """Android must not report throttling in a reading of the block."""
    for series in _series(evidence, "thermal", "status"):
        worst = max(series.values, default=0.0)
        if worst >= thresholds.THROTTLED_FROM:
            known = 0 <= worst < len(THROTTLING_STATES)
            name = THROTTLING_STATES[int(worst)] if known else "unknown"
            found.add(Code.THROTTLED, f"the phone reported throttling: thermal status {worst:g} ({name})")


def judge_temperature(evidence: Evidence, found: Findings) -> None:
    """Skin and battery must not become much warmer during a block."""
    for recorder, name in _SLOW_TEMPERATURES:
        for series in _series(evidence, recorder, name):
            if len(series.values) < 2:
                continue
            first, hottest = series.values[0], max(series.values)
            if hottest - first > thresholds.LARGEST_RISE:
                what = "battery" if name == "temperature" else name
                sentence = f"the {what} became {hottest - first:.1f} °C warmer: {first:g} to {hottest:g} °C"
                found.add(Code.TEMPERATURE_ROSE, sentence)
                return


def judge_clocks(evidence: Evidence, found: Findings) -> None:
    """The group of cores that is the fastest at first, and at its highest clock, has to keep that clock.

    The other groups may be idle, and are then slow for that reason.
    """
    fastest: tuple[float, str, list[float]] = (0.0, "", [])
    for series in evidence.series:
        if series.unit == MEGAHERTZ and series.interval_ms is not None:
            values = during_predictions(series, evidence.measurement)
            if len(values) >= thresholds.LEAST_READINGS:
                fastest = max(fastest, (median(values[: len(values) // 4]), series.name, values))
    begin, name, values = fastest
    if not values:
        return
    end, highest, keeps = max(values[-(len(values) // 4) :]), max(values), 1 - thresholds.LARGEST_FALL
    if begin >= keeps * highest and end < keeps * begin:
        found.add(Code.CLOCK_FELL, f"the clock of {name} fell from {begin:.0f} to {end:.0f} MHz during the predictions")


def judge_other_load(evidence: Evidence, found: Findings) -> None:
    """Other work must not take much of the processor during the predictions."""
    use = {series.name: series for series in evidence.series if series.recorder == "cpu" and series.unit == "%"}
    if "whole" in use and "measured" in use:
        others = _use_by_others(use, evidence)
        if others and (other := median(others)) > thresholds.LARGEST_OTHER_USE:
            found.add(Code.OTHER_LOAD, f"other work took {other:.0f} % of the processor during the predictions")
        return
    for series in _series(evidence, "load", "load_1min"):
        values = during_predictions(series, evidence.measurement) if series.interval_ms is not None else []
        allowed = evidence.case.threads + thresholds.LARGEST_OTHER_LOAD * evidence.target.cores
        if values and (load := median(values)) > allowed:
            of = f"{evidence.case.threads} threads on {evidence.target.cores} cores"
            found.add(Code.OTHER_LOAD, f"other work ran beside it: a load average of {load:.1f} with {of}")


def _use_by_others(use: Mapping[str, Series], evidence: Evidence) -> list[float]:
    """Readings during the predictions, in percent of all cores. Earlier releases stored only the use of all cores, and
    that of the measured process in percent of one core."""
    if "others" in use and use["others"].values:
        return during_predictions(use["others"], evidence.measurement)
    whole, measured = use["whole"], use["measured"]
    own = dict(zip(measured.times_ms, measured.values, strict=False))
    begin, end = _predictions_at(evidence.measurement)
    return [
        max(0.0, value - own[at] / max(1, evidence.target.cores))
        for at, value in zip(whole.times_ms, whole.values, strict=False)
        if at in own and begin <= at <= end
    ]


def judge_slowdown(evidence: Evidence, found: Findings) -> None:
    """The last predictions of a block must not take much longer than its first ones; no sensor is needed for this."""
    measurement = evidence.measurement
    samples = measurement.prediction_ms
    seconds = sum(samples) * measurement.predictions_per_sample / 1000
    if seconds < thresholds.LEAST_SECONDS or len(samples) < thresholds.LEAST_SAMPLES:
        return
    first, last = quarters(samples)
    if first > 0 and last / first > thresholds.LARGEST_SLOWDOWN:
        sentence = f"its predictions became {last / first:.2f}× slower in {seconds:.0f} s: {first:.3g} to {last:.3g} ms"
        found.add(Code.SLOWED_DOWN, sentence)


def quarters(samples: Sequence[float]) -> tuple[float, float]:
    """Medians of the predictions in the first and in the last quarter of the time."""
    ends = list(accumulate(samples))
    first = [ms for ms, at in zip(samples, ends, strict=True) if at <= ends[-1] / 4]
    last = [ms for ms, at in zip(samples, ends, strict=True) if at > ends[-1] * 3 / 4]
    return median(first or samples[:1]), median(last or samples[-1:])


def during_predictions(series: Series, measurement: Measurement) -> list[float]:
    """The readings of a series between warmup and the last prediction."""
    begin, end = _predictions_at(measurement)
    return [value for at, value in zip(series.times_ms, series.values, strict=False) if begin <= at <= end]


def block_clock(series: Sequence[Series], measurement: Measurement) -> float | None:
    """The clock of the fastest group of cores during the predictions in MHz; None when too few readings were taken."""
    clocks = [
        median(values)
        for one in series
        if one.unit == MEGAHERTZ and one.interval_ms is not None
        for values in [during_predictions(one, measurement)]
        if len(values) >= thresholds.LEAST_READINGS_OF_BLOCK
    ]
    return max(clocks, default=None)


def _predictions_at(measurement: Measurement) -> tuple[float, float]:
    return sum([*measurement.setup_ms.values(), *measurement.warmup_ms]), measurement.measured_ms


def _series(evidence: Evidence, recorder: str, name: str) -> Iterator[Series]:
    return (one for one in evidence.series if one.recorder == recorder and one.name == name)
