"""Accuracy with and without frame reuse, with intervals.

An interval is a percentile bootstrap (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).
Each resample draws segments of the clips with replacement, and groups of measured latencies with replacement, and
simulates the reuse again. A segment is about a second of a clip, since neighbouring frames hardly differ. Accuracy
with and without reuse is computed on the same segments, so that the loss is paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from mobilebench.core.errors import BadInput
from mobilebench.reuse import scoring, simulation
from mobilebench.reuse.answers import Answers
from mobilebench.reuse.frames import FrameSet
from mobilebench.reuse.scoring import Judged, Metric, Scores
from mobilebench.reuse.simulation import Counting, Reuse
from mobilebench.statistics.estimates import Interval

LEAST_SEGMENTS = 5
"""With fewer segments there is no interval."""
SEGMENT_MS = 1000.0
RESAMPLES = 200
_LONGEST_MS = 3_600_000.0


@dataclass(frozen=True)
class Latency:
    """Measured times of inferences, in ms."""

    name: str
    groups: tuple[tuple[float, ...], ...]
    """The samples of each block in their order; a single value is one group of one sample."""
    about: str = ""
    """Something that a reader should know of it."""

    def __post_init__(self) -> None:
        if not self.samples:
            raise BadInput(f"{self.name} has no latency.", hint="Give at least one time, such as 80ms.")
        if not all(math.isfinite(one) and 0 <= one <= _LONGEST_MS for one in self.samples):
            raise BadInput(
                f"{self.name} has a latency that is negative, not finite or longer than an hour.",
                hint="A latency is a time such as 80ms or 1.5s.",
            )

    @property
    def samples(self) -> tuple[float, ...]:
        return tuple(one for group in self.groups for one in group)

    @property
    def median_ms(self) -> float:
        return float(median(self.samples))


@dataclass(frozen=True)
class Value:
    """A share from 0 to 1, or a difference of two, with its 95 % interval; None where there is no interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Loss:
    """One metric with and without reuse."""

    without: Value
    """All frames processed."""
    with_reuse: Value
    lost: Value
    """`without` less `with_reuse`: above 0 if reuse costs accuracy."""


@dataclass(frozen=True)
class Outcome:
    """What reuse costs at one latency."""

    latency: Latency
    losses: dict[Metric, Loss]
    frames: int
    reused: int
    """Frames that have not their own answer."""
    inferences: int

    @property
    def reused_share(self) -> float:
        return self.reused / self.frames


