"""Values read from a machine, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Void:
    """Stands for a missing value."""

    reason: str
    """Why there is no value, as a clause without full stop, such as `no battery is fitted`."""


Readings = dict[tuple[str, str], float | Void]
"""Values by name and unit, such as `("level", "%")`."""
