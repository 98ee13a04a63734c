"""An engine that computes nothing. It shows the cost of everything around a measurement."""

from __future__ import annotations

from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine


class SleepEngine(NativeEngine):
    """Sleeps for 50 ms per prediction. The processor is free, so its blocks need not take turns."""

    name = "sleep"
    description = "Sleeps 50 ms a prediction instead of computing, to measure mobilebench itself"
    format = None
    setup_parts = frozenset()
    claims_machine = False
    why_no_kernels = "it computes nothing"
    backends = (
        Backend("cpu", "Leaves the CPU free"),
        Backend("instant", "Leaves the CPU free, and is over at once: shorter than any clock can tell"),
    )
