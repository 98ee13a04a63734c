"""Writes and reads zip files: sorted, without times of their own, and the place of what is stored in them."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TIME = (1981, 1, 1, 1, 1, 2)
"""One time for all entries, since that of a build would make each build another."""
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class Entry:
    """One file in a zip."""

    name: str
    is_stored: bool
    """Not compressed."""
    offset: int
    """Where its data begin, in bytes from the beginning of the zip."""
    checksum: int
    """CRC-32."""


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, compressed, in the order of their names."""
    with zipfile.ZipFile(target, "w") as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)


def entries(file: Path) -> list[Entry]:
    """All files of a zip, in their order."""
    with zipfile.ZipFile(file) as packed, file.open("rb") as stream:
        found = []
        for entry in packed.infolist():
            stream.seek(entry.header_offset)
            name, extra = struct.unpack_from("<HH", stream.read(_LOCAL_HEADER), 26)
            offset = entry.header_offset + _LOCAL_HEADER + name + extra
            found.append(Entry(entry.filename, entry.compress_type == zipfile.ZIP_STORED, offset, entry.CRC))
    return found


def misaligned(file: Path, page: int) -> list[str]:
    """The shared libraries that are stored uncompressed but do not begin at a multiple of `page` bytes.

    Android maps an uncompressed library from the APK itself, which needs that; a compressed one it unpacks.
    """
    return [
        entry.name
        for entry in entries(file)
        if entry.is_stored and entry.name.endswith(".so") and entry.offset % page != 0
    ]
