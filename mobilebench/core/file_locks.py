"""Locks between processes on files or folders (flock(2)). A lock is released when the process that holds it ends.

Only the standard library is imported here, because this module also runs inside virtual phones.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process holds the lock, then hold it alone.

    Args:
        lock: a file, which is made when it is missing, or a folder that exists.
        waiting: called once when another process holds the lock.
    """
    with _held(lock, fcntl.LOCK_EX, waiting):
        yield


@contextmanager
def shared(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock together with other users of the thing that it protects, so that no process changes or removes it.

    Args:
        lock: as for `exclusive`.
        waiting: called once when another process holds the lock alone.
    """
    with _held(lock, fcntl.LOCK_SH, waiting):
        yield


@contextmanager
def if_free(lock: Path) -> Iterator[bool]:
    """Hold the lock alone if no other process holds it now, and yield True; otherwise hold nothing, and yield False.

    A lock file that did not exist before does not exist afterwards.
    """
    is_new = not lock.exists()
    with _opened(lock) as descriptor:
        if not _try(descriptor, fcntl.LOCK_EX) or not _is_still_there(descriptor, lock):
            yield False
            return
        try:
            yield True
        finally:
            if is_new:
                lock.unlink(missing_ok=True)


@contextmanager
def _held(lock: Path, kind: int, waiting: Callable[[], None]) -> Iterator[None]:
    has_waited = False
    while True:
        with _opened(lock) as descriptor:
            if not _try(descriptor, kind):
                if not has_waited:
                    waiting()
                    has_waited = True
                fcntl.flock(descriptor, kind)
            if _is_still_there(descriptor, lock):
                yield
                return


@contextmanager
def _opened(lock: Path) -> Iterator[int]:
    flags = os.O_RDONLY if lock.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(lock, flags | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still_there(descriptor: int, lock: Path) -> bool:
    """Whether the open file still has this name: a lock file that was removed while waiting protects nothing."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False
