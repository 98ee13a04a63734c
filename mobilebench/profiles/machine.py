"""This computer: its identity (targets on it take turns), its CPU's name, and its kernel's out-of-memory kills."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilebench.core.errors import Killed

VMSTAT = Path("/proc/vmstat")
"""The kernel's counters."""


def machine_id() -> str:
    """Twelve hex digits that are stable on this computer and reveal nothing about it."""
    for file in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if file.is_file() and (text := file.read_text().strip()):
            return hashlib.sha256(text.encode()).hexdigest()[:12]
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def cpu_name() -> str:
    """The CPU's name in Linux, such as `Intel(R) Xeon(R) Processor`; else the architecture."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"} and value.strip():
            return value.strip()
    return platform.machine()


def count_memory_kills() -> int | None:
    """Out-of-memory kills since boot, for the machine's or a cgroup's limit; None if not reported."""
    try:
        counter = re.search(r"^oom_kill (\d{1,18})$", VMSTAT.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(counter[1]) if counter else None


@contextmanager
def with_kill_reason() -> Iterator[None]:
    """Turn `Killed` inside the context into `killed for memory` if the kernel counted an out-of-memory kill.

    Raises:
        BlockFailed: replaces `Killed`.
    """
    before = count_memory_kills()
    try:
        yield
    except Killed as error:
        after = count_memory_kills()
        if before is None or after is None or after <= before:
            raise
        many = "one process" if after - before == 1 else f"{after - before} processes"
        raise error.for_memory(f"the kernel ended {many} for this reason in that time") from error
