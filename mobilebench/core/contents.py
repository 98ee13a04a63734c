"""Finds files of this computer by their SHA-256, so that a job can name a file without a path.

`<cache>/by-sha256/<digest>` is a symbolic link to where the file was last seen.
"""

from __future__ import annotations

import os
from pathlib import Path

from mobilebench.core import paths
from mobilebench.core.hashing import known_sha256


def remember(file: Path) -> str:
    """Returns the file's SHA-256, and makes the file known to `find`.

    Raises:
        OSError: the file cannot be read, or the link cannot be written.
    """
    digest = known_sha256(file)
    link = _folder() / digest
    fresh = link.with_name(f".{digest}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(file.absolute())
    fresh.replace(link)
    return digest


def find(digest: str) -> Path | None:
    """The path of a file with this content; None when no such file is known or it no longer exists."""
    try:
        file = (_folder() / digest).readlink()
        return file if known_sha256(file) == digest else None
    except OSError:
        return None


def _folder() -> Path:
    folder = paths.cache() / "by-sha256"
    folder.mkdir(exist_ok=True)
    return folder
