"""Copies a model's files and hashes the copied bytes, so that the hash is of what was kept."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path, PurePosixPath

from mobilebench.core.errors import BadInput

_CHUNK = 2**20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""`errno` of an `OSError` for a full disk, quota or file size limit."""


def copy(source: Path, folder: Path, name: str) -> str:
    """Copy one file to `folder / name`; returns the sha256 of the bytes that were written.

    Raises:
        BadInput: it cannot be read, is no regular file, or there is no space for the copy.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise BadInput(f"{source} would be kept outside of its model's folder, as {name}.")
    target = folder / relative
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        reading = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(reading, "rb", buffering=0) as stream, target.open("xb") as sink:
            if not stat.S_ISREG(os.fstat(reading).st_mode):
                raise BadInput(f"{source} is not a plain file.")
            while count := stream.readinto(buffer):
                digest.update(buffer[:count])
                sink.write(buffer[:count])
    except OSError as error:
        if error.errno in NO_ROOM:
            raise no_room(folder, error) from error
        raise BadInput(f"{source} cannot be copied ({error.strerror}).", hint="Check its permissions.") from error
    return digest.hexdigest()


def no_room(folder: Path, error: OSError) -> BadInput:
    """The error for a model for which the disk has no space."""
    return BadInput(
        f"There is no room for the model in {folder.parent} ({error.strerror}).",
        hint="Free some space, or keep mobilebench's data elsewhere with MOBILEBENCH_HOME.",
    )
