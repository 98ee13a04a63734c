"""Summarises how the time of a stage was spent, over the blocks of one case.

There are four parts, each a median over blocks: downloads of a page in setup, compilation for the GPU, the part of a
prediction after the engine's call has returned (read-back), and a stage's cost as the operating system counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.stage_statistics import StageStatistics, over_blocks
from mobilebench.core.records import Compilation, DownloadPath, Measurement, SetupPart, Stage, StageCost
from mobilebench.statistics.estimates import median

_DOWNLOAD_PARTS: tuple[SetupPart, ...] = ("framework_download", "model_download")
_NOTHING_COMPILED = Compilation(shaders=0, pipelines=0, ms=0)


@dataclass(frozen=True)
class DownloadStatistics:
    """What a page downloaded during setup. Two cases may be compared only when their paths are equal."""

    path: DownloadPath | None
    share: float | None
    """Part of setup that was spent on downloads, 0 to 1. None if the engine's own loader downloads and starts
    concurrently.
    """
    bytes: float
    """Bytes that were transferred, without those from a cache."""
    cached_bytes: float
    """Bytes that a cache served."""
    megabytes_per_second: float | None
    """10^6 bytes per second. None if nothing was transferred, or if downloads are not timed separately."""


@dataclass(frozen=True)
class CompilationStatistics:
    """What a page compiled for the GPU in one stage.

    Only the page's own calls are timed: a browser may continue to compile after they return. A block in which nothing
    was compiled counts as zero.
    """

    shaders: float
    pipelines: float
    """Pipelines of WebGPU, or linked programs of WebGL."""
    time: StageStatistics
    """Milliseconds during which at least one compiling call was running, one value per block."""
    share: float | None
    """Part of the whole stage, 0 to 1 (of all predictions together). None if the stage's time is not known."""


@dataclass(frozen=True)
class ReadbackStatistics:
    """The part of a prediction after the engine's call has returned, until the values are in JavaScript.

    On a GPU the engine's call only queues the work, so this part includes the computation.
    """

    time: StageStatistics
    """Milliseconds of one prediction."""
    share: float | None
    """Part of the prediction, 0 to 1: the median over blocks of each block's median. None where read-back and
    prediction cannot be paired."""


@dataclass(frozen=True)
class CostStatistics:
    """What one stage cost, counted by the operating system for the whole process.

    For the prediction stage each value is the cost of one prediction: the mean within a block, the median over blocks.
    """

    user_ms: float
    system_ms: float
    minor_faults: float
    major_faults: float
    voluntary_switches: float
    involuntary_switches: float
    busy_cores: float | None
    """CPU time over wall time. None where the stage's wall time is not known."""

    @property
    def cpu_ms(self) -> float:
        return self.user_ms + self.system_ms


def downloads(answers: Sequence[Measurement]) -> DownloadStatistics | None:
    """Downloads of a case, or None when no block recorded any."""
    recorded = [answer for answer in answers if answer.proof.downloads]
    if not recorded:
        return None
    shares = [share for answer in recorded if (share := download_share(answer)) is not None]
    speeds = [speed for answer in recorded if (speed := _download_speed(answer)) is not None]
    return DownloadStatistics(
        path=recorded[0].proof.download_path,
        share=median(shares) if shares else None,
        bytes=median([_downloaded_bytes(answer) for answer in recorded]),
        cached_bytes=median([_downloaded_bytes(answer, cached=True) for answer in recorded]),
        megabytes_per_second=median(speeds) if speeds else None,
    )


def download_share(answer: Measurement) -> float | None:
    """Part of setup spent on downloading framework and model, or None if these are not timed separately."""
    whole = sum(answer.setup_ms.values())
    parts = [answer.setup_ms[part] for part in _DOWNLOAD_PARTS if part in answer.setup_ms]
    return sum(parts) / whole if parts and whole > 0 else None


def _downloaded_bytes(answer: Measurement, *, cached: bool = False) -> float:
    return float(sum(one.bytes for one in answer.proof.downloads if one.from_cache == cached))


