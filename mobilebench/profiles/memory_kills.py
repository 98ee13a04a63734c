"""Whether this computer's kernel ended processes because memory ran out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilebench.core.errors import Killed

VMSTAT = Path("/proc/vmstat")


def count() -> int | None:
    """How many it has ended since it started, for want of the machine's memory or of a group's; None: not told."""
    try:
        found = re.search(r"^oom_kill (\d{1,18})$", VMSTAT.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


@contextmanager
def explained() -> Iterator[None]:
    """A process of this computer that is killed meanwhile was `killed for memory` where the kernel counts such a kill.

    Raises:
        BlockFailed: in place of `Killed`.
    """
    before = count()
    try:
        yield
    except Killed as error:
        after = count()
        if before is None or after is None or after <= before:
            raise
        many = "one process" if after - before == 1 else f"{after - before} processes"
        raise error.for_memory(f"the kernel ended {many} for that meanwhile") from error
