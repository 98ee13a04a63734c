"""Names of phones as resources of Dask's workers, and a process's limit on open connections."""

from __future__ import annotations

import resource
from contextlib import suppress
from urllib.parse import quote


def resource_of(host: str, serial: str) -> str:
    """The resource of which this phone is one unit."""
    return f"phone:{quote(host, safe='')}:{quote(serial, safe='')}"


def allow_many_connections() -> None:
    """Raise this process's limit of open files to what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
