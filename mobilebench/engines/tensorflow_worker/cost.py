"""What the system counts for this process: CPU time, page faults, context switches."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """The fields of `results.records.StageCost`."""

    user_ms: float
    system_ms: float
    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int

    def since(self, before: Cost) -> Cost:
        """What was added between two readings."""
        return Cost(
            max(0.0, self.user_ms - before.user_ms),
            max(0.0, self.system_ms - before.system_ms),
            self.minor_faults - before.minor_faults,
            self.major_faults - before.major_faults,
            self.voluntary_switches - before.voluntary_switches,
            self.involuntary_switches - before.involuntary_switches,
        )


def read() -> Cost:
    """Since the process began, all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Cost(used.ru_utime * 1e3, used.ru_stime * 1e3, used.ru_minflt, used.ru_majflt, used.ru_nvcsw, used.ru_nivcsw)
