"""How much of a page's prediction came after its engine had returned: until the values were in JavaScript's hands.

On a GPU the engine's call only hands work over, so this part holds the computing as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.statistics import StageStatistics, median, over_blocks
from mobilebench.core.records import Measurement


@dataclass(frozen=True)
class ReadbackStatistics:
    """Over the blocks that tell it."""

    time: StageStatistics
    """Of one prediction, in milliseconds."""
    share: float | None
    """Of the prediction that it is a part of: the median over blocks of each block's median. None where the two
    cannot be paired."""


def readback(answers: Sequence[Measurement]) -> ReadbackStatistics | None:
    """Over a case's blocks; None where no block can tell it apart."""
    time = over_blocks([answer.readback_ms for answer in answers])
    shares = [median(block) for answer in answers if (block := _shares(answer))]
    return ReadbackStatistics(time, median(shares) if shares else None) if time else None


def _shares(answer: Measurement) -> list[float]:
    """Of every prediction of a block; empty where they are not told one by one."""
    if len(answer.readback_ms) != len(answer.prediction_ms):
        return []
    pairs = zip(answer.readback_ms, answer.prediction_ms, strict=True)
    return [after / whole for after, whole in pairs if whole > 0]
