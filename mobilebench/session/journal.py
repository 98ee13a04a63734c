"""Writes every event of a run down when it happens: as a line of JSON in the journal, and as a line of the log."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from mobilebench.core import log
from mobilebench.core.errors import BadInput
from mobilebench.session import events

FILE_NAME = "journal.jsonl"
LOG_NAME = "run.log"
"""The log of a run, in the run's folder."""

_logger = logging.getLogger(__name__)


class Journal:
    """A subscriber that appends events to `journal.jsonl` in the run's folder, also when the run is resumed.

    Raises:
        BadInput: the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / FILE_NAME).open("a", encoding="utf-8")
        except OSError as error:
            raise BadInput(
                f"The run's journal cannot be written in {folder}: {error.strerror}.",
                hint="Choose a folder that you may write by --out.",
            ) from error

    def __call__(self, event: events.Event) -> None:
        line = {"at": event.at.isoformat(timespec="milliseconds"), "kind": event.kind, **event.data()}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def log_event(event: events.Event) -> None:
    """Log an event at INFO, with the target and the block that it concerns. Countdowns are left out."""
    if isinstance(event, events.StillWaiting):
        return
    data = event.data()
    target = data.pop("target", None) or "-"
    planned = getattr(event, "planned", None) or getattr(getattr(event, "block", None), "planned", None)
    block = "-" if planned is None else planned.index
    with log.about(target=target, block=block):
        _logger.info("%s %s", event.kind, json.dumps(data, ensure_ascii=False, default=str))
