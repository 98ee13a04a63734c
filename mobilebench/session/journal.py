"""The journal: every event of a run as a line of JSON, written when it happens."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from mobilebench.core.errors import BadInput
from mobilebench.session.events import Event

FILE_NAME = "journal.jsonl"


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

    def __call__(self, event: Event) -> None:
        line = {"at": event.at.isoformat(timespec="milliseconds"), "kind": event.kind, **event.data()}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
