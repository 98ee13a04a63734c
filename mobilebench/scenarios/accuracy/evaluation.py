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
from mobilebench.scenarios.accuracy import reuse, scoring
from mobilebench.scenarios.accuracy.answers import Answers
from mobilebench.scenarios.accuracy.frames import FrameSet
from mobilebench.scenarios.accuracy.reuse import Answered, Counting, Reuse
from mobilebench.scenarios.accuracy.scoring import Judged, Metric, Scores
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
        self._own = _judged(frames, answers, own)
        self._base = scoring.score(self._all(self._own))
        self._bases = [scoring.score(self._drawn(self._own, draw)) for draw in self._draws()]

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
        clips = self._simulate(latency.samples)
        judged = _judged(self.frames, self.answers, clips)
        resampled = []
        for number, draw in enumerate(self._draws()):
            if len(latency.groups) > 1:
                generator = np.random.default_rng([self.seed, 1, number])
                places = generator.integers(len(latency.groups), size=len(latency.groups))
                samples = [one for place in places for one in latency.groups[place]]
                resampled.append(
                    scoring.score(self._drawn(_judged(self.frames, self.answers, self._simulate(samples)), draw))
                )
            else:
                resampled.append(scoring.score(self._drawn(judged, draw)))
        return Outcome(
            latency=latency,
            losses=_losses(self._base, scoring.score(self._all(judged)), self._bases, resampled),
            frames=len(self.frames.frames),
            reused=sum(one.reused for one in clips.values()),
            inferences=sum(len(one.answered) for one in clips.values()),
        )

    def _simulate(self, samples: Sequence[float]) -> dict[str, Reuse]:
        latencies = reuse.in_turn(samples)
        return {
            clip: reuse.simulate([one.time_ms for one in frames], latencies, fps=self.fps, counting=self.counting)
            for clip, frames in self.frames.clips.items()
        }

    def _draws(self) -> list[list[int]]:
        count = len(self.segments)
        return [
            np.random.default_rng([self.seed, 0, number]).integers(count, size=count).tolist()
            for number in range(self.resamples)
        ]

    def _all(self, judged: Mapping[str, Sequence[Judged | None]]) -> list[Judged]:
        return [one for of_clip in judged.values() for one in of_clip if one is not None]

    def _drawn(self, judged: Mapping[str, Sequence[Judged | None]], draw: Sequence[int]) -> list[Judged]:
        segments = (self.segments[place] for place in draw)
        return [one for clip, start, end in segments for one in judged[clip][start:end] if one is not None]


@dataclass(frozen=True)
class LiveClip:
    """What a page reports of a clip that it really showed."""

    clip: str
    shown_ms: tuple[float | None, ...]
    """When each frame of the clip was shown; None for one that was not."""
    answered: tuple[Answered, ...]


def score_live(
    frames: FrameSet, answers: Answers, live: Sequence[LiveClip], counting: Counting = "own frame"
) -> tuple[Scores, int]:
    """The accuracy of a live run, and how many frames have not their own answer.

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
        clips[one.clip] = Reuse(reuse.used(one.shown_ms, one.answered, counting), one.answered)
    if missing := next((clip for clip in frames.clips if clip not in clips), None):
        raise BadInput(f"The live run has no clip {missing}.")
    judged = _judged(frames, answers, clips)
    every = [one for of_clip in judged.values() for one in of_clip if one is not None]
    return scoring.score(every), sum(one.reused for one in clips.values())


def segments_of(frames: FrameSet) -> list[tuple[str, int, int]]:
    """Clip, first frame and end of each segment: every clip in equal parts of about a second."""
    found = []
    for clip, of_clip in frames.clips.items():
        length = of_clip[-1].time_ms - of_clip[0].time_ms
        parts = max(1, min(len(of_clip), round(length / SEGMENT_MS)))
        edges = [round(part * len(of_clip) / parts) for part in range(parts + 1)]
        found += [(clip, start, end) for start, end in pairwise(edges)]
    return found


def _judged(frames: FrameSet, answers: Answers, clips: Mapping[str, Reuse]) -> dict[str, list[Judged | None]]:
    """For each frame of each clip its truth and the answer that counts; None for a frame without truth."""
    judged: dict[str, list[Judged | None]] = {}
    for clip, of_clip in frames.clips.items():
        judged[clip] = [
            (truth, None if other is None else answers[of_clip[other].image])
            if (truth := frames.truth.get(frame.image))
            else None
            for frame, other in zip(of_clip, clips[clip].used, strict=True)
        ]
    return judged


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
            without=Value(value, _interval([one for one, _ in pairs])),
            with_reuse=Value(reached, _interval([other for _, other in pairs])),
            lost=Value(value - reached, _interval([one - other for one, other in pairs])),
        )
    return losses


def _interval(values: Sequence[float]) -> Interval | None:
    if not values:
        return None
    low, high = np.quantile(np.asarray(values), [0.025, 0.975])
    return Interval(float(low), float(high))
