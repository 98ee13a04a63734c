"""The plan of the fault drill: which fault strikes which phone in which phase of which run; the seed decides."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.faults import Fault, Phone

PHASES = ("opening", "pushing", "before a block", "in a block", "between blocks", "while away", "putting back")
RANDOM = "random"
"""The phase of faults at random times."""
BLOCKS = 6
"""Blocks of a phone in an ordered run: the phases after `opening` have one each."""
_FEW = 3
"""A fault that at most one in so many phones can have is caused in the first runs: each has room for few of them."""
_BLOCK_OF = {phase: number - 1 if number else None for number, phase in enumerate(PHASES)}


@dataclass(frozen=True)
class Size:
    """How much is drilled."""

    phones: int
    """Phones whose blocks are programs."""
    small: int
    """Those of them that have storage of a limited size."""
    pages: int
    """Further phones, whose blocks are pages in a browser."""
    each: int
    """How often each fault strikes in each phase, at least; 0: one ordered run, in which each phase has some faults."""
    random_faults: int
    """Faults at random times, at least."""
    faults_a_run: int = 60
    blocks: int = 40
    """Blocks of a phone in a random run; one with pages has a sixth of them."""


SHORT = Size(phones=2, small=1, pages=0, each=0, random_faults=5, faults_a_run=5, blocks=5)
LONG = Size(phones=8, small=2, pages=2, each=3, random_faults=500)


@dataclass(frozen=True)
class PlannedStrike:
    """One fault of one phone."""

    fault: str
    option: str | None
    phase: str
    phone: str
    """The phone's name."""
    block: int | None = None
    """Which of the phone's blocks it strikes; None for phases without one."""
    pause: float = 0.0
    """For a random one: seconds after the one before it."""


@dataclass(frozen=True)
class PlannedRun:
    """One run, with what strikes in it."""

    key: str
    seed: int
    blocks: int
    strikes: tuple[PlannedStrike, ...]


def suits(fault: Fault, phase: str, phone: Phone) -> bool:
    """Whether the fault can strike the phone in this phase; nothing is pushed to a phone for its pages."""
    return fault.suits(phone) and not (phase == "pushing" and phone.has_pages)


def wanted(table: Sequence[Fault], rack: Sequence[Phone]) -> list[tuple[str, str]]:
    """Each fault with each phase in which it can strike one of these phones."""
    return [
        (fault.name, phase) for fault in table for phase in PHASES if any(suits(fault, phase, phone) for phone in rack)
    ]


def plan(size: Size, table: Sequence[Fault], rack: Sequence[Phone], seed: int) -> list[PlannedRun]:
    """The ordered runs, then the random ones."""
    turns = {pair: max(size.each, 1) for pair in wanted(table, rack)}
    ordered_runs = ordered(turns, table, rack, seed, "ordered")
    if size.each == 0:
        ordered_runs = ordered_runs[:1]
    count = -(-size.random_faults // size.faults_a_run)
    return [*ordered_runs, *(at_random(size, table, rack, seed, f"random {number + 1}") for number in range(count))]


def ordered(
    turns: Mapping[tuple[str, str], int], table: Sequence[Fault], rack: Sequence[Phone], seed: int, name: str
) -> list[PlannedRun]:
    """Runs in which each phone has one fault in each phase, until each fault struck in its phases so often.

    Args:
        turns: how often each fault has to strike in each phase.
        name: start of the runs' keys.
    """
    by_name = {fault.name: fault for fault in table}
    numbers = random.Random(f"{seed} {name}")
    left = {
        phase: [fault for (fault, one), count in turns.items() if one == phase for _ in range(count)]
        for phase in PHASES
    }
    for phase, names in left.items():
        numbers.shuffle(names)
        names.sort(key=lambda fault: sum(suits(by_name[fault], phase, phone) for phone in rack) * _FEW > len(rack))
    runs: list[PlannedRun] = []
    while any(left.values()):
        strikes = []
        for phone in rack:
            for phase in PHASES:
                names = left[phase]
                at = next((at for at, fault in enumerate(names) if suits(by_name[fault], phase, phone)), None)
                if at is None:
                    continue
                fault = by_name[names.pop(at)]
                option = numbers.choice(fault.options) if fault.options else None
                strikes.append(PlannedStrike(fault.name, option, phase, phone.name, _BLOCK_OF[phase]))
        runs.append(PlannedRun(f"{name} {len(runs) + 1}", numbers.randrange(1 << 30), BLOCKS, tuple(strikes)))
    return runs


def at_random(size: Size, table: Sequence[Fault], rack: Sequence[Phone], seed: int, key: str) -> PlannedRun:
    """A run with faults at random times, on random phones, several at once."""
    numbers = random.Random(f"{seed} {key}")
    strikes = []
    for _ in range(size.faults_a_run):
        phone = numbers.choice(rack)
        fault = numbers.choice([one for one in table if one.suits(phone)])
        option = numbers.choice(fault.options) if fault.options else None
        pause = numbers.expovariate(len(rack) / 6)
        strikes.append(PlannedStrike(fault.name, option, RANDOM, phone.name, pause=pause))
    return PlannedRun(key, numbers.randrange(1 << 30), size.blocks, tuple(strikes))


def missing(
    struck: Counter[tuple[str, str]], each: int, table: Sequence[Fault], rack: Sequence[Phone]
) -> dict[tuple[str, str], int]:
    """How often each fault still has to strike in each phase."""
    return {pair: each - struck[pair] for pair in wanted(table, rack) if struck[pair] < each}


def repeated(fault: Fault, phase: str, times: int, rack: Sequence[Phone], seed: int) -> list[PlannedRun]:
    """Runs in which one fault strikes in one phase, on every phone that can have it."""
    usable = [phone for phone in rack if suits(fault, phase, phone)] if phase != RANDOM else []
    runs = []
    for turn in range(times):
        numbers = random.Random(f"{seed} {fault.name} {phase} {turn}")
        strikes = tuple(
            PlannedStrike(
                fault.name,
                numbers.choice(fault.options) if fault.options else None,
                phase,
                phone.name,
                _BLOCK_OF[phase],
            )
            for phone in usable
        )
        runs.append(PlannedRun(f"repeated {turn + 1}", numbers.randrange(1 << 30), BLOCKS, strikes))
    return runs


def named(text: str, table: Sequence[Fault]) -> tuple[str, str | None]:
    """Name and option of a fault that is written as in the drill's table, such as `dialog anr`."""
    for fault in table:
        for option in (None, *fault.options):
            if text == f"{fault.name} {option or ''}".strip():
                return fault.name, option
    raise SystemExit(f"there is no fault “{text}”; the faults are {', '.join(fault.name for fault in table)}")
