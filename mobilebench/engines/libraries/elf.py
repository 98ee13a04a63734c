"""Reads from a shared library's header for which processor it is, and whether it is for Android."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

ABIS = {"x86_64": 62, "aarch64": 183, "arm64-v8a": 183, "armeabi-v7a": 40, "x86": 3}
"""Name of a processor in runner builds to ELF's machine number."""

_HEAD = 64 * 2**10
_NOTE = 4
_SEGMENTS = {1: ("<IIIIIIII", 1, 4), 2: ("<IIQQQQQQ", 2, 5)}
"""ELF class (32 or 64 bit) to a program header's format and the positions of file offset and size in it."""


@dataclass(frozen=True)
class Elf:
    """A shared library's header."""

    machine: int
    android: bool
    """It has Android's note segment, which every library built with the NDK has."""

    @property
    def family(self) -> str:
        return "android" if self.android else "linux"

    def fits(self, build: str) -> bool:
        """Whether a runner build such as `android-arm64-v8a` can load it."""
        family, _, abi = build.partition("-")
        return family == self.family and ABIS.get(abi) == self.machine


def read(path: Path) -> Elf | None:
    """The header of a little-endian ELF file; None for any other file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    return Elf(int.from_bytes(head[18:20], "little"), _android(head))


def _android(head: bytes) -> bool:
    """Whether one of the note segments that the header lists names Android. Only the file's start is looked at."""
    layout = _SEGMENTS.get(head[4])
    if layout is None or len(head) < 64:
        return False
    form, offset_at, size_at = layout
    table = struct.unpack_from("<I", head, 28)[0] if head[4] == 1 else struct.unpack_from("<Q", head, 32)[0]
    step, count = struct.unpack_from("<HH", head, 42 if head[4] == 1 else 54)
    for index in range(count):
        begin = table + index * step
        if begin + struct.calcsize(form) > len(head):
            return False
        segment = struct.unpack_from(form, head, begin)
        if segment[0] == _NOTE and b"Android\0" in head[segment[offset_at] : segment[offset_at] + segment[size_at]]:
            return True
    return False
