"""Accuracy of live runs that are stored, beside the simulation at the times of their inferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.core.page_quality import Void
from mobilebench.reuse import shapes
from mobilebench.reuse.evaluation import Evaluator
from mobilebench.reuse.live import LiveOutcome, compare
from mobilebench.reuse.simulation import Counting
from mobilebench.reuse.watched import WatchedFrames, digest

RESAMPLES = 100
"""For the intervals of a report: each takes a tenth of a second or more."""


@dataclass(frozen=True)
class LiveAccuracy:
    """A live run and what follows from it."""

    watched: WatchedFrames
    outcome: LiveOutcome | Void
    intervals: str
    """What the intervals come from."""
    counting: Counting = "own frame"


def live_accuracies(found: Sequence[WatchedFrames], *, resamples: int = RESAMPLES) -> tuple[LiveAccuracy, ...]:
    """The accuracy of each live run, computed from its raw times and answers, as `mobilebench accuracy --live` does.

    One whose set of frames is not that of this version is void.
    """
    return tuple(_judged(one, resamples) for one in found)


def _judged(watched: WatchedFrames, resamples: int) -> LiveAccuracy:
    frames = shapes.generate().frames
    if (watched.frames, watched.set_sha256) != (shapes.NAME, digest(frames)):
        reason = f"its set of frames ({watched.frames}) is not the one that this version of mobilebench generates"
        return LiveAccuracy(watched, Void(reason=reason), "none")
    if missing := next((one.image for one in frames.frames if one.image not in watched.answers_here), None):
        return LiveAccuracy(watched, Void(reason=f"it has no answer to {missing} to simulate with"), "none")
    evaluator = Evaluator(frames, watched.answers_here, resamples=resamples)
    return LiveAccuracy(watched, compare(evaluator, watched.raw), evaluator.interval_from)
