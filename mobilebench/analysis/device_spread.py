"""How much the devices of a run differ: the prediction of each engine and backend over several devices.

A device's mean is the geometric mean of the predictions of those cases that every device of the group measured, so that
all devices are judged by the same work. Setup is left out: it depends on the download path. Virtual and real devices
are never pooled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mobilebench.analysis.summary import RunSummary, TargetSummary
from mobilebench.core.records import Case
from mobilebench.statistics.estimates import geometric_mean, quantile

LEAST_DEVICES = 2


@dataclass(frozen=True)
class DeviceMean:
    """One device."""

    target: TargetSummary
    value: float
    """Milliseconds."""


@dataclass(frozen=True)
class DeviceSpread:
    """One engine with one backend over at least two devices. Times are milliseconds."""

    engine: str
    backend: str
    virtual: bool
    web: bool
    devices: tuple[DeviceMean, ...]
    """Fastest first."""
    cases: int
    """Cases that all of them measured."""

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """First quartile, median and third quartile of the device means."""
        values = [device.value for device in self.devices]
        return quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)

    @property
    def ratio(self) -> float:
        """The slowest device over the fastest."""
        return self.devices[-1].value / self.devices[0].value


def device_spreads(summary: RunSummary) -> tuple[DeviceSpread, ...]:
    """Every engine and backend that at least two devices measured with a case in common, by name."""
    groups: dict[tuple[bool, str, str], list[TargetSummary]] = {}
    for target in summary.targets:
        ways = {(case.case.engine, case.case.backend) for case in target.plain if "prediction" in case.stages}
        for engine, backend in ways:
            groups.setdefault((target.info.virtual, engine, backend), []).append(target)
    found = (_spread(*key, targets) for key, targets in sorted(groups.items()) if len(targets) >= LEAST_DEVICES)
    return tuple(spread for spread in found if spread)


def _spread(virtual: bool, engine: str, backend: str, targets: Iterable[TargetSummary]) -> DeviceSpread | None:
    of_target = [(target, _predictions(target, engine, backend)) for target in targets]
    common = set.intersection(*(set(predictions) for _, predictions in of_target))
    if not common or any(predictions[case] <= 0 for _, predictions in of_target for case in common):
        return None
    means = [DeviceMean(target, geometric_mean([times[case] for case in common])) for target, times in of_target]
    return DeviceSpread(
        engine,
        backend,
        virtual,
        next(iter(common)).browser is not None,
        tuple(sorted(means, key=lambda device: device.value)),
        len(common),
    )


def _predictions(target: TargetSummary, engine: str, backend: str) -> dict[Case, float]:
    """Milliseconds by case, without the target that the case names."""
    return {
        replace(case.case, target=""): case.stages["prediction"].value
        for case in target.plain
        if (case.case.engine, case.case.backend) == (engine, backend) and "prediction" in case.stages
    }
