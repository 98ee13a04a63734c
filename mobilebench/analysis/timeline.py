"""How a target behaved during a run: the predictions of its blocks, and readings of recorders, by time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mobilebench.analysis.summary import BlockSummary, CaseSummary, TargetSummary
from mobilebench.recorders.energy.quantities import RECORDER as ENERGY


@dataclass(frozen=True)
class BlockAt:
    """One block that counts. Times are relative to its case's typical prediction, so that cases can be compared."""

    minutes: float
    """From the start of the target's first block."""
    case: CaseSummary
    round: int
    relative: float
    """Median of the block's predictions over the case's typical prediction."""
    low: float
    high: float
    """The smallest and largest sample, likewise."""


@dataclass(frozen=True)
class ReadingAt:
    """One reading of a recorder."""

    minutes: float
    value: float


@dataclass(frozen=True)
class Quantity:
    """The readings of one quantity during a run."""

    recorder: str
    name: str
    unit: str
    readings: tuple[ReadingAt, ...]


def blocks_at(target: TargetSummary) -> tuple[BlockAt, ...]:
    """All blocks that count and have predictions, by time."""
    begun = _begun(target)
    found = []
    for case, block in _blocks(target):
        samples = block.samples("prediction")
        middle = block.median("prediction")
        typical = case.stages["prediction"].value if "prediction" in case.stages else 0.0
        if begun is None or not block.counted or middle is None or typical <= 0:
            continue
        minutes = _minutes(begun, block.block.started_at)
        relative = (middle / typical, min(samples) / typical, max(samples) / typical)
        found.append(BlockAt(minutes, case, block.round, *relative))
    return tuple(sorted(found, key=lambda one: one.minutes))


def quantities(target: TargetSummary) -> tuple[Quantity, ...]:
    """What recorders read during the blocks of a target, of any pass, by time; without energy, which has a section
    of its own and up to 500 000 readings of a meter."""
    begun = _begun(target)
    found: dict[tuple[str, str, str], list[ReadingAt]] = {}
    for block in _all_blocks(target):
        for series in block.block.series:
            if series.recorder == ENERGY:
                continue
            at = found.setdefault((series.recorder, series.name, series.unit), [])
            start = _minutes(begun or block.block.started_at, block.block.started_at)
            at += [
                ReadingAt(start + ms / 60_000, value) for ms, value in zip(series.times_ms, series.values, strict=False)
            ]
    return tuple(
        Quantity(*key, tuple(sorted(readings, key=lambda one: one.minutes)))
        for key, readings in found.items()
        if readings
    )


def _blocks(target: TargetSummary) -> Iterator[tuple[CaseSummary, BlockSummary]]:
    return ((case, block) for case in target.cases for block in case.counted)


def _all_blocks(target: TargetSummary) -> Iterator[BlockSummary]:
    for case in target.cases:
        yield from case.blocks
        for watched in case.watched.values():
            yield from watched.blocks


def _begun(target: TargetSummary) -> datetime | None:
    return min((block.block.started_at for block in _all_blocks(target)), default=None)


def _minutes(begun: datetime, at: datetime) -> float:
    return max(0.0, (at - begun).total_seconds() / 60)
