"""Wait for file descriptors and processes without threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

CHUNK = 1 << 18


async def read_all(descriptor: int) -> AsyncIterator[bytes]:
    """Yield the bytes that arrive at a non-blocking descriptor, until its end."""
    while True:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            await _ready(descriptor, write=False)
            continue
        except OSError:
            return  # a terminal whose other side is closed
        if not data:
            return
        yield data


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`. Raises `OSError` if the reading side is closed."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            await _ready(descriptor, write=True)


def process_end(pid: int) -> Coroutine[None, None, int]:
    """Wait for a child; return its exit code as a shell reports it (128 + signal if a signal ended it)."""
    _awaited.add(pid)
    return _process_end(pid)


async def _process_end(pid: int) -> int:
    handle = os.pidfd_open(pid)
    try:
        await _ready(handle, write=False)
    finally:
        os.close(handle)
    _awaited.discard(pid)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def bury_orphans() -> None:
    """Reap ended processes that commands left behind and that became children of this process."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in map(int, children):
            if child not in _awaited:
                os.waitpid(child, os.WNOHANG)


_awaited: set[int] = set()


async def _ready(descriptor: int, *, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, wake)
    try:
        await ready
    finally:
        remove(descriptor)
