"""Probes around a block: read before and after its measured part, while it has its turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mobilebench.core.errors import MobilebenchError, TargetLost
from mobilebench.core.records import Series
from mobilebench.targets.base import Target

if TYPE_CHECKING:
    from mobilebench.probes import Probe


@dataclass
class Watched:
    """What the probes saw, and what watching cost."""

    series: list[Series] = field(default_factory=list)
    spent_ms: float = 0.0


@contextmanager
def watched(target: Target, probes: Mapping[str, Probe]) -> Iterator[Watched]:
    """Start every probe that can watch this target, and stop it after the block.

    A probe that cannot read is left out: what it would have seen is missing, the block is not.

    Raises:
        TargetLost: the target went away while it was read.
    """
    seen = Watched()
    able = [probe for probe in probes.values() if probe.validate(target.info) is None]
    begun = time.perf_counter()
    started = [probe for probe in able if _read(probe.start, target)]
    seen.spent_ms += (time.perf_counter() - begun) * 1000
    yield seen
    begun = time.perf_counter()
    stopped = [probe for probe in started if _read(probe.stop, target)]
    seen.spent_ms += (time.perf_counter() - begun) * 1000
    seen.series += [one for probe in stopped for one in probe.result()]


def _read(read: Callable[[Target], None], target: Target) -> bool:
    """Whether a reading succeeded."""
    try:
        read(target)
    except TargetLost:
        raise
    except MobilebenchError:
        return False
    return True
