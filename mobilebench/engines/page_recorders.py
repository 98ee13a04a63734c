"""Recorders of a page: started before it measures, called when it pauses, and stopped when it has answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mobilebench.browsers import tracing
from mobilebench.core.records import Measurement, PlannedBlock, TraceFile
from mobilebench.engines.page_process import RecordedPage
from mobilebench.engines.page_sampling import PageProcessSampler
from mobilebench.recorders.base import Recorded, Subject
from mobilebench.targets.base import Target

SETTLE_MS = 3000
"""How long the page stays idle before it begins. A browser converts a trace to JSON only when its first page has been
idle for a while, or after a minute."""

_LONGEST_NAME = 150


class PageTrace:
    """Traces the page of a trace pass. See `engines.page_recorders.PageRecorder`."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._trace: TraceFile | None = None

    def start(self, subject: Subject) -> None:
        """Make the browser begin to trace.

        Raises:
            Unsupported: a program that drives this browser cannot record traces.
        """
        recorded = subject.page
        if recorded.folder is None:
            raise ValueError("A trace pass needs a folder.")
        recorded.page.evaluate(f"new Promise((go) => setTimeout(go, {SETTLE_MS}))", timeout=SETTLE_MS / 1000 + 30)
        tracing.start(recorded.page)
        self._file = recorded.folder / file_name(recorded.block)

    def paused(self, stage: str) -> None:
        """Do nothing: the browser records without help."""

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End the trace and write it to its file. The trace of a failed block is lost when its browser is closed.

        Raises:
            BlockFailed: the trace did not come; see `browsers.tracing.finish`.
        """
        if complete and self._file is not None:
            self._trace = tracing.finish(subject.page.page, self._file)

    def result(self) -> Recorded:
        """The file as the part `trace` of a measurement."""
        return Recorded(parts={"trace": self._trace})


def file_name(block: PlannedBlock) -> str:
    """A name unique within the run: the block's number, and its case in characters that every file system accepts."""
    words = re.sub(r"[^A-Za-z0-9@.]+", "-", block.case.key).strip("-")
    return f"{block.index:05d}-{words[:_LONGEST_NAME]}.json.gz"


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
