"""Shows a verification's progress as a bar on a terminal and as plain lines elsewhere, and handles Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mobilebench.cli.output import harmless
from mobilebench.cli.progress import stopping
from mobilebench.verification.records import Cell
from mobilebench.verification.verifier import Begun, Ended, Step, Tell

LONG_S = 60.0
"""After this time in seconds a running cell is mentioned, even if only plain lines are written."""


@contextmanager
def watching() -> Iterator[tuple[Tell, Event]]:
    """Shows progress on standard error, and gives a flag that Ctrl-C, SIGTERM or SIGHUP sets."""
    console = Console(stderr=True, highlight=False)
    with stopping(console, "Stopping: the cell in hand ends …") as cancel:
        if not console.is_terminal:
            yield VerificationLines(console), cancel
            return
        with _bars(console) as bars:
            yield VerificationBar(bars), cancel


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.fields[model]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
        console=console,
        transient=True,
    )


class VerificationBar:
    """One bar per model; it is removed before the model's matrix is printed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._model = ""

    def __call__(self, event: Step | Begun | Ended) -> None:
        if isinstance(event, Step):
            self._at(event.model, None)
            self._say(f"{event.precision}: {event.step}")
        elif isinstance(event, Begun):
            self._at(event.cell.model, event.of)
            self._say(f"{name(event.cell)} ({event.seeded})")
        else:
            self._at(event.row.cell.model, event.of)
            if self._task is not None:
                self._progress.update(self._task, completed=event.number)
            if event.number == event.of:
                self._progress.stop()

    def _at(self, model: str, total: int | None) -> None:
        if self._task is None or model != self._model:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task("", total=None, model=model)
            self._progress.start()
            self._model = model
        if total is not None:
            self._progress.update(self._task, total=total)

    def _say(self, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=escape(text))


class VerificationLines:
    """Prints a line for each cell."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._cell: Cell | None = None
        self._since = 0.0

    def __call__(self, event: Step | Begun | Ended) -> None:
        if isinstance(event, Step):
            self._say(f"{event.model} {event.precision}: {event.step}")
        elif isinstance(event, Begun):
            if event.cell != self._cell:
                self._cell, self._since = event.cell, time.monotonic()
            elif time.monotonic() - self._since > LONG_S:
                self._say(f"  {name(event.cell)}: {time.monotonic() - self._since:.0f} s, now the input {event.seeded}")
        else:
            self._say(f"[{event.number}/{event.of}] {event.row.cell.model} {name(event.row.cell)}: {outcome(event)}")

    def _say(self, text: str) -> None:
        self._console.print(escape(harmless(text)), soft_wrap=True)


def name(cell: Cell) -> str:
    """The cell's name without its model."""
    return f"{cell.precision} {cell.format} {' '.join(cell.way)}"


def outcome(event: Ended) -> str:
    """The result of a cell, on one line."""
    row = event.row
    if row.relative is None or row.verdict in ("unsupported", "failed"):
        return f"{row.verdict}: {row.reason}"
    said = f"{row.verdict}, {row.relative:.2g} of {row.tolerance:g}"
    if row.before or row.answered is None:
        return f"{said}, from before"
    return f"{said} ({row.answered.seconds:.1f} s)"
