"""How precise the results of a run are to become, and how much time it may take: the words of suites and options."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

LEAST_WITHIN = 0.001
MOST_WITHIN = 0.5
LEAST_BUDGET = 1
MOST_BUDGET = 7 * 86_400

_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


@dataclass(frozen=True)
class Effort:
    """How many blocks of each case are planned, and until when further rounds follow."""

    blocks: int
    within: float | None
    """Half the width of each interval as a share; None: no further rounds."""
    budget: float | None
    """Seconds of measuring."""


EFFORTS: Mapping[str, Effort] = MappingProxyType(
    {
        "quick": Effort(3, None, None),
        "normal": Effort(5, 0.05, 20 * 60),
        "rigorous": Effort(10, 0.02, 2 * 3600),
    }
)


def within(value: Any) -> float:
    """Half the width of an interval as a share, from `2%` or 0.02. Raises `ValueError` for anything else."""
    text = str(value).strip()
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if isinstance(value, bool) or not LEAST_WITHIN <= share <= MOST_WITHIN:
        raise ValueError(f"this should be {LEAST_WITHIN:.1%} to {MOST_WITHIN:.0%}, such as 2% or 0.02")
    return share


def budget(value: Any) -> float:
    """A time in seconds, from `90s`, `20m`, `1h` or a number of seconds. Raises `ValueError` for anything else."""
    found = _TIME.fullmatch(str(value).strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if isinstance(value, bool) or not LEAST_BUDGET <= seconds <= MOST_BUDGET:
        raise ValueError(
            f"this should be a time from 1s to {MOST_BUDGET // 3600}h, such as 90s, 20m or 1h, not {value}"
        )
    return seconds
