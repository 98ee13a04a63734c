"""The order of cases within rounds, in which neighbours are balanced.

A block leaves heat and full caches behind, which its successor feels. If a heavy case always came before the same case,
that case would look slow. So over the rounds of a target an ordered pair (case before, case after) repeats as late as
possible.

Sources:
    E. J. Williams, "Experimental Designs Balanced for the Estimation of Residual Effects of Treatments", Australian
        Journal of Scientific Research, Series A, 2 (1949): for an even number of treatments, rows in which each
        treatment has each position once, and each ordered pair of neighbours occurs once.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

Pairs = Counter[tuple[str, str]]
"""How often each pair (before, after) occurred."""


def pairs_of(order: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The neighbours in one round."""
    return itertools.pairwise(order)


def next_round(keys: Collection[str], members: Collection[str], number: int, seed: str, used: Pairs) -> list[str]:
    """The order of one round, the same in every process and Python version.

    It is a row of a Williams design for all cases. An odd number of cases has no such design with as many rows: it uses
    the one for one case more, without that case, and a case that is not in this round is left out likewise. Where such
    a gap joins a pair that occurred before, pieces of the row change places until no pair repeats, if that is possible.

    Args:
        keys: all cases of the target.
        members: those that this round has.
        number: how many rounds come before it.
        seed: determines which case has which place in the design, and the order of the rows.
        used: the pairs of the rounds before.
    """
    labels: list[str | None] = [*sorted(keys)]
    if len(labels) % 2:
        labels.append(None)
    size = len(labels)
    if not size:
        return []
    cycle, place = divmod(number, size)
    random.Random(f"{seed}:labels").shuffle(labels)  # noqa: S311
    rows = random.Random(f"{seed}:rows:{cycle}").sample(range(size), size)  # noqa: S311
    row = [labels[(one + rows[place]) % size] for one in _zigzag(size)]
    return _mended([key for key in row if key is not None and key in members], used, cycle)


def _zigzag(count: int) -> list[int]:
    """0, 1, n - 1, 2, n - 2 …: for even n its neighbours have every difference modulo n once (Williams, 1949)."""
    return [(-(place // 2) if place % 2 == 0 else place // 2 + 1) % count for place in range(count)]


def _mended(order: list[str], used: Pairs, allowed: int) -> list[str]:
    """The order in which fewer pairs occurred more than `allowed` times, as far as exchanging two pieces reaches."""
    while better := next(_exchanges(order, used, allowed), None):
        order = better
    return order


def _exchanges(order: Sequence[str], used: Pairs, allowed: int) -> Iterator[list[str]]:
    """Orders with fewer repeated pairs, in which two pieces that follow each other have changed places.

    The pieces are order[i:j] and order[j:k]; their inner pairs stay. One of the three cuts divides a repeated pair.
    """
    size = len(order)

    def cost(before: int, after: int) -> int:
        if before < 0 or after >= size:
            return 0
        return max(used[order[before], order[after]] - allowed, 0)

    for cut in [at for at in range(1, size) if cost(at - 1, at)]:
        for i, j, k in _cuts(cut, size):
            now = cost(i - 1, i) + cost(j - 1, j) + cost(k - 1, k)
            if cost(i - 1, j) + cost(k - 1, i) + cost(j - 1, k) < now:
                yield [*order[:i], *order[j:k], *order[i:j], *order[k:]]


def _cuts(cut: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Three increasing places from 0 to `size`, one of which is `cut`."""
    places = [place for place in range(size + 1) if place != cut]
    for pair in itertools.combinations(places, 2):
        first, second, third = sorted((*pair, cut))
        yield first, second, third