class Evaluator:
    """Evaluates latencies on one set of frames with one model's answers.

    Args:
        frames: the set.
        answers: the model's answer to every frame.
        fps: frames that the page shows in a second; None: all.
        counting: whose answer counts.
        resamples: how often segments are drawn for intervals; 0: no intervals.
        seed: of the draws.
    """

    def __init__(
        self,
        frames: FrameSet,
        answers: Answers,
        *,
        fps: float | None = None,
        counting: Counting = "own frame",
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        self.frames = frames
        self.answers = answers
        self.fps = fps
        self.counting: Counting = counting
        self.seed = seed
        self.segments = segments_of(frames)
        self.resamples = resamples if len(self.segments) >= LEAST_SEGMENTS else 0
        own = {clip: Reuse(tuple(range(len(of_clip))), ()) for clip, of_clip in frames.clips.items()}
        self._own = judged(frames, answers, own)
        self.base = scoring.score(every(self._own))
        """With every frame processed."""
        self.bases = [scoring.score(self.drawn(self._own, draw)) for draw in self.draws()]
        """The same of each resample."""

    @property
    def interval_from(self) -> str:
        """What the intervals come from, or why there are none."""
        count = f"{len(self.segments)} segments of about {SEGMENT_MS / 1000:g} s"
        if self.resamples:
            return f"{self.resamples} resamples of {count}"
        if len(self.segments) < LEAST_SEGMENTS:
            return f"none: there are {count}, and {LEAST_SEGMENTS} are needed"
        return "none: no resamples"

    def evaluate(self, latency: Latency) -> Outcome:
        """What reuse costs at this latency."""
        clips = self.simulate(latency.samples)
        found = judged(self.frames, self.answers, clips)
        resampled = []
        for number, draw in enumerate(self.draws()):
            if len(latency.groups) > 1:
                places = self.drawn_groups(len(latency.groups), number)
                samples = [one for place in places for one in latency.groups[place]]
                drawn = judged(self.frames, self.answers, self.simulate(samples))
                resampled.append(scoring.score(self.drawn(drawn, draw)))
            else:
                resampled.append(scoring.score(self.drawn(found, draw)))
        return Outcome(
            latency=latency,
            losses=_losses(self.base, scoring.score(every(found)), self.bases, resampled),
            frames=len(self.frames.frames),
            reused=sum(one.reused for one in clips.values()),
            inferences=sum(len(one.answered) for one in clips.values()),
        )

    def simulate(self, samples: Sequence[float]) -> dict[str, Reuse]:
        """What happens to the frames of each clip at these latencies, taken in turn."""
        latencies = simulation.in_turn(samples)
        return {
            clip: simulation.simulate([one.time_ms for one in frames], latencies, fps=self.fps, counting=self.counting)
            for clip, frames in self.frames.clips.items()
        }

    def draws(self) -> list[list[int]]:
        """The segments of each resample, by their places."""
        count = len(self.segments)
        return [
            np.random.default_rng([self.seed, 0, number]).integers(count, size=count).tolist()
            for number in range(self.resamples)
        ]

    def drawn_groups(self, count: int, number: int) -> list[int]:
        """The groups of resample `number`, by their places among `count`."""
        places: list[int] = np.random.default_rng([self.seed, 1, number]).integers(count, size=count).tolist()
        return places

    def drawn(self, of_clips: Mapping[str, Sequence[Judged | None]], draw: Sequence[int]) -> list[Judged]:
        """The frames of these segments that have truth."""
        segments = (self.segments[place] for place in draw)
        return [one for clip, start, end in segments for one in of_clips[clip][start:end] if one is not None]


def every(of_clips: Mapping[str, Sequence[Judged | None]]) -> list[Judged]:
    """All frames that have truth."""
    return [one for of_clip in of_clips.values() for one in of_clip if one is not None]


def segments_of(frames: FrameSet) -> list[tuple[str, int, int]]:
    """Clip, first frame and end of each segment: every clip in equal parts of about a second."""
    found = []
    for clip, of_clip in frames.clips.items():
        length = of_clip[-1].time_ms - of_clip[0].time_ms
        parts = max(1, min(len(of_clip), round(length / SEGMENT_MS)))
        edges = [round(part * len(of_clip) / parts) for part in range(parts + 1)]
        found += [(clip, start, end) for start, end in pairwise(edges)]
    return found


def judged(frames: FrameSet, answers: Answers, clips: Mapping[str, Reuse]) -> dict[str, list[Judged | None]]:
    """For each frame of each clip its truth and the answer that counts; None for a frame without truth."""
    found: dict[str, list[Judged | None]] = {}
    for clip, of_clip in frames.clips.items():
        found[clip] = [
            (truth, None if other is None else answers[of_clip[other].image])
            if (truth := frames.truth.get(frame.image))
            else None
            for frame, other in zip(of_clip, clips[clip].used, strict=True)
        ]
    return found


def _losses(
    base: Scores, with_reuse: Scores, bases: Sequence[Scores], resampled: Sequence[Scores]
) -> dict[Metric, Loss]:
    losses: dict[Metric, Loss] = {}
    for metric, value in base.values.items():
        # A resample may have no frame that counts for a metric.
        pairs = [
            (one.values[metric], other.values[metric])
            for one, other in zip(bases, resampled, strict=True)
            if metric in one.values and metric in other.values
        ]
        reached = with_reuse.values[metric]
        losses[metric] = Loss(
            without=Value(value, value_interval([one for one, _ in pairs])),
            with_reuse=Value(reached, value_interval([other for _, other in pairs])),
            lost=Value(value - reached, value_interval([one - other for one, other in pairs])),
        )
    return losses


def value_interval(values: Sequence[float]) -> Interval | None:
    """The middle 95 % of the resamples' values; None where there are none."""
    if not values:
        return None
    low, high = np.quantile(np.asarray(values), [0.025, 0.975])
    return Interval(float(low), float(high))
