"""Shows the progress of runs, verifications, downloads and builds on standard error: as bars on a terminal, as plain
lines elsewhere.
"""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Event as Flag
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from mobilebench.analysis.labels import short_scenario
from mobilebench.cli import pasted, process
from mobilebench.cli.output import duration, harmless, say
from mobilebench.core import log
from mobilebench.core.errors import with_fault, with_hint
from mobilebench.core.records import PlannedBlock
from mobilebench.core.sizes import decimal_size
from mobilebench.session import events

if TYPE_CHECKING:
    from mobilebench.models.weights.download import Watcher
    from mobilebench.session.estimate import TimeLeft
    from mobilebench.verification.records import Cell
    from mobilebench.verification.verifier import Begun, Ended, Step


_WIDE = 100
"""Columns of a terminal from which on a bar leaves enough room for the text beside it."""
LONG_S = 60.0
"""After this time in seconds a running cell is mentioned, even if only plain lines are written."""


@contextmanager
def of_run(
    time_left: TimeLeft, names: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[events.Subscriber, Flag]]:
    """Yields a subscriber that shows a run's events, and a flag that Ctrl-C, SIGTERM or SIGHUP sets.

    Args:
        time_left: follows the events too, and says how long the run will go on.
        names: under which targets are shown, by id; by default their ids.
    """
    console = Console(stderr=True, highlight=False)
    with (
        stopping(console, "Stopping: the current blocks end, and the changes on devices are undone …") as cancel,
        _bars(console, "target") as bars,
    ):
        shown = console.is_terminal and not log.is_shown()
        subscriber = RunBars(bars, time_left, names) if shown else RunLines(console, time_left, names)
        with _watching(subscriber, cancel) as watched_subscriber:
            yield watched_subscriber, cancel


class Watch(Protocol):
    """Follows runs from outside, such as a night, which limits their time."""

    def begin(self, cancel: Flag) -> None:
        """A run begins; setting `cancel` ends it cleanly."""

    def end(self) -> None:
        """The run has ended."""

    def __call__(self, event: events.Event) -> None:
        """An event of the run."""


