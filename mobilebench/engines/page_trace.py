"""Records the browser's own trace of a page and writes it to a file of the run."""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.browsers import tracing
from mobilebench.core.records import PlannedBlock, TraceFile
from mobilebench.recorders.base import Recorded, Subject

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
