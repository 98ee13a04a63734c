"""A trace pass: one block of a page under the browser's own trace, which becomes a file of the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mobilebench.browsers import tracing
from mobilebench.browsers.page import Page
from mobilebench.core.records import PlannedBlock, TraceFile

SETTLE_MS = 3000
"""For how long the page is left alone before it begins. A browser makes JSON of a trace only when its first page has
been idle for a while, or a minute has passed."""

_LONGEST_NAME = 150


@dataclass(frozen=True)
class Recording:
    """A trace that is being recorded."""

    page: Page
    file: Path

    def end(self) -> TraceFile:
        """The trace as a file. Raises `BlockFailed` when it cannot be had; see `browsers.tracing.finish`."""
        return tracing.finish(self.page, self.file)


def begin(page: Page, block: PlannedBlock, folder: Path | None) -> Recording | None:
    """Let the trace begin where the block is a trace pass; `folder` is where it is to lie.

    Raises:
        Unsupported: this browser records no traces for those who drive it.
    """
    if block.pass_ != "trace":
        return None
    if folder is None:
        raise ValueError("A trace pass needs a folder.")
    page.evaluate(f"new Promise((go) => setTimeout(go, {SETTLE_MS}))", timeout=SETTLE_MS / 1000 + 30)
    tracing.start(page)
    return Recording(page, folder / file_name(block))


def file_name(block: PlannedBlock) -> str:
    """As no other block of the run has it: the block's number, and its case in words that any system takes."""
    words = re.sub(r"[^A-Za-z0-9@.]+", "-", block.case.key).strip("-")
    return f"{block.index:05d}-{words[:_LONGEST_NAME]}.json.gz"
