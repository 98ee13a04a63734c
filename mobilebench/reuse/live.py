"""Live runs, in which a page really showed the frames, beside the simulation at the latencies that they had.

The simulation is made for each repetition with the times of its own inferences. Each resample draws segments and
repetitions, the same for both sides, so their difference is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mobilebench.core.errors import BadInput
from mobilebench.reuse import scoring, simulation
from mobilebench.reuse.answers import Answer
from mobilebench.reuse.evaluation import Evaluator, Latency, Value, every, judged, value_interval
from mobilebench.reuse.frames import FrameSet
from mobilebench.reuse.scoring import Metric, Scores
from mobilebench.reuse.simulation import Answered, Counting, Reuse


@dataclass(frozen=True)
class LiveClip:
    """What a page reports of a clip that it really showed."""

    clip: str
    shown_ms: tuple[float | None, ...]
    """When each frame of the clip was shown; None for one that was not."""
    answered: tuple[Answered, ...]


@dataclass(frozen=True)
class LiveRepetition:
    """One pass over all clips of a set."""

    clips: tuple[LiveClip, ...]
    answers: Mapping[str, Answer]
    """Image to what the model answered to it in the page; images that it did not process are missing."""

    @property
    def latency_ms(self) -> tuple[float, ...]:
        """The time of each inference, in order."""
        return tuple(one.answered_ms - one.started_ms for clip in self.clips for one in clip.answered)


@dataclass(frozen=True)
class Compared:
    """One metric of a live run beside the simulation; means over repetitions."""

    without: Value
    """All frames processed, with the answers of the simulation."""
    live: Value
    simulated: Value
    difference: Value
    """Live less simulated."""

    @property
    def agree(self) -> bool | None:
        """Whether their intervals overlap; None without intervals."""
        live, simulated = self.live.interval, self.simulated.interval
        if live is None or simulated is None:
            return None
        return live.low <= simulated.high and simulated.low <= live.high


@dataclass(frozen=True)
class LiveOutcome:
    """A live run, judged."""

    latency: Latency
    """The times of its inferences; a repetition is a group."""
    metrics: dict[Metric, Compared]
    frames: int
    """Frames of one repetition."""
    reused: tuple[int, ...]
    """Frames of each repetition that have not their own answer."""
    simulated_reused: tuple[int, ...]
    """The same of its simulation."""

    @property
    def agree(self) -> bool | None:
        """Whether live run and simulation agree in every metric; None without intervals."""
        found = [one.agree for one in self.metrics.values()]
        return None if None in found else all(found)


def compare(evaluator: Evaluator, repetitions: Sequence[LiveRepetition]) -> LiveOutcome:
    """The accuracy of a live run, and of simulations at the times of its inferences.

    Args:
        evaluator: set, answers of the simulation, counting and resamples. The page shows all frames: it has no rate.
        repetitions: at least one.

    Raises:
        BadInput: a repetition does not fit the set (`reuse_of`), or has no inference.
    """
    frames = evaluator.frames
    groups = tuple(one.latency_ms for one in repetitions)
    if not all(groups):
        raise BadInput("A repetition of the live run has no inference, so it has no accuracy.")
    latency = Latency("live run", groups)
    real = [reuse_of(frames, one.clips, evaluator.counting) for one in repetitions]
    simulated = [evaluator.simulate(samples) for samples in groups]
    live = [
        judged(frames, {**evaluator.answers, **one.answers}, clips)
        for one, clips in zip(repetitions, real, strict=True)
    ]
    like = [judged(frames, evaluator.answers, clips) for clips in simulated]
    resampled = [
        tuple(_mean([scoring.score(evaluator.drawn(side[place], draw)) for place in places]) for side in (live, like))
        for number, draw in enumerate(evaluator.draws())
        for places in [evaluator.drawn_groups(len(groups), number)]
    ]
    whole = tuple(_mean([scoring.score(every(one)) for one in side]) for side in (live, like))
    return LiveOutcome(
        latency=latency,
        metrics={metric: _compared(metric, evaluator, whole, resampled) for metric in evaluator.base.values},
        frames=len(frames.frames),
        reused=tuple(_reused(one) for one in real),
        simulated_reused=tuple(_reused(one) for one in simulated),
    )


def _compared(
    metric: Metric, evaluator: Evaluator, whole: tuple[Scores, ...], resampled: Sequence[tuple[Scores, ...]]
) -> Compared:
    live, simulated = (one.values[metric] for one in whole)
    pairs = [
        (one.values[metric], other.values[metric])
        for one, other in resampled
        if metric in one.values and metric in other.values
    ]
    bases = [one.values[metric] for one in evaluator.bases if metric in one.values]
    return Compared(
        without=Value(evaluator.base.values[metric], value_interval(bases)),
        live=Value(live, value_interval([one for one, _ in pairs])),
        simulated=Value(simulated, value_interval([other for _, other in pairs])),
        difference=Value(live - simulated, value_interval([one - other for one, other in pairs])),
    )


def _mean(scores: Sequence[Scores]) -> Scores:
    """The mean of each metric that all of them have."""
    names = [name for name in scores[0].values if all(name in one.values for one in scores)]
    return Scores({name: fmean(one.values[name] for one in scores) for name in names})


def _reused(clips: Mapping[str, Reuse]) -> int:
    return sum(one.reused for one in clips.values())


def reuse_of(frames: FrameSet, live: Sequence[LiveClip], counting: Counting) -> dict[str, Reuse]:
    """Whose answer counts for each frame of each clip of a live run.

    Raises:
        BadInput: a clip of the set is missing, unknown or there twice, has another number of frames, or an answer to a
            frame that it does not have.
    """
    clips = {}
    for one in live:
        expected = frames.clips.get(one.clip)
        if expected is None or one.clip in clips:
            raise BadInput(f"The live run has clip {one.clip}, which {frames.name} does not have, or has it twice.")
        if len(one.shown_ms) != len(expected):
            raise BadInput(f"The live run has {len(one.shown_ms)} frames of clip {one.clip}, not {len(expected)}.")
        if any(not 0 <= each.frame < len(expected) for each in one.answered):
            raise BadInput(f"The live run has an answer to a frame that clip {one.clip} does not have.")
        clips[one.clip] = Reuse(simulation.used(one.shown_ms, one.answered, counting), one.answered)
    if missing := next((clip for clip in frames.clips if clip not in clips), None):
        raise BadInput(f"The live run has no clip {missing}.")
    return clips
