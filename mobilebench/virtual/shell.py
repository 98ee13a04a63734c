"""The services `shell:`, `exec:` and `abb:`: run a process with a terminal or pipes, over adb's shell protocol."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import shlex
import signal
import struct
import subprocess
import termios
import tty
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mobilebench.virtual.adb_transport import MAX_PAYLOAD, Stream
from mobilebench.virtual.processes import process_end, read_all, write_all

_FRAME = struct.Struct("<BI")
_MOST_OUTPUT = 256 << 20
_LAST_OUTPUT_S = 0.2
"""Seconds without output after which a terminal whose shell has ended is closed."""


class FrameId(IntEnum):
    """Kind of data in a frame of the shell protocol."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


def frame(kind: FrameId, data: bytes) -> bytes:
    return _FRAME.pack(kind, len(data)) + data


class FrameParser:
    """Splits the bytes of an adb client into frames."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the complete frames as (id, bytes). Raises `ValueError` for a frame larger than any client sends."""
        self._data += data
        frames = []
        while len(self._data) >= _FRAME.size:
            kind, length = _FRAME.unpack_from(self._data)
            if length > MAX_PAYLOAD:
                raise ValueError(f"a shell frame of {length} bytes")
            end = _FRAME.size + length
            if len(self._data) < end:
                break
            frames.append((kind, self._data[_FRAME.size : end]))
            self._data = self._data[end:]
        return frames


@dataclass(frozen=True)
class ShellRequest:
    """A parsed request to the shell service."""

    command: str
    terminal: bool
    framed: bool
    """Whether standard error and the exit code are sent separately (shell v2)."""
    term: str = "dumb"
    raw: bool = False
    """Whether the terminal passes all bytes unchanged."""


def parse_request(service: str) -> ShellRequest | None:
    """Parse `shell:ls`, `shell,v2,TERM=xterm,raw:ls`, `exec:ls` or `abb:package\0list`; None for another service.

    As in adbd, a command of the old shell protocol has a raw terminal, because only a terminal tells it that the client
    is gone.
    """
    head, colon, command = service.partition(":")
    name, *options = head.split(",")
    if colon and name in {"abb", "abb_exec"}:
        return ShellRequest(shlex.join(["cmd", *command.split("\0")]), terminal=False, framed=name == "abb")
    if not colon or name not in {"shell", "exec"}:
        return None
    framed = "v2" in options
    terminal = name == "shell" and not command
    if "raw" in options or "pty" in options:
        terminal = "pty" in options
    raw = name == "shell" and not framed and not terminal
    term = next((option[5:] for option in options if option.startswith("TERM=")), "dumb")
    return ShellRequest(command, terminal or raw, framed, term, raw)


async def serve(
    request: ShellRequest, stream: Stream, shell: Sequence[str], environment: Mapping[str, str], folder: str
) -> None:
    """Run the command until it ends, or hang up if the client is gone."""
    argv = [*shell, "-c", request.command] if request.command else [*shell]
    process = _start(argv, request, {**environment, "TERM": request.term}, folder)
    feeding = asyncio.ensure_future(_feed(process, request, stream))
    running = asyncio.ensure_future(_run(process, request, stream))
    gone = asyncio.ensure_future(stream.closed.wait())
    hung_up = True
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        hung_up = not running.done() or running.exception() is not None
        if hung_up and not request.framed and not request.terminal:
            await asyncio.wait({feeding, process.end}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeding, running, gone):
            task.cancel()
        await asyncio.gather(feeding, running, gone, return_exceptions=True)
        if hung_up:
            _hang_up(process, request)
        else:
            process.close()


