"""Unpacks one named file of an archive. Nothing else is written, and never more than a stated size.

The caller names the target, so a name in an archive cannot choose it; links, folders and encrypted entries are refused.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from mobilebench.core.errors import BadInput

LARGEST_MEMBER = 512 * 2**20
LARGEST_ARCHIVE = 1024 * 2**20
LARGEST_UNPACKED = 2048 * 2**20
"""Largest unpacked size in bytes of a whole tar archive, which has to be read from its start."""

_CHUNK = 2**20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RuntimeError, ValueError)


def from_zip(archive: Path, member: str, target: Path, *, largest: int = LARGEST_MEMBER) -> None:
    """Write the member of a zip, jar, aar or whl to `target`.

    Raises:
        BadInput: it is no such archive, is cut off or lacks the member, or the member is too large or no file.
    """
    try:
        _require_size(archive)
        with zipfile.ZipFile(archive) as packed:
            entry = packed.getinfo(member)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.is_dir() or kind not in (0, stat.S_IFREG):
                raise BadInput(f"{member} in {archive.name} is not a file.")
            with packed.open(entry) as source:
                _copy(source, target, archive, member, largest)
    except KeyError:
        raise _lacks(archive, member) from None
    except (*_BROKEN, OSError) as error:
        raise _unreadable(archive, error) from error


def from_tgz(
    archive: Path, member: str, target: Path, *, largest: int = LARGEST_MEMBER, unpacked: int = LARGEST_UNPACKED
) -> None:
    """Write the member of a gzipped tar archive to `target`.

    Raises:
        BadInput: as for `from_zip`.
    """
    try:
        _require_size(archive)
        with (
            gzip.open(archive) as packed,
            tarfile.open(fileobj=_Limited(packed, unpacked, archive), mode="r|") as entries,
        ):
            for entry in entries:
                if entry.name == member:
                    source = entries.extractfile(entry) if entry.isreg() else None
                    if source is None:
                        raise BadInput(f"{member} in {archive.name} is not a file.")
                    _copy(source, target, archive, member, largest)
                    return
    except (*_BROKEN, OSError) as error:
        raise _unreadable(archive, error) from error
    raise _lacks(archive, member)


def names_in_zip(archive: Path) -> list[str]:
    """The names of the files in a zip, jar or aar.

    Raises:
        BadInput: it is no such archive, or is cut off.
    """
    try:
        _require_size(archive)
        with zipfile.ZipFile(archive) as packed:
            return packed.namelist()
    except (*_BROKEN, OSError) as error:
        raise _unreadable(archive, error) from error


def checksum_in_zip(archive: Path, member: str) -> int | None:
    """CRC-32 of a member as the archive states it; None when it holds no such member.

    Raises:
        BadInput: it is no such archive, or is cut off.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            return packed.getinfo(member).CRC
    except KeyError:
        return None
    except (*_BROKEN, OSError) as error:
        raise _unreadable(archive, error) from error


def checksum(file: Path) -> int:
    """CRC-32 of a file."""
    value = 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


class _Limited(io.RawIOBase):
    """A stream that raises an error after `limit` bytes."""

    def __init__(self, stream: gzip.GzipFile, limit: int, archive: Path) -> None:
        self._stream = stream
        self._left = limit
        self._archive = archive

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(chunk)
        if self._left < 0:
            raise BadInput(f"{self._archive.name} unpacks to more than any engine's package.")
        return chunk


def _copy(source: IO[bytes], target: Path, archive: Path, member: str, largest: int) -> None:
    left = largest
    with target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise BadInput(f"{member} in {archive.name} is larger than any engine's library.")
            sink.write(chunk)


def _require_size(archive: Path) -> None:
    if archive.stat().st_size > LARGEST_ARCHIVE:
        raise BadInput(f"{archive} is larger than any engine's package.")


def _lacks(archive: Path, member: str) -> BadInput:
    return BadInput(f"The archive {archive.name} does not hold {member}.")


def _unreadable(archive: Path, error: Exception) -> BadInput:
    words = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return BadInput(f"The archive {archive.name} cannot be unpacked: {words.rstrip('.')}.")
