"""Plans rounds that a run measures after its planned ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from mobilebench.core.records import PlannedBlock
from mobilebench.suite.neighbours import Pairs, next_round, pairs_of


def further_rounds(
    planned: Sequence[PlannedBlock], seed: int, rounds: Mapping[str, Sequence[Collection[str]]]
) -> list[PlannedBlock]:
    """Further timing rounds of a plan, in the order in which they are measured; indices and rounds go on rising.

    Args:
        planned: everything that was planned before.
        seed: the seed of the plan.
        rounds: for each target the keys of the cases of each further round.
    """
    timing = [block for block in planned if block.pass_ == "timing"]
    first = {block.case.key: block for block in reversed(timing)}
    by_target: dict[str, list[PlannedBlock]] = defaultdict(list)
    for block in timing:
        by_target[block.case.target].append(block)
    ordered: list[tuple[int, PlannedBlock]] = []
    for target, members in rounds.items():
        before = by_target[target]
        keys, used = {block.case.key for block in before}, _used(before)
        earlier = len({block.round for block in before})
        for number, wanted in enumerate(members):
            order = next_round(keys, wanted, earlier + number, f"{seed}:{target}", used)
            used.update(pairs_of(order))
            ordered += [(number, first[key]) for key in order]
    ordered.sort(key=lambda one: one[0])
    index = max((block.index for block in planned), default=-1) + 1
    round_ = max((block.round for block in planned), default=-1) + 1
    return [
        block.model_copy(update={"index": index + place, "round": round_ + number})
        for place, (number, block) in enumerate(ordered)
    ]


def _used(blocks: Sequence[PlannedBlock]) -> Pairs:
    """The neighbours in all rounds of one target."""
    by_round: dict[int, list[str]] = defaultdict(list)
    for block in sorted(blocks, key=lambda one: one.index):
        by_round[block.round].append(block.case.key)
    return Counter(pair for order in by_round.values() for pair in pairs_of(order))
