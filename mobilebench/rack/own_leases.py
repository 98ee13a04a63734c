"""The phones that runs of this user on this computer have leased: one file each, until the phone is given back.

The process of the run holds a lock on the file. Who gets the lock knows that the process has ended without giving the
phone back, and may give it back with the token in the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from mobilebench.core import file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.record import Record
from mobilebench.rack.messages import Host, Serial, Token

_TRIES = 50
_PAUSE_S = 0.1
"""Between two tries to get a lock, which another run may hold for a moment to look whether this one has ended."""


class OwnLease(Record):
    """A phone that a run has leased."""

    rack: str
    """The scheduler's address."""
    host: Host
    phone: Serial
    """Its serial on its host."""
    token: Token
    run_id: str


class Note:
    """The file of a lease."""

    is_over = False
    """Whether the phone was given back, so that nothing is to be remembered."""


@contextmanager
def noted(lease: OwnLease) -> Iterator[Note]:
    """Remember a lease until the context ends, and longer unless it `is_over` then.

    Raises:
        BadInput: another process has the lease for the same run.
        OSError: the file cannot be written.
    """
    file = _folder() / f"{_name(lease.rack, lease.host, lease.phone)}-{lease.run_id}.json"
    for _ in range(_TRIES):
        file.touch(mode=0o600)
        with file_locks.if_free(file) as free:
            if free:
                file.write_text(lease.model_dump_json(), encoding="utf-8")
                note = Note()
                try:
                    yield note
                finally:
                    if note.is_over:
                        file.unlink(missing_ok=True)
                return
        time.sleep(_PAUSE_S)
    raise BadInput(f"Run {lease.run_id} goes on in another process of this computer.", hint="Wait for its end.")


def give_back(rack: str, host: str, phone: str, release: Callable[[OwnLease], bool]) -> list[str]:
    """Give back what ended processes left of a phone.

    Args:
        rack: the scheduler's address.
        host: the phone's host.
        phone: its serial there.
        release: gives a lease back, and returns whether there was one. What it raises is raised.

    Returns:
        The runs whose leases were given back.
    """
    runs = []
    for file in sorted(_folder().glob(f"{_name(rack, host, phone)}-*.json")):
        with file_locks.if_free(file) as free:
            if not free:
                continue
            lease = None
            with suppress(OSError, ValueError):  # its process was killed while it wrote this
                lease = OwnLease.model_validate_json(file.read_bytes())
            if lease is not None and release(lease):
                runs.append(lease.run_id)
            file.unlink(missing_ok=True)
    return runs


def _folder() -> Path:
    folder = paths.home() / "rack" / "leases"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _name(rack: str, host: str, phone: str) -> str:
    return sha256(f"{rack} {host} {phone}".encode()).hexdigest()[:24]
