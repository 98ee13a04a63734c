"""Temporary folders that a killed process leaves behind only until the next one is made.

Their names hold the process id of their owner.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Make an empty temporary folder; leaving the context removes it. Those of killed processes are removed too.

    Args:
        prefix: the beginning of its name, which ends with `-`, such as `mobilebench-traces-`.
    """
    remove_left(prefix)
    with tempfile.TemporaryDirectory(prefix=own_prefix(prefix), ignore_cleanup_errors=True) as name:
        yield Path(name)


def own_prefix(prefix: str) -> str:
    """The beginning of the names of this process's folders."""
    return f"{prefix}{os.getpid()}-"


def remove_left(prefix: str) -> None:
    """Remove folders with this prefix in the folder of temporary files whose owner is not running any more."""
    owned = re.compile(rf"{re.escape(prefix)}(\d{{1,10}})-[^/]+")
    for found in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        name = owned.fullmatch(found.name)
        if name and not Path("/proc", name[1]).exists():
            shutil.rmtree(found, ignore_errors=True)
