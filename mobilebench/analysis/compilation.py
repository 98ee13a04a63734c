"""What pages compiled for the GPU, by stage: how much, how long, and how much of the stage that was.

Only what a page's own calls show: a browser may go on compiling after they have returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis.statistics import StageStatistics, median, over_blocks
from mobilebench.core.records import Compilation, Measurement, Stage

_NOTHING = Compilation(shaders=0, pipelines=0, ms=0)


@dataclass(frozen=True)
class CompilationStatistics:
    """Medians over blocks; a block of the case in which nothing was compiled counts with nothing."""

    shaders: float
    pipelines: float
    """Of WebGPU; programs that were linked, of WebGL."""
    time: StageStatistics
    """While at least one call that compiles was under way. Milliseconds, one value a block."""
    share: float | None
    """Of the whole stage (of prediction: of all of them together); None where the stage's time is not known."""


def compilation(answers: Sequence[Measurement]) -> dict[Stage, CompilationStatistics]:
    """By stage, those in which at least one of a case's blocks compiled something."""
    stages = dict.fromkeys(stage for answer in answers for stage in answer.compilation)
    return {stage: found for stage in stages if (found := _of_stage(answers, stage))}


def _of_stage(answers: Sequence[Measurement], stage: Stage) -> CompilationStatistics | None:
    told = [(answer.compilation.get(stage, _NOTHING), _wall(answer, stage)) for answer in answers]
    time = over_blocks([[one.ms] for one, _ in told])
    shares = [one.ms / wall for one, wall in told if wall > 0]
    if time is None:
        return None
    return CompilationStatistics(
        shaders=median([float(one.shaders) for one, _ in told]),
        pipelines=median([float(one.pipelines) for one, _ in told]),
        time=time,
        share=median(shares) if shares else None,
    )


def _wall(answer: Measurement, stage: Stage) -> float:
    if stage == "setup":
        return sum(answer.setup_ms.values())
    return sum(answer.warmup_ms[:1]) if stage == "warmup" else sum(answer.prediction_ms)
