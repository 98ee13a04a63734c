"""Decides which further rounds a run measures until its intervals are narrow enough or its budget is spent.

Cases of one target, model, precision and batch are **partners**: they are compared with each other, so they get further
blocks together, in the same rounds, and their ratios stay paired. So does the baseline of a page that they use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from mobilebench.analysis.summary import disagreements
from mobilebench.core.records import Block, Case, Goal, Measurement, PlannedBlock, RunInfo, TargetInfo
from mobilebench.session import events
from mobilebench.session.estimate import seconds_of, wall_of
from mobilebench.statistics.estimates import estimate, median
from mobilebench.statistics.stopping import LEAST_TO_STOP, further_blocks
from mobilebench.suite.further import further_rounds

_Page = tuple[str | None, str, str]
"""Browser, scenario and isolation."""
MOST_BLOCKS = 200
"""A case gets no further block when it has so many, whatever the budget."""

Partners = tuple[str, str, str, int]
"""Target, model, precision and batch."""


@dataclass(frozen=True)
class _Measured:
    """What a block tells about its case."""

    median_ms: float | None
    """Median prediction; None for a block that does not enter statistics."""
    seconds: float
    """How long it took, without waiting for its turn."""


@dataclass(frozen=True)
class _Wish:
    """Partners that are to get further rounds."""

    keys: frozenset[str]
    rounds: int
    seconds: float
    """Expected time of one round."""


class Pursuit:
    """What the blocks of a run tell about its goal so far."""

    def __init__(
        self,
        goal: Goal,
        seed: int,
        targets: Sequence[TargetInfo],
        planned: Sequence[PlannedBlock],
        blocks: Iterable[Block],
    ) -> None:
        self._goal = goal
        self._seed = seed
        self._targets = targets
        self._planned = list(planned)
        self._measured: dict[int, _Measured] = {}
        self._first: dict[str, Measurement | None] = {}
        """The first measurement of each case that counts."""
        for block in blocks:
            self.add(block)

    @classmethod
    def of(cls, info: RunInfo, planned: Sequence[PlannedBlock], blocks: Iterable[Block] = ()) -> Pursuit | None:
        """The pursuit of a run's goal; None for a run without one."""
        return cls(info.goal, info.seed, info.targets, planned, blocks) if info.goal else None

    def add(self, block: Block) -> None:
        """Take a judged block into account; it replaces an earlier attempt at the same planned block."""
        counted = block.outcome == "measured" and block.verdict is not None and block.verdict.status != "invalid"
        times = block.measurement.prediction_ms if counted and block.measurement else []
        usable = bool(times) and not self._disagrees(block)
        self._measured[block.planned.index] = _Measured(median(times) if usable else None, seconds_of(block))

    def _disagrees(self, block: Block) -> bool:
        """Whether something else ran in a block than in the first block of its case."""
        now = block.measurement
        first = self._first.setdefault(block.planned.case.key, now)
        return first is not None and now is not None and bool(disagreements([first, now]))

    def further(self, usable: Collection[str]) -> list[events.RoundsAdded]:
        """The next rounds of these targets, which count as planned from now on; none if there is nothing to gain.

        A target of which a planned block is not measured gets none.
        """
        left = {block.case.target for block in self._planned if block.index not in self._measured}
        wishes = {name: list(self._wishes(name)) for name in usable if name not in left}
        shares = self._shares([name for name, wanted in wishes.items() if wanted])
        allotted = {name: _within(wishes[name], seconds) for name, seconds in shares.items()}
        rounds = {name: list(_members(found)) for name, found in allotted.items() if found}
        if not rounds:
            return []
        blocks = further_rounds(self._planned, self._seed, rounds)
        self._planned += blocks
        return [
            events.RoundsAdded(
                target=name,
                rounds=len(members),
                added=tuple(block for block in blocks if block.case.target == name),
                seconds=sum(wish.rounds * wish.seconds for wish in allotted[name]),
            )
            for name, members in rounds.items()
        ]

    def _wishes(self, target: str) -> Iterator[_Wish]:
        """The partners on a target that are not precise, with the rounds that make them so, at most as many again."""
        blocks_of: dict[str, list[_Measured]] = defaultdict(list)
        by_partners: dict[Partners, dict[str, Case]] = defaultdict(dict)
        baselines: dict[_Page, str] = {}
        for block in self._planned:
            if block.case.target == target and block.pass_ == "timing":
                case = block.case
                blocks_of[case.key].append(self._measured[block.index])
                if case.is_baseline:
                    baselines[_page(case)] = case.key
                else:
                    by_partners[_partners(case)][case.key] = case
        for cases in by_partners.values():
            medians = {key: found for key in cases if (found := _usable(blocks_of[key]))}
            rounds = max((self._rounds(found) for found in medians.values()), default=0)
            if rounds > 0:
                pages = {baselines[page] for key in medians if (page := _page(cases[key])) in baselines}
                keys = frozenset({*medians, *pages})
                yield _Wish(keys, rounds, sum(fmean(one.seconds for one in blocks_of[key]) for key in sorted(keys)))

    def _rounds(self, medians: Sequence[float]) -> int:
        count = len(medians)
        most = min(max(count, LEAST_TO_STOP - count), MOST_BLOCKS - count)
        return further_blocks(estimate(medians), self._goal.within, most)

    def _shares(self, wanting: Sequence[str]) -> dict[str, float]:
        """The seconds that each of these targets may use for further rounds.

        What is left of the budget is divided by the number of targets that take turns: targets of one machine, and
        those of this computer with all others.
        """
        if self._goal.budget is None:
            return dict.fromkeys(wanting, float("inf"))
        spent: dict[str, float] = defaultdict(float)
        for block in self._planned:
            if block.index in self._measured:
                spent[block.case.target] += self._measured[block.index].seconds
        left = self._goal.budget - wall_of(spent, self._targets)
        parts = wall_of(dict.fromkeys(wanting, 1.0), self._targets)
        return dict.fromkeys(wanting, left / parts if parts else 0.0)


def _page(case: Case) -> _Page:
    """The page that a case uses; pages without a scenario have no baseline."""
    return case.browser, case.scenario, case.isolation


def _partners(case: Case) -> Partners:
    return case.target, case.model, case.precision, case.batch


def _usable(blocks: Sequence[_Measured]) -> list[float] | None:
    """The medians of a case, if each of its blocks counts and is above 0, so that more of them narrow its interval."""
    medians = [block.median_ms for block in blocks if block.median_ms]
    return medians if len(medians) == len(blocks) else None


def _within(wishes: Sequence[_Wish], seconds: float) -> list[_Wish]:
    """The rounds that fit into a time. Each next round goes to the wish that has got the least time so far."""
    given = [0] * len(wishes)
    waiting = set(range(len(wishes)))
    while waiting:
        one = min(waiting, key=lambda at: (given[at] * wishes[at].seconds, at))
        if given[one] == wishes[one].rounds or wishes[one].seconds > seconds:
            waiting.discard(one)
        else:
            given[one] += 1
            seconds -= wishes[one].seconds
    return [replace(wish, rounds=rounds) for wish, rounds in zip(wishes, given, strict=True) if rounds]


def _members(wishes: Sequence[_Wish]) -> Iterator[set[str]]:
    """The cases of each further round."""
    for number in range(max(wish.rounds for wish in wishes)):
        yield {key for wish in wishes if wish.rounds > number for key in wish.keys}
