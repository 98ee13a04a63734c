"""The recorder of energy: it leaves the target idle, lets the block run, leaves it idle again, and reads meanwhile.

On this computer it reads the processor's counters, on a phone the fuel gauge, and an external meter if one was named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import EnergyWindow, PlannedBlock, Series, TargetInfo
from mobilebench.recorders.base import Declaration, EngineFacts, Observable, Quantity, Recorded, Subject
from mobilebench.recorders.energy import meter_files, meters, rapl
from mobilebench.recorders.energy.fuel_gauge import FuelGauge
from mobilebench.recorders.energy.meter_csv import CsvMeter
from mobilebench.recorders.energy.meter_tcp import TcpMeter
from mobilebench.recorders.energy.meters import Meter
from mobilebench.recorders.energy.quantities import (
    BEGUN,
    ENDED,
    IDLE,
    IDLE_ENDED,
    MARK,
    METER,
    RAPL_COUNTER,
    RAPL_RANGE,
    RECORDER,
)
from mobilebench.recorders.reading import Void, why_not_a_real_phone
from mobilebench.recorders.sampler import Sampler

DECLARATION = Declaration(
    name=RECORDER,
    title="Energy",
    description="Energy of an inference: the processor's counters (RAPL), a phone's fuel gauge, or an external meter. "
    "It has blocks of its own, each with at least a minute of predictions between two idle times.",
    cost="during the block",
    quantities=(Quantity(*MARK, "Moments of the window"),),
)


def meter_of(window: EnergyWindow, cancel: Event) -> Meter | None:
    """The meter that a window names; None if it names none. Raises `BadInput` if there is no such meter."""
    if window.meter is None:
        return None
    found = meters.address(window.meter)
    if found.file is not None:
        return CsvMeter(meter_files.path_of(window), window.meter_offset_s, cancel)
    return TcpMeter(found, window.meter_offset_s)


class EnergyRecorder:
    """Records the energy of blocks of one target.

    Args:
        sysfs: where this computer's `/sys` is.
    """

    declaration = DECLARATION

    def __init__(self, sysfs: Path = rapl.SYSFS) -> None:
        self._sysfs = sysfs
        self._window = EnergyWindow()
        self._began = 0.0
        self._marks: list[tuple[float, float]] = []
        self._packages: list[rapl.Package] | Void | None = None
        self._counters: list[tuple[float, list[float | Void]]] = []
        self._gauge: FuelGauge | None = None
        self._meter: Meter | None = None
        self._meter_failure: str | None = None
        self._sampler: Sampler | None = None
        self._failure: str | None = None

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:  # noqa: ARG002
        window = block.conditions.energy or EnergyWindow()
        if window.meter:
            return None
        if target.kind == "android":
            return why_not_a_real_phone(target)
        return None if target.kind == "host" else "nothing on that device can be read from here"

    def why_not_now(self, target: Observable, window: EnergyWindow) -> str | None:
        """Why the energy of this target cannot be told now, as a clause; None if it can. Asks the target."""
        if window.meter is not None:
            return self._why_no_meter(window)
        if target.info.kind == "android":
            return FuelGauge(target, time.monotonic()).probe()
        found = rapl.packages(self._sysfs)
        return found.reason if isinstance(found, Void) else None

    def _why_no_meter(self, window: EnergyWindow) -> str | None:
        try:
            meter = meter_of(window, Event())
            if meter is not None:
                meter.start()
                if isinstance(meter, TcpMeter):
                    meter.stop()
        except BadInput as error:
            return error.text_with_hint
        return None

    def start(self, subject: Subject) -> None:
        planned = subject.block
        self._window = (planned.conditions.energy if planned else None) or EnergyWindow()
        self._began, self._marks, self._counters = subject.began, [], []
        self._packages, self._gauge, self._failure = None, None, None
        self._start_meter(subject)
        if subject.target.info.kind == "android":
            self._start_gauge(subject)
        elif subject.target.info.kind == "host":
            self._packages = rapl.packages(self._sysfs)
            self._begin(lambda ended: self._read_counters(), rapl.INTERVAL_S, subject)  # noqa: ARG005
        self._mark(IDLE)
        subject.cancel.wait(self._window.idle_seconds)
        self._mark(BEGUN)

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        self._mark(ENDED)
        try:
            if complete:
                subject.cancel.wait(self._window.idle_seconds)
                self._mark(IDLE_ENDED)
        finally:
            self._end_sampling()
            if self._meter is not None:
                self._meter.stop()
        if complete and self._gauge is not None:
            self._gauge.read_state()
        elif complete:
            self._read_counters()

    def result(self) -> Recorded:
        times, values = [at for at, _ in self._marks], [value for _, value in self._marks]
        marks = Series(recorder=RECORDER, name=MARK[0], unit=MARK[1], times_ms=times, values=values)
        gauge = self._gauge.series() if self._gauge else []
        return Recorded([marks, *self._counter_series(), *gauge, *self._meter_series()])

    def _mark(self, mark: float) -> None:
        if mark not in [value for _, value in self._marks]:
            self._marks.append(((time.monotonic() - self._began) * 1000, mark))

    def _start_meter(self, subject: Subject) -> None:
        self._meter_failure = None
        try:
            self._meter = meter_of(self._window, subject.cancel)
            if self._meter is not None:
                self._meter.start()
        except BadInput as error:
            self._meter_failure = error.message.rstrip(".")
            self._meter = None

    def _start_gauge(self, subject: Subject) -> None:
        self._gauge = FuelGauge(subject.target, self._began)
        self._gauge.probe()
        self._gauge.read_state()
        self._gauge.read()
        self._begin(self._gauge.read, self._gauge.interval_s, subject)

    def _begin(self, read: Callable[[Event], None], interval_s: float, subject: Subject) -> None:
        if self._packages is not None:
            self._read_counters()
        self._sampler = Sampler(read, interval_s, f"energy of {subject.target.info.id}")
        self._sampler.start()

    def _end_sampling(self) -> None:
        if self._sampler is None:
            return
        self._sampler.stop()
        if error := self._sampler.failure:
            self._failure = error.message.rstrip(".") if isinstance(error, MobilebenchError) else repr(error)
            if self._gauge is not None:
                self._gauge.failure = self._failure
        self._sampler = None

    def _read_counters(self) -> None:
        if isinstance(self._packages, list):
            at = time.monotonic()
            self._counters.append((at, [one.read() for one in self._packages]))

    def _counter_series(self) -> list[Series]:
        if self._packages is None:
            return []
        if isinstance(self._packages, Void):
            why = self._packages.reason
            return [Series(recorder=RECORDER, name="package-0", unit=RAPL_COUNTER, times_ms=[], values=[], reason=why)]
        return [series for position, one in enumerate(self._packages) for series in self._of_package(one, position)]

    def _of_package(self, package: rapl.Package, position: int) -> list[Series]:
        read = [(at, values[position]) for at, values in self._counters]
        known = [((at - self._began) * 1000, value) for at, value in read if not isinstance(value, Void)]
        reasons = dict.fromkeys(value.reason for _, value in read if isinstance(value, Void))
        if self._failure:
            reasons[self._failure] = None
        counter = Series(
            recorder=RECORDER,
            name=package.name,
            unit=RAPL_COUNTER,
            interval_ms=rapl.INTERVAL_S * 1000,
            times_ms=[at for at, _ in known],
            values=[value for _, value in known],
            reason="; ".join(reasons) or None,
        )
        size = Series(recorder=RECORDER, name=package.name, unit=RAPL_RANGE, times_ms=[0.0], values=[package.range_uj])
        return [counter, size]

    def _meter_series(self) -> list[Series]:
        if self._meter is None and self._meter_failure is None:
            return []
        found, reason = self._meter.samples() if self._meter else ([], self._meter_failure)
        return [
            Series(
                recorder=RECORDER,
                name=METER[0],
                unit=METER[1],
                times_ms=[(at - self._began) * 1000 for at, _ in found],
                values=[power for _, power in found],
                reason=reason,
            )
        ]


def recorder(interval_s: float | None = None) -> EnergyRecorder:  # noqa: ARG001 - all factories take it
    """A fresh recorder of energy."""
    return EnergyRecorder()
