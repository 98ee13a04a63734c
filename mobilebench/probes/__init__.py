"""What is watched around a block: battery, temperatures, load."""

from __future__ import annotations

from mobilebench.probes import battery, load, thermal
from mobilebench.probes.base import Probe

__all__ = ["Probe", "probes"]


def probes() -> dict[str, Probe]:
    """Every probe there is, by name, fresh for one target."""
    made: tuple[Probe, ...] = (battery.probe(), thermal.probe(), load.probe())
    return {probe.name: probe for probe in made}
