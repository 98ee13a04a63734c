"""Find out how a browser on this computer, or its page, ended: from its exit code, its log and the kernel."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mobilebench.core.errors import BlockFailed, Killed
from mobilebench.profiles import memory_kills

_EXIT_SECONDS = 1.0
"""Seconds that a browser may take to end after its connection was cut."""
_OUT_OF_HEAP = re.compile(r"V8 (?:javascript|process) OOM \([^)\n]{1,200}\)")
_EXITED = re.compile(r"process \d{1,9} exited on signal (\d{1,2})\b")


@contextmanager
def explained(program: str, process: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Add the cause to a failure inside the context if the browser or its page died.

    Args:
        program: the browser's name for messages.
        log: file with the browser's standard error.
    """
    with memory_kills.explained():
        try:
            yield
        except BlockFailed as error:
            found = _of_browser(error, program, process, log) or _of_heap(error, log) or _of_silence(error, log)
            if found is None:
                raise
            raise found from error


def of_exit(message: str, program: str, code: int) -> BlockFailed:
    """The failure of a browser that ended with this exit code (a signal's is negative)."""
    if code == -signal.SIGKILL:
        return Killed(message, subject=program)
    return BlockFailed(message, fault="crash")


def last_words(log: Path) -> str:
    """The log line in which the browser says why it gives up, else the last line."""
    lines = _lines(log)
    fatal = [line for line in lines if "FATAL" in line]
    return (fatal or lines or ["it said nothing"])[-1][:300]


def _of_browser(error: BlockFailed, program: str, process: subprocess.Popen[bytes], log: Path) -> BlockFailed | None:
    """Failure of the browser, if a cut connection came from its end."""
    if error.fault != "cut connection":
        return None
    with suppress(subprocess.TimeoutExpired):
        process.wait(_EXIT_SECONDS)
    code = process.returncode
    if code is None:
        return None
    how = f"was killed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    words = "" if code == -signal.SIGKILL else f" It last said: {last_words(log)}"
    return of_exit(f"{error.message.rstrip('.')}: {program} {how}.{words}", program, code)


def _of_heap(error: BlockFailed, log: Path) -> BlockFailed | None:
    """Failure of a full heap: Chrome reports a plain crash, and the reason only in its log."""
    if error.fault != "crash" or isinstance(error, Killed):
        return None
    found = next((match for line in reversed(_lines(log)) if (match := _OUT_OF_HEAP.search(line))), None)
    if found is None:
        return None
    words = f"The page's process ended itself because memory ran out: {found[0]}."
    return BlockFailed(words, fault="killed for memory")


def _of_silence(error: BlockFailed, log: Path) -> BlockFailed | None:
    """Failure of a silent Firefox: if a page dies while it computes, only the log shows it."""
    if error.fault != "hang":
        return None
    found = next((match for line in reversed(_lines(log)) if (match := _EXITED.search(line))), None)
    if found is None:
        return None
    words = f"{error.message} A process of the browser had ended (signal {found[1]})."
    if int(found[1]) == signal.SIGKILL:
        return Killed(words, subject="The page's process")
    return BlockFailed(words, fault="crash")


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return []
