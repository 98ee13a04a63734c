"""The adb servers of tests end with the process of the tests, also if it is killed.

Every process that tests start has the tests' process in its environment (`mobilebench.virtual.owner`), so the servers
that they started can be told from all others. A guard waits for the end of the tests, and then ends these and
no others.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.virtual import owner


@cache
def end_with_tests() -> None:
    """Start the guard of this process, once. It outlives the process for as long as it takes to end the servers."""
    subprocess.Popen(
        [sys.executable, "-m", "tests.adb_servers"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _guard() -> None:
    with suppress(BadInput):  # it has ended already
        ended = owner.descriptor()
        assert ended is not None, "no owner is named"
        select.select([ended], [], [])
    for descriptor in _of_owner(os.environ[owner.VARIABLE]):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        os.close(descriptor)


def _of_owner(named: str) -> Iterator[int]:
    """A descriptor of each process of adb that has this owner."""
    variable = f"{owner.VARIABLE}={named}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            descriptor = os.pidfd_open(int(place.name))
        except OSError:
            continue
        if _is_adb(place, variable):
            yield descriptor
        else:
            os.close(descriptor)


def _is_adb(place: Path, variable: bytes) -> bool:
    try:
        program = (place / "cmdline").read_bytes().split(b"\0")[0]
        return Path(os.fsdecode(program)).name == "adb" and variable in (place / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


if __name__ == "__main__":
    _guard()
