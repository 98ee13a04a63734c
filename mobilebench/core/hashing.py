"""SHA-256 checksums of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def known_sha256(file: Path) -> str:
    """SHA-256 of a file, computed again only when its size, time of change or inode has changed.

    Raises:
        OSError: the file cannot be read.
    """
    status = file.stat()
    return _known(file, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=1024)
def _known(file: Path, _size: int, _changed_ns: int, _inode: int) -> str:
    return sha256_of(file)


def sha256_of_all(files: Mapping[str, str]) -> str:
    """One checksum for several files, given as path to checksum. A single file keeps its checksum; otherwise it is the
    SHA-256 of the lines `<checksum>  <path>`, sorted by path.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    return hashlib.sha256("".join(f"{files[path]}  {path}\n" for path in sorted(files)).encode()).hexdigest()
