"""Formats numbers of bytes for people.

Files and transfers are shown in decimal units (kB, MB, GB), as disks and networks count. Memory, and models that are
compared with memory, are shown in binary units (KiB, MiB, GiB).
"""

from __future__ import annotations

_DECIMAL = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_BINARY = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def decimal_size(count: float) -> str:
    """Bytes as `3.8 MB`."""
    return _size(count, _DECIMAL)


def binary_size(count: float) -> str:
    """Bytes as `3.8 MiB`."""
    return _size(count, _BINARY)


def megabytes(count: float) -> str:
    """Bytes always in MB, such as `0.4 MB`, for sizes that are compared with each other."""
    return f"{count / 1e6:.1f} MB"


def mebibytes(count: float) -> str:
    """Bytes always in MiB, such as `0.4 MiB`, for sizes that are compared with each other."""
    return f"{count / 2**20:.1f} MiB"


def _size(count: float, units: tuple[tuple[int, str], ...]) -> str:
    for limit, unit in units:
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count:.0f} bytes"
