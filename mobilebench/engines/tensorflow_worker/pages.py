"""Measures which share of files is in the page cache, and brings files into the cache or out of it."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

_CHUNK = 2**22


def prepare(files: Sequence[Path], state: str) -> None:
    """Bring files into the page cache (`warm`), ask the kernel to drop them (`cold`), or leave them as they are.

    The kernel keeps pages that another process maps, so the result has to be read back (`resident`).

    Raises:
        OSError: a file cannot be read.
    """
    for file in files:
        if state == "warm":
            with file.open("rb") as stream:
                while stream.read(_CHUNK):
                    pass
        elif state == "cold":
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def resident(files: Sequence[Path]) -> float | None:
    """Share of the files' pages in the page cache (mincore(2)); None when it is unknown."""
    counts = [_pages(file) for file in files]
    total = sum(pages for _, pages in counts)
    if not total or any(held is None for held, _ in counts):
        return None
    return sum(held or 0 for held, _ in counts) / total


def _pages(file: Path) -> tuple[int | None, int]:
    """The number of pages in the cache (None: unknown), and of all pages."""
    size = file.stat().st_size
    if size == 0:
        return 0, 0
    pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    told = (ctypes.c_ubyte * pages)()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    with file.open("rb") as stream:
        place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, stream.fileno(), 0)
    if place in (None, ctypes.c_void_p(-1).value):
        return None, pages
    try:
        if libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(size), told) != 0:
            return None, pages
    finally:
        libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(size))
    return sum(one & 1 for one in told), pages
