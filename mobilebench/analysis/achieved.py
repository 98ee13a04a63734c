"""Rates of computation that cases reached, and the peak of the processor, if its profile names one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.kernels import kernels
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.errors import BadInput
from mobilebench.core.operators import OperatorType
from mobilebench.core.records import TargetInfo
from mobilebench.profiles import catalogue
from mobilebench.profiles.cores import peak_gflops

ON_CPU = frozenset({"cpu", "wasm", "js"})
"""Backends that compute on the CPU, whose peak is known."""


@dataclass(frozen=True)
class Achieved:
    """What one case reached, in GFLOP/s. FLOPs are 2 x multiply-accumulates of the model's file."""

    case: CaseSummary
    rate: float
    """Of a whole prediction: that of the timing blocks, or else of the kernels pass."""
    by_type: dict[OperatorType, float]
    """Of operator types whose kernels do exactly the file's operators of this type."""


@dataclass(frozen=True)
class Peak:
    """The highest rate of a processor."""

    gflops: float | None
    """Single-precision GFLOP/s of all CPU cores together; None: unknown."""
    reason: str
    """Where it is from, or why it is unknown, as a clause."""


def achieved(cases: Sequence[CaseSummary]) -> tuple[Achieved, ...]:
    """The rates of all cases whose FLOPs and kernels are known, fastest first."""
    found = []
    for case in cases:
        summary = kernels(case)
        if summary is None or not summary.flops:
            continue
        ms = summary.timing_ms or summary.whole_ms
        if ms > 0:
            by_type = {row.type: row.rate for row in summary.rows if row.rate}
            found.append(Achieved(case, summary.flops / ms / 1e6, by_type))
    return tuple(sorted(found, key=lambda one: -one.rate))


def peak(target: TargetInfo) -> Peak:
    """The peak of a target's CPU."""
    if target.virtual:
        return Peak(None, "a virtual phone computes on this computer, for which there is no profile")
    if target.profile is None:
        return Peak(None, "there is no device profile for this processor")
    try:
        profile = catalogue.load(target.profile)
    except BadInput:
        return Peak(None, f"the device profile {target.profile} is missing or cannot be read")
    if stated := profile.cpu.fp32_gflops:
        return Peak(stated, f"{stated:g} GFLOP/s of all CPU cores in single precision")
    if computed := peak_gflops(profile.cpu):
        how = "from the number, the highest clock and the vector units of the cores"
        return Peak(computed, f"{computed:.3g} GFLOP/s of all CPU cores in single precision, computed {how}")
    return Peak(None, f"the device profile {profile.id} names none, and has a core whose vector units are not known")
