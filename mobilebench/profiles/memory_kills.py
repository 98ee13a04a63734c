"""Detect whether this computer's kernel killed processes because memory ran out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilebench.core.errors import Killed

VMSTAT = Path("/proc/vmstat")


def count() -> int | None:
    """Out-of-memory kills since boot, for the machine's or a cgroup's limit; None if not reported."""
    try:
        found = re.search(r"^oom_kill (\d{1,18})$", VMSTAT.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


@contextmanager
def explained() -> Iterator[None]:
    """Turn `Killed` inside the context into `killed for memory` if the kernel counted an out-of-memory kill.

    Raises:
        BlockFailed: replaces `Killed`.
    """
    before = count()
    try:
        yield
    except Killed as error:
        after = count()
        if before is None or after is None or after <= before:
            raise
        many = "one process" if after - before == 1 else f"{after - before} processes"
        raise error.for_memory(f"the kernel ended {many} for this reason in that time") from error
