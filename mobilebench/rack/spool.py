"""The spool of a job: its events on the disk of the host that measures it, until the client has them.

A job's folder holds the question that submitted it (`submit.json`) and its events (`events.jsonl`), one a line; the
position of a line is its number. Lines are only added. A line is told to others once it is on the disk, so a number
always means the same event, even after a power cut; an incomplete last line, which nobody has seen, is cut off.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.rack.messages import EVENTS_AT_ONCE, Submit, to_text
from mobilebench.session import events

KEEP_DAYS = 14
"""Days after its last event for which a spool is kept that no client has taken."""

_SUBMIT = "submit.json"
_EVENTS = "events.jsonl"
_GONE = "."
"""Begins the name of a folder that is being removed. No job's id begins so."""


class Spool:
    """One job's spool. Any thread may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._file = (folder / _EVENTS).open("a+b")
        self._starts: list[int] = []
        """Where each line begins."""
        self._end = 0
        self._durable = 0
        """Number of lines that are on the disk."""
        self._last: events.Event | None = None
        self.measured: set[int] = set()
        """Indexes of the blocks that have an outcome here."""
        self._read_again()

    @classmethod
    def create(cls, folder: Path, submit: Submit) -> Spool:
        """Make the spool of a new job; what it is to measure is on the disk when this returns."""
        folder.mkdir(parents=True, exist_ok=True)
        atomic_files.write_text(folder / _SUBMIT, to_text(submit), durable=True)
        _sync_folder(folder)
        _sync_folder(folder.parent)
        return cls(folder)

    @property
    def count(self) -> int:
        """Number of events that may be told."""
        return self._durable

    @property
    def finished(self) -> bool:
        """Whether its last event is there."""
        return isinstance(self._last, events.TargetFinished)

    @property
    def age_s(self) -> float:
        """Seconds since its last event."""
        return time.time() - (self.folder / _EVENTS).stat().st_mtime

    def submit(self) -> Submit:
        """The question that submitted the job. Raises `ValueError` or `OSError` when it cannot be read."""
        return Submit.model_validate_json((self.folder / _SUBMIT).read_bytes())

    def append(self, event: events.Event) -> None:
        """Add an event. Outcomes and the end are on the disk when this returns, and all events before them.

        Raises:
            OSError: it could not be written.
        """
        line = events.to_json(event).encode() + b"\n"
        with self._guard:
            try:
                self._file.write(line)
                self._file.flush()
            except OSError:
                with suppress(OSError):
                    self._file.truncate(self._end)
                raise
            self._starts.append(self._end)
            self._end += len(line)
            self._note(event)
            if isinstance(event, (events.BlockFinished, events.TargetFinished)):
                self._sync()

    def read(self, after: int) -> tuple[str, ...]:
        """Events from number `after` on: as many as fit into one answer, and at least one if there is one."""
        with self._guard:
            if len(self._starts) > self._durable:
                self._sync()
            begin = self._starts[after] if after < self._durable else self._end
            last = after
            while last < self._durable and (last == after or self._end_of(last) - begin <= EVENTS_AT_ONCE):
                last += 1
            if last == after:
                return ()
            content = os.pread(self._file.fileno(), self._end_of(last - 1) - begin, begin)
        return tuple(content.decode().split("\n")[:-1])

    def has_more_than(self, count: int) -> bool:
        """Whether there are more than so many events, on the disk or on their way to it."""
        return len(self._starts) > count

    def close(self) -> None:
        """Close the file; the spool stays."""
        with self._guard:
            self._file.close()

    def remove(self) -> None:
        """Close and remove it, so that a worker which is killed meanwhile never takes a part of it for a new job."""
        self.close()
        _remove(self.folder)

    def _end_of(self, number: int) -> int:
        return self._starts[number + 1] if number + 1 < len(self._starts) else self._end

    def _note(self, event: events.Event) -> None:
        self._last = event
        if isinstance(event, events.BlockFinished):
            self.measured.add(event.block.planned.index)

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._durable = len(self._starts)

    def _read_again(self) -> None:
        self._file.seek(0)
        for line in self._file:
            try:
                event = events.from_json(line) if line.endswith(b"\n") else None
            except ValueError:
                event = None
            if event is None:
                self._file.truncate(self._end)
                break
            self._starts.append(self._end)
            self._end += len(line)
            self._note(event)
        self._sync()


class Spools:
    """All spools of a host.

    Args:
        folder: where they are; it is made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, submit: Submit) -> Spool:
        """The spool of a new job."""
        return Spool.create(self._folder / submit.job_id, submit)

    def open_all(self) -> Iterator[tuple[str, Spool]]:
        """Open every spool, with the id of its job. Those that nobody took for `KEEP_DAYS` are removed instead."""
        for folder in sorted(self._folder.iterdir()):
            if folder.name.startswith(_GONE):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            file = folder / _EVENTS
            with suppress(OSError, ValueError):
                newest = max(one.stat().st_mtime for one in (folder / _SUBMIT, file) if one.exists())
                if time.time() - newest > KEEP_DAYS * 86400:
                    _remove(folder)
                else:
                    yield folder.name, Spool(folder)


def _remove(folder: Path) -> None:
    gone = folder.with_name(f"{_GONE}{folder.name}")
    with suppress(OSError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