def _download_speed(answer: Measurement) -> float | None:
    milliseconds = sum(answer.setup_ms.get(part, 0.0) for part in _DOWNLOAD_PARTS)
    count = _downloaded_bytes(answer)
    return count / milliseconds / 1000 if milliseconds > 0 and count > 0 else None


def compilation(answers: Sequence[Measurement]) -> dict[Stage, CompilationStatistics]:
    """The stages in which at least one block of a case compiled something."""
    stages = dict.fromkeys(stage for answer in answers for stage in answer.compilation)
    return {stage: found for stage in stages if (found := _compilation_of(answers, stage))}


def _compilation_of(answers: Sequence[Measurement], stage: Stage) -> CompilationStatistics | None:
    blocks = [
        (answer.compilation.get(stage, _NOTHING_COMPILED), _compilation_wall(answer, stage)) for answer in answers
    ]
    time = over_blocks([[compiled.ms] for compiled, _ in blocks])
    shares = [compiled.ms / wall for compiled, wall in blocks if wall > 0]
    if time is None:
        return None
    return CompilationStatistics(
        shaders=median([float(compiled.shaders) for compiled, _ in blocks]),
        pipelines=median([float(compiled.pipelines) for compiled, _ in blocks]),
        time=time,
        share=median(shares) if shares else None,
    )


def _compilation_wall(answer: Measurement, stage: Stage) -> float:
    """The stage's wall time in milliseconds; warmup is the first inference only."""
    if stage == "setup":
        return sum(answer.setup_ms.values())
    return sum(answer.warmup_ms[:1]) if stage == "warmup" else sum(answer.prediction_ms)


def readback(answers: Sequence[Measurement]) -> ReadbackStatistics | None:
    """Read-back of a case, or None if no block could separate it from the engine's call."""
    time = over_blocks([answer.readback_ms for answer in answers])
    shares = [median(block) for answer in answers if (block := _readback_shares(answer))]
    return ReadbackStatistics(time, median(shares) if shares else None) if time else None


def _readback_shares(answer: Measurement) -> list[float]:
    """The share of read-back in each prediction of a block; empty unless it was recorded for all of them."""
    if len(answer.readback_ms) != len(answer.prediction_ms):
        return []
    pairs = zip(answer.readback_ms, answer.prediction_ms, strict=True)
    return [after / whole for after, whole in pairs if whole > 0]


def costs(answers: Sequence[Measurement]) -> dict[Stage, CostStatistics]:
    """Costs of each stage for which at least one block of a case recorded them."""
    recorded: dict[Stage, list[CostStatistics]] = {}
    for answer in answers:
        for stage, cost in answer.cost.items():
            recorded.setdefault(stage, []).append(_cost_of_block(answer, stage, cost))
    return {stage: _median_cost(blocks) for stage, blocks in recorded.items()}


def _cost_of_block(answer: Measurement, stage: Stage, cost: StageCost) -> CostStatistics:
    count = len(answer.prediction_ms) * answer.predictions_per_sample if stage == "prediction" else 1
    wall = _cost_wall(answer, stage)
    return CostStatistics(
        user_ms=cost.user_ms / max(1, count),
        system_ms=cost.system_ms / max(1, count),
        minor_faults=cost.minor_faults / max(1, count),
        major_faults=cost.major_faults / max(1, count),
        voluntary_switches=cost.voluntary_switches / max(1, count),
        involuntary_switches=cost.involuntary_switches / max(1, count),
        busy_cores=(cost.user_ms + cost.system_ms) / wall if wall > 0 else None,
    )


def _cost_wall(answer: Measurement, stage: Stage) -> float:
    """The stage's wall time in milliseconds; warmup is all warmup inferences, like the costs."""
    if stage == "prediction":
        return sum(answer.prediction_ms) * answer.predictions_per_sample
    return sum(answer.setup_ms.values()) if stage == "setup" else sum(answer.warmup_ms)


def _median_cost(blocks: Sequence[CostStatistics]) -> CostStatistics:
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
