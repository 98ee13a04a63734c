"""Starts and stops the recorders of a block and collects what they recorded. A failing recorder never fails a block."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from mobilebench.core.errors import MobilebenchError, TargetLost
from mobilebench.core.records import Series
from mobilebench.recorders.base import Recorder, Subject
from mobilebench.recorders.reading import ReadingRecorder
from mobilebench.recorders.stream import Sampling, sampling


@dataclass
class Recording:
    """What the recorders of one block recorded, and what it cost. Complete when the context `recording` has ended."""

    series: list[Series] = field(default_factory=list)
    spent_ms: float = 0.0
    """Time that the recorders took around the block, not during it."""


@contextmanager
def recording(subject: Subject, recorders: Sequence[Recorder]) -> Iterator[Recording]:
    """Record while the body measures a block.

    A recorder that cannot start or stop has its reason in its series. When the body raises, every recorder is stopped
    without another reading, and the series hold what was recorded until then.

    Raises:
        TargetLost: the target went away while it was read.
    """
    found = Recording()
    failures: dict[int, str] = {}
    started: list[Recorder] = []
    sampler: Sampling | None = None
    complete = False
    try:
        begun = time.perf_counter()
        for one in recorders:
            started.append(one)
            _attempt(lambda one=one: one.start(subject), one, failures)  # type: ignore[misc]
        feeds = [one for one in started if isinstance(one, ReadingRecorder) and one.sampled and id(one) not in failures]
        if feeds:
            sampler = sampling(subject, feeds)
            sampler.start()
        found.spent_ms += (time.perf_counter() - begun) * 1000
        yield found
        complete = True
    finally:
        begun = time.perf_counter()
        try:
            if sampler:
                sampler.stop()
            _stop(started, subject, failures, complete=complete)
        finally:
            found.spent_ms += (time.perf_counter() - begun) * 1000
            for one in started:
                found.series += _series(one, failures)
            if sampler:
                found.series += sampler.series()


def _stop(started: Sequence[Recorder], subject: Subject, failures: dict[int, str], *, complete: bool) -> None:
    """Stop all recorders, even when one of them fails. A lost target is reported after all have been stopped."""
    lost: TargetLost | None = None
    for one in started:
        whole = complete and lost is None and id(one) not in failures
        try:
            _attempt(lambda one=one, whole=whole: one.stop(subject, complete=whole), one, failures)  # type: ignore[misc]
        except TargetLost as error:
            lost = error
            with suppress(Exception):
                one.stop(subject, complete=False)
    if lost and complete:
        raise lost


def _attempt(step: Callable[[], None], recorder: Recorder, failures: dict[int, str]) -> None:
    try:
        step()
    except TargetLost:
        raise
    except MobilebenchError as error:
        failures.setdefault(id(recorder), error.message.rstrip("."))
    except Exception as error:
        failures.setdefault(id(recorder), f"the recorder has a defect ({type(error).__name__}: {error})")


def _series(recorder: Recorder, failures: dict[int, str]) -> list[Series]:
    """The series that a recorder recorded. If it failed, each declared series holds the reason."""
    try:
        series = recorder.result().series
    except Exception as error:
        series = []
        failures.setdefault(id(recorder), f"the recorder has a defect ({type(error).__name__}: {error})")
    reason = failures.get(id(recorder))
    return without_values(recorder, reason, series) if reason else series


def without_values(recorder: Recorder, reason: str, series: Sequence[Series] = ()) -> list[Series]:
    """The series with this reason, and one without values for each declared series that is missing."""
    declared = recorder.declaration
    given = {(one.name, one.unit) for one in series}
    empty = [
        Series(recorder=declared.name, name=one.name, unit=one.unit, times_ms=[], values=[], reason=reason)
        for one in declared.quantities
        if one.key not in given
    ]
    marked = [
        one.model_copy(update={"reason": f"{one.reason}; {reason}" if one.reason and one.reason != reason else reason})
        for one in series
    ]
    return [*marked, *empty]
