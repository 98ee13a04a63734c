"""How often change points are found where nothing changed, and how exactly a planted change is found.

    python -m benchmarks.change_points --series 2000

Series are simulated nightly times around 10 ms. The numbers in `mobilebench/statistics/change_points.py` and
docs/site.md are its output with 2,000 series.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from mobilebench.statistics.change_points import change_points

LENGTHS = (8, 10, 15, 30, 60, 120, 250, 500)


def noise(random: np.random.Generator, count: int, kind: str) -> NDArray[np.float64]:
    """Noise with a standard deviation of 1, in order."""
    if kind == "heavy tails":
        return np.asarray(random.standard_t(4, count) / math.sqrt(2))
    made = random.standard_normal(count)
    if kind == "correlated":
        for place in range(1, count):
            made[place] = 0.3 * made[place - 1] + math.sqrt(1 - 0.09) * made[place]
    return made


def series(random: np.random.Generator, count: int, share: float, kind: str) -> NDArray[np.float64]:
    """Times (ms) with noise of this share; of `outliers`, every twentieth is 1.5 times as long."""
    made = 10 * np.exp(share * noise(random, count, kind))
    if kind == "outliers":
        made[random.random(count) < 0.05] *= 1.5
    return made


def false_alarms(count: int, share: float, kind: str, repeats: int, seed: int = 1) -> float:
    """Share of series without a change in which at least one is found."""
    random = np.random.default_rng(seed)
    return sum(bool(change_points(series(random, count, share, kind).tolist())) for _ in range(repeats)) / repeats


def found_at(count: int, at: int, factor: float, share: float, repeats: int, seed: int = 2) -> tuple[float, float]:
    """Shares of series with a change at night `at` that is found at all, and that is found at most one night away."""
    random = np.random.default_rng(seed)
    some = near = 0
    for _ in range(repeats):
        made = series(random, count, share, "normal")
        made[at:] *= factor
        places = [one.position for one in change_points(made.tolist())]
        some += bool(places)
        near += any(abs(place - at) <= 1 for place in places)
    return some / repeats, near / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=2000, help="series of each kind")
    repeats = parser.parse_args().series
    print("False alarms (share of series without a change)")
    for kind, share in [
        ("normal", 0.01),
        ("normal", 0.03),
        ("heavy tails", 0.02),
        ("outliers", 0.02),
        ("correlated", 0.02),
    ]:
        rates = [f"{count}: {false_alarms(count, share, kind, repeats):.2%}" for count in LENGTHS]
        print(f"  {kind}, {share:.0%} noise, by nights: {', '.join(rates)}")
    print("Planted changes (found at all, found within one night)")
    for count, at in ((30, 15), (60, 54), (500, 250)):
        for factor in (1.05, 1.1, 0.95):
            rates = [
                "{:.0%} noise: {:.0%}, {:.0%}".format(
                    share, *found_at(count, at, factor, share, max(repeats // 10, 20))
                )
                for share in (0.01, 0.02, 0.03)
            ]
            print(f"  {factor:.2f}× at night {at} of {count}: {'; '.join(rates)}")


if __name__ == "__main__":
    main()
