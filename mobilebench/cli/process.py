"""The process of a command: standard streams that never fail, and the signals that end it.

Writing to a standard stream does not fail because of an encoding, a closed pipe or a closed terminal. SIGTERM, and
SIGHUP when the terminal closes, end a command like Ctrl-C.
"""

from __future__ import annotations

import codecs
import errno
import io
import locale
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PLAIN = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("\u2018\u2019", "'"),
    "…": "...",
    "·": "|",
    "×": "x",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "µ": "u",
}
"""Replacements for characters that the terminal's encoding lacks."""


class Stream(io.FileIO):
    """A file descriptor to which writing never fails: output without a reader is dropped."""

    failure: OSError | None = None
    """Why output was lost, such as a full disk; a closed reader does not count."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._terminal = os.isatty(descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError as error:
            is_closed = error.errno == errno.EPIPE or (self._terminal and error.errno == errno.EIO)
            if not is_closed:
                self.failure = error
            _redirect_to_null(self.fileno())
            return memoryview(data).nbytes


def open_streams() -> None:
    """Replace Python's standard streams by safe ones."""
    codecs.register_error("mobilebench.plain", _in_plain_characters)
    if locale.getencoding().lower().replace("-", "") != "utf8":
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")  # files are UTF-8, even if the terminal is not
        os.environ["PYTHONUTF8"] = "1"
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _redirect_to_null(descriptor)  # otherwise the next opened file would become standard output
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = _text_stream(1, sys.stdout)
    sys.stderr = _text_stream(2, sys.stderr)


def lost_output() -> OSError | None:
    """Why output was lost, to be called after everything was written; None if nothing was."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, Stream) else None


def _text_stream(descriptor: int, before: io.TextIOWrapper | object | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = bool(getattr(before, "line_buffering", False)) or descriptor == 2
    return io.TextIOWrapper(
        io.BufferedWriter(Stream(descriptor)), encoding=encoding, errors="mobilebench.plain", line_buffering=lines
    )


def _redirect_to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)


def _in_plain_characters(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace characters that an encoding lacks by plain ones, or by an escape such as `\\xe9`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    replacement = _PLAIN.get(error.object[error.start])
    if replacement is not None:
        return replacement, error.start + 1
    short = UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    return codecs.backslashreplace_errors(short)


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a command cleanly. SIGHUP is excluded if it was ignored at the start, as under nohup."""
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hangup)


def end_like_ctrl_c() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C, so that temporary folders and started processes are cleaned up."""
    for number in ending_signals():
        if number != signal.SIGINT:
            signal.signal(number, _interrupt)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""In malloc.h of glibc."""


def give_memory_back() -> None:
    """Let the C library give freed memory back to the system, where it is glibc. To be called before there are threads.

    A run has several threads for each phone. glibc would give them arenas of their own, and raise its thresholds for
    large blocks, and both keep what was freed.
    """
    import ctypes

    with suppress(AttributeError):
        set_option = ctypes.CDLL(None).mallopt
        set_option(_M_ARENA_MAX, 1)
        set_option(_M_MMAP_THRESHOLD, 1 << 17)
        set_option(_M_TRIM_THRESHOLD, 1 << 17)


def ignore_hangups() -> None:
    """Ignore further SIGHUPs: a closed terminal sends several, and the clean-up must finish."""
    if signal.SIGHUP in ending_signals():
        signal.signal(signal.SIGHUP, lambda *_: None)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    ignore_hangups()
    raise KeyboardInterrupt
