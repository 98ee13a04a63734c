"""The content of files as a name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_all(files: Mapping[str, str]) -> str:
    """One sum for several files, given by path and sum: that of a single one, else that of the lines
    `<sum>  <path>` in the order of their paths.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    return hashlib.sha256("".join(f"{files[path]}  {path}\n" for path in sorted(files)).encode()).hexdigest()
