"""A limit to the memory of processes, which the kernel keeps by ending them: by control groups of either version."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LIMIT = 150 << 20
"""Bytes; what a process has when it is put into the group does not count (version 1), or hardly fills it."""

_CGROUPS = Path("/sys/fs/cgroup")


def parent() -> tuple[Path, str] | None:
    """The group of this process, in which another one can be made, and the name of its limit; None: not here."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    for folder, limit in (
        (_CGROUPS / "memory" / groups.get("memory", "").lstrip("/"), "memory.limit_in_bytes"),
        (_CGROUPS / groups.get("", "").lstrip("/"), "memory.max"),
    ):
        with suppress(OSError), _made(folder / f"mobilebench-probe-{os.getpid()}") as probe:
            if (probe / limit).exists():
                return folder, limit
    return None


@contextmanager
def limited(parent: tuple[Path, str]) -> Iterator[Callable[[Iterable[int]], None]]:
    """Puts processes into a group with the limit; those that are left in it are gone before the group is."""
    folder, limit = parent
    with _made(folder / f"mobilebench-test-{os.getpid()}") as group:
        (group / limit).write_text(str(LIMIT))

        def put(pids: Iterable[int]) -> None:
            for pid in pids:
                (group / "cgroup.procs").write_text(str(pid))

        yield put


@contextmanager
def _made(group: Path) -> Iterator[Path]:
    group.mkdir()
    try:
        yield group
    finally:
        for _ in range(100):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)
