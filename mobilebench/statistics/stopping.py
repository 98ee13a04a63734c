"""When the blocks of a case are enough, and how many more it needs.

Looking at the interval after each round and stopping when it is narrow enough stops too early too often: with the plain
rule only 91 % of the intervals hold the true value (benchmarks/coverage.py). So the rule begins at five blocks and asks
for a half-width that is 1.1 times smaller.
"""

from __future__ import annotations

import math

from mobilebench.statistics.estimates import Estimate, t_critical

LEAST_TO_STOP = 5
"""Minimum number of blocks before the half-width may end the measurement of a case."""
STOPPING_FACTOR = 1.1
"""The half-width is multiplied by this before it is compared with the precision."""


def precise_enough(estimate: Estimate, precision: float) -> bool:
    """Whether an estimate is within ± `precision` (a share: 0.02 is 2 %), so that its case needs no further block."""
    half = estimate.half_width
    return estimate.blocks >= LEAST_TO_STOP and half is not None and STOPPING_FACTOR * half <= precision


def further_blocks(estimate: Estimate, precision: float, most: int) -> int:
    """How many more blocks a case probably needs; 0 if it is precise enough, at most `most`.

    The half-width falls with t(n-1) / √n if the variation between blocks stays as it is. Correlation is left out, as
    few blocks often seem to correlate by chance: if it stays, more blocks are asked for after these. An estimate
    without an interval needs as many as make `LEAST_TO_STOP`.
    """
    if most <= 0 or precise_enough(estimate, precision):
        return 0
    count, half = estimate.blocks, estimate.half_width
    if count < LEAST_TO_STOP or half is None:
        return min(most, max(1, LEAST_TO_STOP - count))
    spread = math.log1p(half) / estimate.widening * math.sqrt(count) / t_critical(count - 1)
    wanted = math.log1p(precision) / STOPPING_FACTOR
    further = 1
    while further < most and spread * t_critical(count + further - 1) / math.sqrt(count + further) > wanted:
        further += 1
    return further
