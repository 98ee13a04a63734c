"""The copy of a phone's restore file on this computer, for a phone that lost its own.

It holds what the phone's file holds, or a change more or less if a process was killed between the two. Only
changes that are still in place are undone from it (`device_changes`).
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from pydantic import ValidationError

from mobilebench.core import atomic_files, paths
from mobilebench.core.records import TargetInfo
from mobilebench.targets.android import identity
from mobilebench.targets.android.restore import RestoreFile

_LONGEST = 1 << 22
"""Bytes; our own files are far smaller."""

_logger = logging.getLogger(__name__)


class RestoreCopy:
    """The copy for one phone: `<home>/restore/<digest of the phone's identity>.json`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of(cls, info: TargetInfo) -> RestoreCopy:
        """The copy for a phone. It is recognised by its serial number and model, which outlive a reboot."""
        number = info.facts.get(identity.SERIAL_NUMBER) or info.id
        words = json.dumps([number, info.manufacturer, info.name])
        return cls(paths.home() / "restore" / f"{hashlib.sha256(words.encode()).hexdigest()[:32]}.json")

    @property
    def exists(self) -> bool:
        return self._file.exists()

    def read(self) -> RestoreFile | None:
        """The copy; None if there is none, or if it is not valid: it is then moved aside."""
        try:
            if self._file.stat().st_size <= _LONGEST:
                return RestoreFile.model_validate_json(self._file.read_bytes())
            problem = "it is too large"
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            problem = str(error)
        _logger.warning("The copy of a phone's restore file, %s, is not usable: %s", self._file, problem)
        try:
            self._file.replace(self._file.with_suffix(".unreadable"))
        except OSError as error:
            _logger.warning("It could not be moved aside: %s", error)
        return None

    def write(self, content: RestoreFile) -> None:
        """Replace the copy. If that fails it is logged: the phone's own file has the same content."""
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            text = content.model_dump_json(by_alias=True, indent=1)
            atomic_files.write_text(self._file, text, mode=0o600, alone=True, durable=True)
        except OSError as error:
            _logger.warning("The copy of a phone's restore file could not be written: %s", error)

    def remove(self) -> None:
        """Remove it; a missing one is not an error."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            _logger.warning("The copy of a phone's restore file could not be removed: %s", error)
