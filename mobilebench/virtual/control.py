"""The socket by which this computer asks a running virtual phone for its state, and causes changes and faults.

A request and its answer are one line of JSON each. The socket lies in the phone's folder of metadata, because sockets
with a path are seen through network namespaces. Only the standard library is imported here: this also runs inside the
phone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAME = "control"
_LONGEST = 1 << 20
_ANSWERS_WITHIN_S = 20.0


class NoAnswer(Exception):
    """The phone does not run, or does not answer."""


def ask(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request to the phone whose metadata lie in this folder, and return the answer.

    Raises:
        NoAnswer: nothing listens, or no answer came.
    """
    try:
        with _short(folder) as path, socket.socket(socket.AF_UNIX) as door:
            door.settimeout(_ANSWERS_WITHIN_S)
            door.connect(path)
            door.sendall(json.dumps(request).encode() + b"\n")
            with door.makefile("rb") as lines:
                answer = json.loads(lines.readline(_LONGEST))
    except (OSError, ValueError) as error:
        raise NoAnswer(str(error)) from None
    if not isinstance(answer, dict):
        raise NoAnswer("an answer that is not a record")
    return answer


async def listen(folder: Path, answer: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> asyncio.Server:
    """Answer requests; one that cannot be parsed is answered with `error`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(json.dumps(await _answered(await reader.readline())).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def _answered(line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        return await answer(request) if isinstance(request, dict) else {"error": "not a request"}

    (folder / _NAME).unlink(missing_ok=True)
    with _short(folder) as path:
        return await asyncio.start_unix_server(serve, path, limit=_LONGEST)


def forget(folder: Path) -> None:
    """Remove the socket of a phone that was switched off."""
    with contextlib.suppress(OSError):
        (folder / _NAME).unlink(missing_ok=True)


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path of the socket that is never longer than the 107 bytes that the kernel allows."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{_NAME}"
    finally:
        os.close(descriptor)
