"""What a question to a machine brought: a value, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Void:
    """There is no value."""

    reason: str
    """As a clause without full stop, such as `no battery is fitted`."""


Readings = dict[tuple[str, str], float | Void]
"""By name and unit, such as `("level", "%")`."""
