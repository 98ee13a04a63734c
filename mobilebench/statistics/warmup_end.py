"""Where the warm-up of a block ends by change points of its times, to compare with the rule "first inference".

Sources: B. Jackson et al., "An algorithm for optimal partitioning of data on an interval", IEEE Signal Processing
Letters 12 (2005). R. Killick, P. Fearnhead, I. A. Eckley, "Optimal Detection of Changepoints With a Linear
Computational Cost", Journal of the American Statistical Association 107 (2012), finds the same optimum (PELT). The
library `ruptures` has it too, but its import takes half a second and 50 MB at the end of a run; a test compares both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_SAMPLES = 200
"""Only so many first inferences of a block are searched: a warm-up that lasts longer is drift."""
LEAST_SAMPLES = 8
_SHORTEST = 2
_SMALLEST_CHANGE = 0.02


def warmup_end(times_ms: Sequence[float]) -> int | None:
    """How many inferences of a block, the first one included, are slower than those that follow.

    The times are those of all inferences in order (ms). Their logarithms are cut into pieces of equal mean (with a
    penalty of 3 s² ln n, where s is the standard deviation of the noise, estimated from differences). The warm-up
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
    ends = pieces(rest, 3 * noise**2 * float(np.log(len(rest))))
    starts = [0, *ends[:-1]]
    means = [float(rest[start:end].mean()) for start, end in zip(starts, ends, strict=True)]
    settled = 0
    while settled + 1 < len(means) and means[settled] > means[settled + 1] + _SMALLEST_CHANGE:
        settled += 1
    return int(starts[settled]) + 1 if settled else int(first_is_slow)


def pieces(values: NDArray[np.float64], penalty: float, shortest: int = _SHORTEST) -> list[int]:
    """Where the pieces of a sequence end that are best described by one mean each, the end of the last one included.

    Best is the least sum of squared differences from the means, plus `penalty` for each piece. A piece has at least
    `shortest` values. Takes time and memory with the square of their number.
    """
    import numpy as np

    count = len(values)
    centred = values - values.mean()
    sums, squares = (np.concatenate(([0.0], np.cumsum(one))) for one in (centred, centred**2))
    lengths = np.maximum(np.arange(count + 1)[:, None] - np.arange(count + 1), 1)
    errors = squares[:, None] - squares - (sums[:, None] - sums) ** 2 / lengths  # by end and start of a piece
    least = np.full(count + 1, np.inf)
    least[0] = 0.0
    starts = [0] * (count + 1)
    for end in range(shortest, count + 1):
        found = least[: end - shortest + 1] + errors[end, : end - shortest + 1]
        starts[end] = int(found.argmin())
        least[end] = found[starts[end]] + penalty
    ends, end = [], count
    while end > 0:
        ends.append(end)
        end = starts[end]
    return ends[::-1]
