"""Frame reuse: which frames of a clip a model can process, and whose answer counts for each frame.

Source: Q. Wang et al., "Anatomizing Deep Learning Inference in Web Browsers", ACM TOSEM 34 (2025), section 3.3: a frame
that can be processed has its own answer; for one that cannot, the answer of the frame before is used again. What the
study leaves open is decided here:

- **Latest frame wins, no queue.** A model that becomes free takes the frame that is on the screen, if it has not
  processed it already, and else waits for the next one. Frames that came and went meanwhile are never processed.
- **Frame rate.** If a page shows fewer frames a second than the clip has, only frames that are shown can be processed;
  those left out are spread evenly.
- **Whose answer counts** (`Counting`). By `own frame`, as in the study, a processed frame has its own answer, however
  late it came. By `screen`, each frame has the answer that a user sees for most of the time for which it is shown: the
  last one that came before the middle of that time.

Nothing here is random, and all times are milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from typing import Literal

Counting = Literal["own frame", "screen"]

_ROUNDED = 0.05
"""A frame that comes this share of its turn too early is shown: times are often rounded to whole milliseconds."""


@dataclass(frozen=True)
class Answered:
    """One inference on a frame of a clip."""

    frame: int
    """Position of the frame in its clip."""
    started_ms: float
    answered_ms: float


@dataclass(frozen=True)
class Reuse:
    """What happened to the frames of a clip."""

    used: tuple[int | None, ...]
    """For each frame the one whose answer counts for it; None if there was no answer yet."""
    answered: tuple[Answered, ...]

    @property
    def reused(self) -> int:
        """Frames that have not their own answer: the answer of an earlier frame, or none."""
        return sum(other != own for own, other in enumerate(self.used))


def simulate(
    times_ms: Sequence[float],
    latencies_ms: Iterator[float],
    *,
    fps: float | None = None,
    counting: Counting = "own frame",
) -> Reuse:
    """What happens to the frames of one clip.

    Args:
        times_ms: when each frame of the clip comes, ascending.
        latencies_ms: the time of each inference in turn (see `in_turn`); one is taken for every inference.
        fps: frames that the page shows in a second; None: all.
        counting: whose answer counts.
    """
    shown = shown_frames(times_ms, fps)
    answered = process(times_ms, shown, latencies_ms)
    return Reuse(used(times_ms, answered, counting), answered)


def in_turn(latencies_ms: Sequence[float]) -> Iterator[float]:
    """The latencies in their order, again and again.

    Raises:
        ValueError: there is none, or one is negative or not finite.
    """
    if not latencies_ms:
        raise ValueError("A simulation needs at least one latency.")
    if not all(math.isfinite(one) and one >= 0 for one in latencies_ms):
        raise ValueError("A latency is a finite time of at least 0 ms.")
    return cycle(latencies_ms)


def shown_frames(times_ms: Sequence[float], fps: float | None) -> tuple[int, ...]:
    """Positions of the frames that a page shows which shows `fps` frames a second; the first one is always shown."""
    if fps is None:
        return tuple(range(len(times_ms)))
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError("A frame rate is a finite number above 0.")
    shown, turn, before = [], 1.0, times_ms[0] if times_ms else 0.0
    for position, time in enumerate(times_ms):
        turn += (time - before) * fps / 1000
        before = time
        if turn >= 1 - _ROUNDED:
            shown.append(position)
            turn = turn - 1 if turn < 2 else 0.0
    return tuple(shown)


def process(times_ms: Sequence[float], shown: Sequence[int], latencies_ms: Iterator[float]) -> tuple[Answered, ...]:
    """The inferences on a clip, by `latest frame wins, no queue`.

    The last frame stays on the screen as long as the one before it, and a single one does not stay.
    """
    found: list[Answered] = []
    free = -math.inf
    for position, frame in enumerate(shown):
        time = times_ms[frame]
        if position + 1 < len(shown):
            gone = times_ms[shown[position + 1]]
        else:
            gone = time + (time - times_ms[shown[position - 1]]) if position else time
        start = max(time, free)
        if start == time or start < gone:
            free = start + next(latencies_ms)
            found.append(Answered(frame, start, free))
    return tuple(found)


def used(shown_ms: Sequence[float | None], answered: Iterable[Answered], counting: Counting) -> tuple[int | None, ...]:
    """For each frame of a clip, the position of the frame whose answer counts for it.

    It serves a simulation and a live run alike.

    Args:
        shown_ms: when each frame was shown; None for a frame that was not. Times are ascending.
        answered: the inferences on the clip's frames, on the same clock.
        counting: whose answer counts. By `screen`, a frame that was not shown has what the one before it has.

    Returns:
        A position for each frame; None where there was no answer yet.
    """
    if counting == "own frame":
        own = {one.frame for one in answered}
        last: int | None = None
        found: list[int | None] = []
        for frame in range(len(shown_ms)):
            last = frame if frame in own else last
            found.append(last)
        return tuple(found)
    waiting = sorted(answered, key=lambda one: one.answered_ms)
    found, last, place = [], None, 0
    for time in _middles(shown_ms):
        while time is not None and place < len(waiting) and waiting[place].answered_ms <= time:
            last = waiting[place].frame
            place += 1
        found.append(last)
    return tuple(found)


def _middles(shown_ms: Sequence[float | None]) -> list[float | None]:
    """The middle of the time for which each frame is shown; the last one is shown as long as the one before it."""
    known = [time for time in shown_ms if time is not None]
    steps = [after - before for before, after in pairwise(known)]
    middles = iter(time + step / 2 for time, step in zip(known, [*steps, *(steps[-1:] or [0.0])], strict=False))
    return [None if time is None else next(middles) for time in shown_ms]
