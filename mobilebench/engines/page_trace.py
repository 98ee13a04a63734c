"""Records the browser's own trace of a page, which becomes a file of the run."""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.browsers import tracing
from mobilebench.core.records import PlannedBlock, TraceFile
from mobilebench.recorders.base import Recorded, Subject

SETTLE_MS = 3000
"""For how long the page is left alone before it begins. A browser makes JSON of a trace only when its first page has
been idle for a while, or a minute has passed."""

_LONGEST_NAME = 150


class PageTrace:
    """Traces the page of a trace pass. See `engines.page_recorders.PageRecorder`."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._trace: TraceFile | None = None

    def start(self, subject: Subject) -> None:
        """Let the browser begin to trace.

        Raises:
            Unsupported: this browser records no traces for those who drive it.
        """
        recorded = subject.page
        if recorded.folder is None:
            raise ValueError("A trace pass needs a folder.")
        recorded.page.evaluate(f"new Promise((go) => setTimeout(go, {SETTLE_MS}))", timeout=SETTLE_MS / 1000 + 30)
        tracing.start(recorded.page)
        self._file = recorded.folder / file_name(recorded.block)

    def paused(self, stage: str) -> None:
        """Does nothing: the browser records by itself."""

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End the trace and write it into its file. That of a block that failed is dropped with its browser.

        Raises:
            BlockFailed: the trace did not come; see `browsers.tracing.finish`.
        """
        if complete and self._file is not None:
            self._trace = tracing.finish(subject.page.page, self._file)

    def result(self) -> Recorded:
        """The file as the part `trace` of a measurement."""
        return Recorded(parts={"trace": self._trace})


def file_name(block: PlannedBlock) -> str:
    """A name that no other block of the run has: its number, and its case in characters that any system takes."""
    words = re.sub(r"[^A-Za-z0-9@.]+", "-", block.case.key).strip("-")
    return f"{block.index:05d}-{words[:_LONGEST_NAME]}.json.gz"
