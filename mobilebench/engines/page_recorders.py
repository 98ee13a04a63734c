"""Recorders of a page: started before it measures, called when it pauses, and stopped when it has answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mobilebench.core.records import Measurement, Series
from mobilebench.engines.page_process import RecordedPage
from mobilebench.engines.page_sampling import PageProcessSampler
from mobilebench.recorders import registry
from mobilebench.recorders.base import Subject
from mobilebench.recorders.in_engine import PageSide
from mobilebench.targets.base import Target


class PageRecording:
    """What the recorders of one page recorded."""

    def __init__(self, subject: Subject, recorders: list[PageSide]) -> None:
        self._subject = subject
        self._recorders = recorders
        self.series: list[Series] = []
        """What was recorded over time; complete when `completed` has returned."""

    def paused(self, stage: str) -> None:
        """Notify every recorder that the stage has just ended and that the page waits."""
        for recorder in self._recorders:
            recorder.paused(stage)

    def completed(self, answer: Measurement) -> Measurement:
        """The page's measurement, completed with the parts that the recorders recorded."""
        for recorder in self._recorders:
            self._subject.page.answer = answer
            recorded = recorder.result()
            answer = answer.model_copy(update=recorded.parts)
            self.series += recorded.series
        return answer


@contextmanager
def recording(target: Target, page: RecordedPage) -> Iterator[PageRecording]:
    """Record while the body lets the page measure. Every recorder that was started is stopped, in reverse order.

    A recorder that fails makes the block fail, because the block exists for what it records.
    """
    subject = Subject(target, page=page)
    page_side = registry.of_pass(page.block.pass_).page_side
    recorders: list[PageSide] = [*([page_side()] if page_side else []), PageProcessSampler()]
    started: list[PageSide] = []
    try:
        for recorder in recorders:
            started.append(recorder)
            recorder.start(subject)
        yield PageRecording(subject, recorders)
    except BaseException:
        for recorder in reversed(started):
            recorder.stop(subject, complete=False)
        raise
    for recorder in reversed(started):
        recorder.stop(subject)
