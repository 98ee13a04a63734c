"""Shows a run's events as one bar per target on a terminal and as plain lines elsewhere, and handles Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event as Flag
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mobilebench.cli import endings
from mobilebench.cli.output import harmless
from mobilebench.core import log
from mobilebench.core.errors import with_fault, with_hint
from mobilebench.core.records import PlannedBlock
from mobilebench.session import events


@contextmanager
def watching() -> Iterator[tuple[events.Subscriber, Flag]]:
    """Gives a subscriber that shows progress on standard error, and a flag that Ctrl-C, SIGTERM or SIGHUP sets."""
    console = Console(stderr=True, highlight=False)
    with (
        stopping(console, "Stopping: the blocks in flight end, devices are put back …") as cancel,
        _bars(console) as bars,
    ):
        yield (RunBars(bars) if console.is_terminal and not log.is_shown() else RunLines(console)), cancel


@contextmanager
def stopping(console: Console, words: str) -> Iterator[Flag]:
    """Gives a flag that Ctrl-C, SIGTERM or SIGHUP sets; `words` is printed once when it is set."""
    cancel = Flag()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        said = cancel.is_set()
        cancel.set()
        if not said:
            with suppress(OSError, RuntimeError):  # the terminal is closed, or was being written to
                console.print(words)

    before = {number: signal.signal(number, stop) for number in endings.ending()}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if cancel.is_set():
            endings.hang_up_no_more()


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.fields[target]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim"),
        console=console,
        transient=True,
        disable=not console.is_terminal or log.is_shown(),
    )


class Troubles:
    """Messages to print even if only bars are shown: a problem of blocks is printed once per reason and target, and its
    count at the end.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, event: events.Event) -> list[str]:
        """The lines to print for this event."""
        if isinstance(event, events.RunFinished):
            return [
                f"{target}: {what} {count} times: {reason}"
                for (target, what, reason), count in self._seen.items()
                if count > 1
            ]
        if befallen := _befallen(event):
            planned, what, reason = befallen
            key = (planned.case.target, what, reason)
            self._seen[key] += 1
            return [f"{_named(planned)}: {what}: {reason}"] if self._seen[key] == 1 else []
        told = _trouble(event)
        return [told] if told else []


def _befallen(event: events.Event) -> tuple[PlannedBlock, str, str] | None:
    """What happened to a block, and why."""
    if isinstance(event, events.BlockRetried):
        return event.planned, "tried again", with_fault(event.fault, event.reason)
    if isinstance(event, events.BlockFinished):
        block = event.block
        if block.outcome == "failed":
            return block.planned, "failed", with_fault(block.fault, block.reason or "")
        if block.verdict and block.verdict.status == "invalid":
            return block.planned, "invalid", "; ".join(block.verdict.sentences)
    return None


def _trouble(event: events.Event) -> str | None:
    """A line on what happened to a target or to its preparation."""
    if isinstance(event, events.ModelsObtained):
        return f"{event.model}: {event.step}"
    if isinstance(event, events.LibrariesObtained):
        return event.step
    if isinstance(event, events.TargetSkipped | events.TargetLost):
        verb = "skipped" if isinstance(event, events.TargetSkipped) else "lost"
        return with_hint(f"{event.target} {verb}: {event.reason.rstrip('.')}.", event.hint)
    if isinstance(event, events.TargetAway):
        away = f"{event.target} is {event.state}: {event.reason.rstrip('.')}. Waiting up to {event.left_s:.0f} s."
        return with_hint(away, event.hint)
    if isinstance(event, events.TargetBack):
        again = ", started anew meanwhile" if event.restarted else ""
        repeated = "; its block in flight is measured again" if event.repeated else ""
        return f"{event.target} is back after {event.waited_s:.0f} s{again}{repeated}."
    if isinstance(event, events.TargetNoticed):
        return f"{event.target}: {event.words}"
    if isinstance(event, events.Defect):
        return f"{event.target}: a defect in mobilebench:\n{event.traceback}"
    return None


def _named(planned: PlannedBlock) -> str:
    return planned.case.key + _watched(planned)


def _watched(planned: PlannedBlock) -> str:
    """The pass of a block, unless it is timing."""
    return "" if planned.pass_ == "timing" else f" ({planned.pass_} pass)"


class RunBars:
    """One progress bar per target."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._troubles = Troubles()

    def __call__(self, event: events.Event) -> None:
        for text in self._troubles(event):
            self._progress.console.print(escape(harmless(text)))
        if isinstance(event, events.TargetStarted):
            self._tasks[event.target] = self._progress.add_task("", total=event.blocks, target=event.target)
        elif isinstance(event, events.GateWaiting):
            self._progress.update(self._tasks[event.target], description="waiting for its turn")
        elif isinstance(event, events.GatePassed):
            case, watched = event.planned.case, _watched(event.planned)
            text = f"{case.model} {case.way}{watched}"
            self._progress.update(self._tasks[event.target], description=escape(text))
        elif isinstance(event, events.StillWaiting):
            text = f"{event.state}: waiting for it, {event.left_s:.0f} s left"
            self._progress.update(self._tasks[event.target], description=escape(text))
        elif isinstance(event, events.TargetBack):
            self._progress.update(self._tasks[event.target], description="back")
        elif isinstance(event, events.BlockFinished):
            self._progress.advance(self._tasks[event.target])
        elif isinstance(event, events.TargetFinished) and event.target in self._tasks:
            self._progress.update(self._tasks[event.target], description="done")


class RunLines:
    """Prints a line every few seconds, for logs of nightly jobs."""

    EVERY_S = 5.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = 0
        self._done = 0
        self._said = 0.0
        self._troubles = Troubles()

    def __call__(self, event: events.Event) -> None:
        for text in self._troubles(event):
            self._say(escape(harmless(text)))
        if isinstance(event, events.RunStarted):
            self._total, self._done = event.blocks + event.done, event.done
            self._say(f"Run {event.run_id}: {event.blocks} blocks on {', '.join(event.targets)}")
        elif isinstance(event, events.BlockFinished):
            self._done += 1
            if self._done == self._total or time.monotonic() - self._said > self.EVERY_S:
                self._said = time.monotonic()
                self._say(f"{self._done} of {self._total} blocks done")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)
