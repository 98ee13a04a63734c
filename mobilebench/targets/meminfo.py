"""Memory, as Linux tells it on computers and phones alike."""

from __future__ import annotations

import re


def memory_mb(meminfo: str) -> int | None:
    """Megabytes (10⁶ bytes) of memory that the kernel manages, from the text of `/proc/meminfo`; None where it tells
    none, or less than a megabyte."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", meminfo, re.MULTILINE)
    return (int(found[1]) * 1024 // 10**6 if found else 0) or None
