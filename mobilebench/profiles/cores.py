"""How much each design of CPU core computes in a clock cycle, and the peak rate of all cores of a chip.

Source:
    Arm, software optimization guides of these cores: the number of pipelines that execute a fused multiply-add of
    128-bit vectors (ASIMD FP multiply accumulate, Q form) in each cycle. Such a vector has 4 single-precision values,
    and a multiply-add counts as 2 operations. Two Cortex-A510 or A520 can share one vector unit, and the guides allow
    chips with a narrower one, so that their peak is the highest that the design allows.
"""

from __future__ import annotations

from mobilebench.profiles.schema import Cpu

_PER_PIPELINE = 4 * 2
_PIPELINES = {
    "Cortex-A55": 1,
    "Cortex-A510": 2,
    "Cortex-A520": 2,
    "Cortex-A76": 2,
    "Cortex-A77": 2,
    "Cortex-A78": 2,
    "Cortex-A710": 2,
    "Cortex-A715": 2,
    "Cortex-A720": 2,
    "Cortex-X1": 4,
    "Cortex-X2": 4,
    "Cortex-X3": 4,
    "Cortex-X4": 4,
}
"""128-bit pipelines for fused multiply-adds."""


def flops_per_cycle(core: str) -> int | None:
    """Single-precision operations of one core per clock cycle; None for a design that is not in the table.

    `core` is a name as profiles have it, such as `Cortex-A76 (Kryo 485 Gold)`.
    """
    pipelines = _PIPELINES.get(core.partition(" (")[0])
    return None if pipelines is None else pipelines * _PER_PIPELINE


def peak_gflops(cpu: Cpu) -> float | None:
    """Single-precision GFLOP/s of all cores at their highest clocks; None if the design of one is not in the table."""
    rates = [(flops_per_cycle(one.core), one.count * one.max_mhz) for one in cpu.clusters]
    if any(rate is None for rate, _ in rates):
        return None
    return sum(rate * clock for rate, clock in rates if rate is not None) / 1000