_watch: ContextVar[Watch | None] = ContextVar("watch of runs", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """The runs that are begun within the context are followed by this watch."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def _watching(subscriber: events.Subscriber, cancel: Flag) -> Iterator[events.Subscriber]:
    watch = _watch.get()
    if watch is None:
        yield subscriber
        return

    def both(event: events.Event) -> None:
        watch(event)
        subscriber(event)

    watch.begin(cancel)
    try:
        yield both
    finally:
        watch.end()


@contextmanager
def of_verification() -> Iterator[tuple[Callable[[Any], None], Flag]]:
    """Yields a function that shows a verification's events, and a flag that Ctrl-C, SIGTERM or SIGHUP sets."""
    console = Console(stderr=True, highlight=False)
    with stopping(console, "Stopping: the current cell ends …") as cancel:
        if not console.is_terminal:
            yield VerificationLines(console), cancel
            return
        with _bars(console, "model") as bars:
            yield VerificationBar(bars), cancel


@contextmanager
def of_download(name: str) -> Iterator[Watcher]:
    """Yields what shows the progress of the download for the model `name`."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield DownloadLines(console, name)
        return
    with Progress(
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield DownloadBar(progress, name)


@contextmanager
def of_builds(count: int) -> Iterator[Callable[[int, str, str], None]]:
    """Yields a function that shows a step of building one of `count` models, given its number, label and the step.

    On a terminal, steps overwrite each other in one line.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda number, label, step: say(f"[{number}/{count}] {label}: {step}", err=True)
        return
    with console.status("") as status:
        yield lambda number, label, step: status.update(f"\\[{number}/{count}] {label}: {step}")


def _drawing(count: int) -> str:
    return "Drawing one figure" if count == 1 else f"Drawing {count} figures"


@contextmanager
def of_figures() -> Iterator[Callable[[int, int, str], None]]:
    """Yields a function that shows which figure is drawn, given its number, how many there are, and its name."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda number, count, _name: say(_drawing(count), err=True) if number == 1 else None
        return
    with console.status("") as status:
        yield lambda number, count, name: status.update(f"\\[{number}/{count}] {escape(name)}")


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

    before = {number: signal.signal(number, stop) for number in process.ending_signals()}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if cancel.is_set():
            process.ignore_hangups()


def _bars(console: Console, named_by: str) -> Progress:
    """Bars that begin with this field of their task, and end with as much of its description as there is room for. None
    are shown where they would break up other output.
    """
    return Progress(
        TextColumn(f"{{task.fields[{named_by}]}}"),
        BarColumn(bar_width=24 if console.width >= _WIDE else 10),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", style="dim", table_column=Column(ratio=1, no_wrap=True)),
        console=console,
        transient=True,
        expand=True,
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
        line = _trouble(event)
        return [line] if line else []


def _befallen(event: events.Event) -> tuple[PlannedBlock, str, str] | None:
    """What happened to a block, and why."""
    if isinstance(event, events.BlockRetried):
        return event.planned, "tried again", with_fault(event.fault, event.reason)
    if isinstance(event, events.BlockStopped):
        then = "cooled and repeated" if event.repeated else "given up"
        return event.planned, f"stopped, {then}", event.reason
    if isinstance(event, events.GateTimedOut):
        then = "skipped" if event.skipped else "measured and marked"
        return event.planned, f"not ready after {duration(event.waited_s)}, {then}", "; ".join(event.reasons)
    if isinstance(event, events.PhoneLog) and (errors := _errors_of(event.lines)):
        return event.planned, "the phone's log (`mobilebench bugreport` packs more of it)", "; ".join(errors)
    if isinstance(event, events.BlockFinished):
        block = event.block
        if block.outcome == "failed":
            return block.planned, "failed", with_fault(block.fault, block.reason or "")
        if block.verdict and block.verdict.status == "invalid":
            return block.planned, "invalid", "; ".join(block.verdict.sentences)
    return None


_ERROR = re.compile(r"\d\d-\d\d [\d:.]{8,15} +\d{1,7} +\d{1,7} ([EF] .*)")
"""A line of `logcat -v threadtime` of level error or fatal."""
_MOST_ERRORS, _LONGEST_ERROR = 2, 160


def _errors_of(lines: Sequence[str]) -> list[str]:
    """The last errors in the end of a phone's log, shortened and without their times."""
    errors = [found[1][:_LONGEST_ERROR] for line in lines if (found := _ERROR.fullmatch(line))]
    return list(dict.fromkeys(errors))[-_MOST_ERRORS:]


def _trouble(event: events.Event) -> str | None:
    """A line on what happened to a target or to its preparation."""
    if isinstance(event, events.ModelsObtained):
        return f"{event.model}: {event.step}"
    if isinstance(event, events.LibrariesObtained):
        return event.step
    if isinstance(event, events.RoundsAdded):
        rounds = "1 further round" if event.rounds == 1 else f"{event.rounds} further rounds"
        why = "its intervals are wider than was asked for"
        return f"{event.target}: {rounds} of {len(event.added)} blocks, about {duration(event.seconds)}: {why}."
    if isinstance(event, events.TargetSkipped | events.TargetLost):
        verb = "was skipped" if isinstance(event, events.TargetSkipped) else "was lost"
        return with_hint(f"{event.target} {verb}: {event.reason.rstrip('.')}.", event.hint)
    if isinstance(event, events.TargetAway):
        from mobilebench.targets.android import discovery

        away = discovery.sentence(event.target, event.state)
        away = f"{away}: {event.reason.rstrip('.')}. The run waits up to {event.left_s:.0f} s."
        return with_hint(away, event.hint)
    if isinstance(event, events.TargetBack):
        restarted = ", and was restarted meanwhile" if event.restarted else ""
        repeated = "; its interrupted block is measured again" if event.repeated else ""
        return f"{event.target} is back after {event.waited_s:.0f} s{restarted}{repeated}."
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


def _shown(planned: PlannedBlock) -> str:
    """The case of a block beside its bar. Long texts are cut there, so what differs between neighbours comes first."""
    case = planned.case
    if not case.has_scenario:
        return f"{case.model} {case.way}{_watched(planned)}"
    where = f"{short_scenario(case.scenario)}{_watched(planned)}"
    if case.is_baseline:
        return f"no inference, {where}"
    return f"{case.duty} % {case.place}, {where}, {case.way}, {case.model}"


def _waiting(event: events.GateWaiting) -> str:
    """What a block waits for: its turn, or `battery 41.2 °C, limit 38 °C` and how long at most."""
    if not event.reasons:
        return "waiting for its turn"
    left = f", at most {duration(event.left_s)} more" if event.left_s is not None else ""
    skipped = f" (--gate {','.join(event.skipped_by)} does not wait for it)" if event.skipped_by else ""
    return f"waiting: {'; '.join(event.reasons)}{left}{skipped}"


def _left(time_left: TimeLeft) -> str:
    """How long the run will go on; empty if nothing is left."""
    return f"about {duration(time_left.seconds)} left" if time_left.seconds >= 1 else ""


class RunBars:
    """One progress bar per target, and the time that the run will go on."""

    def __init__(
        self, progress: Progress, time_left: TimeLeft, names: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._names = names
        self._progress = progress
        self._time_left = time_left
        self._tasks: dict[str, TaskID] = {}
        self._troubles = Troubles()
        self._waited_for: set[tuple[str, tuple[str, ...]]] = set()
        """Targets, and for what it was said that the run waits for them."""

    def __call__(self, event: events.Event) -> None:
        self._time_left(event)
        for text in (*self._troubles(event), *self._first_wait(event)):
            self._progress.console.print(escape(harmless(pasted.completed(text))))
        if isinstance(event, events.TargetStarted):
            self._begin(event)
        elif isinstance(event, events.GateWaiting):
            self._progress.update(self._tasks[event.target], description=escape(_waiting(event)))
        elif isinstance(event, events.GatePassed):
            left = _left(self._time_left)
            text = f"{left}, {_shown(event.planned)}" if left else _shown(event.planned)
            self._progress.update(self._tasks[event.target], description=escape(harmless(text)))
        elif isinstance(event, events.StillWaiting):
            text = f"{event.state}: waiting for it, {event.left_s:.0f} s left"
            self._progress.update(self._tasks[event.target], description=escape(text))
        elif isinstance(event, events.TargetBack):
            self._progress.update(self._tasks[event.target], description="back")
        elif isinstance(event, events.BlockFinished):
            self._progress.advance(self._tasks[event.target])
        elif isinstance(event, events.TargetFinished) and event.target in self._tasks:
            self._progress.update(self._tasks[event.target], description="done")

    def _first_wait(self, event: events.Event) -> list[str]:
        """The whole line about a limit that is waited for, once: beside a bar there may be no room for it."""
        if not isinstance(event, events.GateWaiting) or not event.reasons:
            return []
        key = (event.target, event.skipped_by)
        known = key in self._waited_for
        self._waited_for.add(key)
        return [] if known else [f"{event.target}: {_waiting(event)}"]

    def _begin(self, event: events.TargetStarted) -> None:
        """Add a bar for the target, or lengthen the one that it has by its further blocks."""
        if event.target not in self._tasks:
            shown = self._names.get(event.target, event.target)
            self._tasks[event.target] = self._progress.add_task("", total=event.blocks, target=shown)
            return
        task = self._progress.tasks[self._tasks[event.target]]
        self._progress.update(task.id, total=(task.total or 0) + event.blocks)


class RunLines:
    """Prints a line every few seconds, for logs of nightly jobs."""

    EVERY_S = 5.0

    def __init__(self, console: Console, time_left: TimeLeft, names: Mapping[str, str] = MappingProxyType({})) -> None:
        self._names = names
        self._console = console
        self._time_left = time_left
        self._total = 0
        self._done = 0
        self._said = 0.0
        self._troubles = Troubles()

    def __call__(self, event: events.Event) -> None:
        self._time_left(event)
        for text in self._troubles(event):
            self._say(escape(harmless(pasted.completed(text))))
        if isinstance(event, events.RoundsAdded):
            self._total += len(event.added)
        if isinstance(event, events.GateWaiting) and event.reasons:
            self._say(escape(harmless(f"{event.target}: {_waiting(event)}")))
        if isinstance(event, events.RunStarted):
            self._total, self._done = event.blocks + event.done, event.done
            shown = ", ".join(self._names.get(one, one) for one in event.targets)
            self._say(f"Run {event.run_id}: {event.blocks} blocks on {shown}")
        elif isinstance(event, events.BlockFinished):
            self._done += 1
            if self._done == self._total or time.monotonic() - self._said > self.EVERY_S:
                self._said = time.monotonic()
                done, left = f"{self._done} of {self._total} blocks done", _left(self._time_left)
                self._say(f"{done}, {left}" if left else done)

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


class VerificationBar:
    """One bar per model; it is removed before the model's matrix is printed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._model = ""

    def __call__(self, event: Step | Begun | Ended) -> None:
        from mobilebench.verification.verifier import Begun, Step

        if isinstance(event, Step):
            self._at(event.model, None)
            self._say(f"{event.precision}: {event.step}")
        elif isinstance(event, Begun):
            self._at(event.cell.model, event.of)
            self._say(f"{_cell_name(event.cell)} ({event.seeded})")
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
        from mobilebench.verification.verifier import Begun, Step

        if isinstance(event, Step):
            self._say(f"{event.model} {event.precision}: {event.step}")
        elif isinstance(event, Begun):
            if event.cell != self._cell:
                self._cell, self._since = event.cell, time.monotonic()
            elif time.monotonic() - self._since > LONG_S:
                seconds = time.monotonic() - self._since
                self._say(f"  {_cell_name(event.cell)}: {seconds:.0f} s, now the input {event.seeded}")
        else:
            cell = event.row.cell
            self._say(f"[{event.number}/{event.of}] {cell.model} {_cell_name(cell)}: {_outcome(event)}")

    def _say(self, text: str) -> None:
        self._console.print(escape(harmless(text)), soft_wrap=True)


def _cell_name(cell: Cell) -> str:
    """The cell's name without its model."""
    return f"{cell.precision} {cell.format} {' '.join(cell.way)}"


def _outcome(event: Ended) -> str:
    """The result of a cell, on one line."""
    row = event.row
    if row.relative is None or row.verdict in ("unsupported", "failed"):
        return f"{row.verdict}: {row.reason}"
    said = f"{row.verdict}, {row.relative:.2g} of {row.tolerance:g}"
    if row.before or row.answered is None:
        return f"{said}, known from before"
    return f"{said} ({row.answered.seconds:.1f} s)"


class DownloadBar:
    """A progress bar with bytes, speed and time left."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name
        self._task = progress.add_task(name, total=None, visible=False)
        self._begun = False

    def say(self, text: str) -> None:
        """Print a line above the bar; timing starts again."""
        self._progress.console.print(harmless(f"  {text}"), markup=False, soft_wrap=True)
        self._begun = False

    def at(self, done: int, total: int | None) -> None:
        """Move the bar."""
        if not self._begun:
            self._progress.reset(self._task, total=total, completed=done, visible=True)
            self._begun = True
        self._progress.update(self._task, completed=done, total=total)


class DownloadLines:
    """Prints a line every few seconds, for logs."""

    EVERY_S = 5.0

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._said = self._since = time.monotonic()
        self._from: int | None = None

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(harmless(f"{self._name}: {text}"), markup=False, soft_wrap=True)
        self._from = None

    def at(self, done: int, total: int | None) -> None:
        """Print a line, if the last one is some seconds old."""
        now = time.monotonic()
        if self._from is None:
            self._from, self._since = done, now
        if now - self._said >= self.EVERY_S and now > self._since:
            speed = (done - self._from) / (now - self._since)
            share = f"of {decimal_size(total)} ({done / total:.0%}), " if total else ""
            line = f"{self._name}: {decimal_size(done)} {share}{decimal_size(speed)}/s"
            self._console.print(line, markup=False, soft_wrap=True)
            self._said = now
