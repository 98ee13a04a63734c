"""What a stage cost the system: CPU time, page faults and context switches of the whole process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.statistics import median
from mobilebench.core.records import Measurement, Stage, StageCost


@dataclass(frozen=True)
class CostStatistics:
    """Medians over blocks. Of the prediction stage: for one prediction, the mean within each block."""

    user_ms: float
    system_ms: float
    minor_faults: float
    major_faults: float
    voluntary_switches: float
    involuntary_switches: float
    busy_cores: float | None
    """CPU time over wall time; None where the stage's wall time is not known."""

    @property
    def cpu_ms(self) -> float:
        return self.user_ms + self.system_ms


def costs(answers: Sequence[Measurement]) -> dict[Stage, CostStatistics]:
    """Costs of each stage that at least one of a case's blocks tells."""
    told: dict[Stage, list[CostStatistics]] = {}
    for answer in answers:
        for stage, cost in answer.cost.items():
            told.setdefault(stage, []).append(_of_block(answer, stage, cost))
    return {stage: _medians(blocks) for stage, blocks in told.items()}


def _of_block(answer: Measurement, stage: Stage, cost: StageCost) -> CostStatistics:
    count = len(answer.prediction_ms) * answer.predictions_per_sample if stage == "prediction" else 1
    wall = _wall(answer, stage)
    return CostStatistics(
        user_ms=cost.user_ms / max(1, count),
        system_ms=cost.system_ms / max(1, count),
        minor_faults=cost.minor_faults / max(1, count),
        major_faults=cost.major_faults / max(1, count),
        voluntary_switches=cost.voluntary_switches / max(1, count),
        involuntary_switches=cost.involuntary_switches / max(1, count),
        busy_cores=(cost.user_ms + cost.system_ms) / wall if wall > 0 else None,
    )


def _wall(answer: Measurement, stage: Stage) -> float:
    if stage == "prediction":
        return sum(answer.prediction_ms) * answer.predictions_per_sample
    return sum(answer.setup_ms.values()) if stage == "setup" else sum(answer.warmup_ms)


def _medians(blocks: Sequence[CostStatistics]) -> CostStatistics:
    cores = [block.busy_cores for block in blocks if block.busy_cores is not None]
    return CostStatistics(
        user_ms=median([block.user_ms for block in blocks]),
        system_ms=median([block.system_ms for block in blocks]),
        minor_faults=median([block.minor_faults for block in blocks]),
        major_faults=median([block.major_faults for block in blocks]),
        voluntary_switches=median([block.voluntary_switches for block in blocks]),
        involuntary_switches=median([block.involuntary_switches for block in blocks]),
        busy_cores=median(cores) if cores else None,
    )