async def output(argv: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Run a program of the phone, and return what it writes to standard output and error, up to 256 MiB."""
    process = _start(list(argv), ShellRequest("", terminal=False, framed=False), environment, "/")
    process.close_stdin()
    parts, size = [], 0
    try:
        async for data in read_all(process.outputs[FrameId.STDOUT]):
            parts.append(data)
            size += len(data)
            if size > _MOST_OUTPUT:
                break
    finally:
        process.signal(signal.SIGHUP)
        process.close()
    return b"".join(parts)


class _Process:
    """A child process with the descriptors of its terminal or pipes; each is closed once."""

    def __init__(self, pid: int, stdin: int, outputs: Mapping[FrameId, int], *, terminal: bool) -> None:
        self.pid = pid
        self.stdin: int | None = stdin
        self.outputs = outputs
        self.terminal = terminal
        self.end = asyncio.ensure_future(process_end(pid))
        """Future that yields the exit code."""
        for descriptor in {stdin, *outputs.values()}:
            os.set_blocking(descriptor, False)

    def close_stdin(self) -> None:
        if self.stdin is not None and not self.terminal:
            os.close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        self.close_stdin()
        for descriptor in self.outputs.values():
            os.close(descriptor)

    def signal(self, number: int) -> None:
        """Send a signal to the command, not to its child processes."""
        if not self.end.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _start(argv: list[str], request: ShellRequest, environment: Mapping[str, str], folder: str) -> _Process:
    def run(stdin: int, stdout: int, stderr: int, attach: Callable[[], None] | None = None) -> int:
        child = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=folder,
            start_new_session=attach is None,
            preexec_fn=attach,
        )
        child.returncode = 0  # `process_end` waits for it; Popen must not
        return child.pid

    if request.terminal:
        ours, theirs = os.openpty()
        if request.raw:
            tty.setraw(theirs)
        pid = run(theirs, theirs, theirs, lambda: os.login_tty(0))
        os.close(theirs)
        return _Process(pid, ours, {FrameId.STDOUT: ours}, terminal=True)

    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    outputs = {FrameId.STDOUT: out_read}
    err_write = out_write
    if request.framed:
        outputs[FrameId.STDERR], err_write = os.pipe()
    pid = run(in_read, out_write, err_write)
    for descriptor in {in_read, out_write, err_write}:
        os.close(descriptor)
    return _Process(pid, in_write, outputs, terminal=False)


async def _run(process: _Process, request: ShellRequest, stream: Stream) -> None:
    chunks = itertools.count()
    started = ended = -1

    async def carry(kind: FrameId, descriptor: int) -> None:
        nonlocal started, ended
        async for data in read_all(descriptor):
            started = number = next(chunks)
            await stream.write(frame(kind, data) if request.framed else data)
            ended = number

    carrying = [asyncio.ensure_future(carry(kind, descriptor)) for kind, descriptor in process.outputs.items()]
    reading = asyncio.gather(*carrying)
    try:
        if process.terminal:
            # A terminal ends with its shell, even if a background process still holds it open.
            await asyncio.shield(process.end)
            seen = -2
            while not reading.done() and (started != ended or ended != seen):
                seen = ended
                await asyncio.wait({reading}, timeout=_LAST_OUTPUT_S)
        if reading.done() or not process.terminal:
            await reading
    finally:
        # Stop all reading before descriptors are closed: their numbers are soon reused, and a loop that still watches
        # one for a closed pipe never wakes the reader of the next pipe. A failed `gather` leaves its others running.
        for one in carrying:
            one.cancel()
        await asyncio.gather(reading, *carrying, return_exceptions=True)
    code = await asyncio.shield(process.end)
    if request.framed:
        await stream.write(frame(FrameId.EXIT, bytes([code & 0xFF])))


async def _feed(process: _Process, request: ShellRequest, stream: Stream) -> None:
    """Pass the client's input to the process until it ends."""
    parser = FrameParser()
    with contextlib.suppress(OSError, ValueError):
        while data := await stream.read():
            for kind, piece in parser.feed(data) if request.framed else [(FrameId.STDIN, data)]:
                if kind == FrameId.STDIN and process.stdin is not None:
                    await _give(process, piece)
                elif kind == FrameId.CLOSE_STDIN:
                    process.close_stdin()
                elif kind == FrameId.WINDOW_SIZE and process.terminal:
                    with contextlib.suppress(ValueError):  # as in adbd, a size that is not one changes nothing
                        _resize(process.stdin, piece)
    if not (request.framed and stream.closed.is_set()):  # else a signal has to come before the end of the input
        process.close_stdin()


async def _give(process: _Process, data: bytes) -> None:
    try:
        assert process.stdin is not None
        await write_all(process.stdin, data)
    except OSError:
        process.close_stdin()


def parse_window_size(text: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, width and height from `ROWSxCOLUMNS,WIDTHxHEIGHT`, as sent by adb. Raises `ValueError`."""
    rows, columns, width, height = text.rstrip(b"\0").replace(b"x", b",").split(b",")
    return int(rows[:9]) & 0xFFFF, int(columns[:9]) & 0xFFFF, int(width[:9]) & 0xFFFF, int(height[:9]) & 0xFFFF


def _resize(terminal: int | None, text: bytes) -> None:
    size = parse_window_size(text)
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", *size))


def _hang_up(process: _Process, request: ShellRequest) -> None:
    """Handle a client that is gone: as in adbd, send SIGHUP to the command only, then close its input and output.

    A command that ignores the signal keeps running. Without the shell protocol no signal is sent: a closing terminal
    sends its own, and a plain `exec:` goes on with the input that it got (`adb exec-in`). adbd has a raw terminal for
    `exec:`, too, and so can lose the end of that input.
    """
    if request.framed:
        process.signal(signal.SIGHUP)
    process.close()
