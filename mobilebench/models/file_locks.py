"""Who may make, use or remove a thing of the cache. A lock goes with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def turn(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock alone, once nobody else holds it; `waiting` is called when somebody does."""
    with _held(lock, fcntl.LOCK_EX, waiting):
        yield


@contextmanager
def use(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock together with other users, so that nobody makes or removes the thing meanwhile."""
    with _held(lock, fcntl.LOCK_SH, waiting):
        yield


@contextmanager
def if_free(lock: Path) -> Iterator[bool]:
    """Hold a lock alone if nobody holds it now; else false, and nothing is held. A lock that was not there before is
    not there afterwards.
    """
    fresh = not lock.exists()
    with lock.open("a") as stream:
        if not _taken(stream, fcntl.LOCK_EX) or not _still_there(stream, lock):
            yield False
            return
        try:
            yield True
        finally:
            if fresh:
                lock.unlink(missing_ok=True)


@contextmanager
def _held(lock: Path, kind: int, waiting: Callable[[], None]) -> Iterator[None]:
    told = False
    while True:
        with lock.open("a") as stream:
            if not _taken(stream, kind):
                if not told:
                    waiting()
                    told = True
                fcntl.flock(stream, kind)
            if _still_there(stream, lock):
                yield
                return


def _taken(stream: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(stream: IO[str], lock: Path) -> bool:
    """Whether the lock is the file of this name: one that was removed while waiting for it protects nothing."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), lock.stat())
    except FileNotFoundError:
        return False
