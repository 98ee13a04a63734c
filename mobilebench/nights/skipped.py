"""Which phones the nights of a folder of results left out, for those who show runs: read again only where a night was
written since."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.nights import past
from mobilebench.nights.records import Night, Phone

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]
"""Inode, time of the last change in ns, and size of a file."""
_Known = tuple[tuple[str, ...], tuple[Phone, ...]]
"""Ids of a night's runs, and the phones that it skipped."""


class SkippedPhones:
    """The phones that the nights below a folder of results skipped."""

    def __init__(self, results: Path) -> None:
        self._folder = past.folder_of(results, "")
        self._known: dict[Path, tuple[_Stamp, _Known]] = {}

    def state(self) -> tuple[tuple[str, _Stamp], ...]:
        """What is there: it is another one when a night was written or removed."""
        return tuple((str(file), stamp) for file, stamp in self._files())

    def by_run(self) -> Mapping[str, tuple[Phone, ...]]:
        """Id of each run of a night to the phones that the night skipped. A night that cannot be read is left out."""
        known = {}
        for file, stamp in self._files():
            earlier = self._known.get(file)
            known[file] = earlier if earlier and earlier[0] == stamp else (stamp, _read(file))
        self._known = known
        return {run: phones for _, (runs, phones) in known.values() if phones for run in runs}

    def _files(self) -> Iterator[tuple[Path, _Stamp]]:
        for file in sorted(self._folder.glob(f"*/*/{past.FILE_NAME}")):
            try:
                found = file.stat()
            except OSError:
                continue
            yield file, (found.st_ino, found.st_mtime_ns, found.st_size)


def _read(file: Path) -> _Known:
    try:
        night: Night = past.read(file)
    except BadInput as error:
        _log.warning("A night is left out: %s", error.message)
        return (), ()
    return tuple(run for step in night.steps for run in step.runs), tuple(night.skipped)
