"""Recorders of a page: started before it measures, called when it pauses, and stopped when it has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from mobilebench.core.records import Measurement
from mobilebench.engines.page_process import RecordedPage
from mobilebench.engines.page_sampling import PageProcessSampler
from mobilebench.engines.page_trace import PageTrace
from mobilebench.recorders.base import Recorded, Subject
from mobilebench.targets.base import Target


class PageRecorder(Protocol):
    """The part of a recorder that drives a page's browser and reads the state of its processes."""

    def start(self, subject: Subject) -> None:
        """Begin, when the page is open and before it measures. An error that is raised here makes the block fail."""
        ...

    def paused(self, stage: str) -> None:
        """The stage has just ended, and the page waits until this returns."""
        ...

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End, when the page has answered or failed; `complete` says whether it has answered."""
        ...

    def result(self) -> Recorded:
        """What was recorded since `start`, to be added to the page's answer."""
        ...


PAGE_SIDES: dict[str, Callable[[], PageRecorder]] = {"trace": PageTrace}
"""Pass to the recorder that it adds to the sampling of the page's process."""


class PageRecording:
    """What the recorders of one page recorded."""

    def __init__(self, subject: Subject, recorders: list[PageRecorder]) -> None:
        self._subject = subject
        self._recorders = recorders

    def paused(self, stage: str) -> None:
        """Notify every recorder that the stage has just ended and that the page waits."""
        for one in self._recorders:
            one.paused(stage)

    def completed(self, answer: Measurement) -> Measurement:
        """The page's measurement, completed with what the recorders recorded."""
        for one in self._recorders:
            self._subject.page.answer = answer
            answer = answer.model_copy(update=one.result().parts)
        return answer


@contextmanager
def recording(target: Target, page: RecordedPage) -> Iterator[PageRecording]:
    """Record while the body lets the page measure. Every recorder that was started is stopped, in reverse order.

    A recorder that fails makes the block fail, because the block exists for what it records.
    """
    subject = Subject(target, page=page)
    wanted: list[PageRecorder] = [PageProcessSampler()]
    if side := PAGE_SIDES.get(page.block.pass_):
        wanted.insert(0, side())
    started: list[PageRecorder] = []
    try:
        for one in wanted:
            started.append(one)
            one.start(subject)
        yield PageRecording(subject, wanted)
    except BaseException:
        for one in reversed(started):
            one.stop(subject, complete=False)
        raise
    for one in reversed(started):
        one.stop(subject)
