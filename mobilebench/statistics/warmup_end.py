"""Where the warm-up of a block ends by change points of its times, to compare with the rule "first inference".

Source: R. Killick, P. Fearnhead, I. A. Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost",
Journal of the American Statistical Association 107 (2012), as `ruptures` computes it (C. Truong, L. Oudre, N. Vayatis,
Signal Processing 167 (2020)).
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_SAMPLES = 200
"""Only so many first inferences of a block are searched: a warm-up that lasts longer is drift."""
LEAST_SAMPLES = 8
_SHORTEST = 2
_SMALLEST_CHANGE = 0.02


def warmup_end(times_ms: Sequence[float]) -> int | None:
    """How many inferences of a block, the first one included, are slower than those that follow.

    The times are those of all inferences in order (ms). Their logarithms are cut into pieces of equal mean (PELT, with
    a penalty of 3 s² ln n, where s is the standard deviation of the noise, estimated from differences). The warm-up
    ends where the last of the pieces begins that follow slower ones by at least 2 %. 1 agrees with the rule "first
    inference"; 0 means that not even the first one is slower. None if there are fewer than `LEAST_SAMPLES` times or
    one is not above 0. Blocks whose second and third inference are no slower than the rest are not searched.
    """
    if len(times_ms) < LEAST_SAMPLES or min(times_ms) <= 0:
        return None
    import numpy as np

    logs = np.log(np.asarray(times_ms[:MOST_SAMPLES], dtype=np.float64))
    rest = logs[1:]
    noise = float(np.median(np.abs(np.diff(rest)))) / 0.6745 / np.sqrt(2)
    usual = float(np.median(rest))
    first_is_slow = logs[0] > usual + max(_SMALLEST_CHANGE, 3 * noise)
    if noise <= 0 or float(rest[:_SHORTEST].mean()) <= usual + _SMALLEST_CHANGE:
        return int(first_is_slow)
    import ruptures

    penalty = 3 * noise**2 * np.log(len(rest))
    ends = ruptures.KernelCPD(kernel="linear", min_size=_SHORTEST).fit(rest.reshape(-1, 1)).predict(pen=penalty)
    starts = [0, *ends[:-1]]
    means = [float(rest[start:end].mean()) for start, end in zip(starts, ends, strict=True)]
    settled = 0
    while settled + 1 < len(means) and means[settled] > means[settled + 1] + _SMALLEST_CHANGE:
        settled += 1
    return int(starts[settled]) + 1 if settled else int(first_is_slow)
