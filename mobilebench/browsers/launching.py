"""Start a browser on this computer with an empty profile, end it without leaving files, and say how it died if it did.

A browser with a window needs a screen, which is checked before it is started. How a browser or its page ended is read
from its exit code, its log and the kernel.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event

from mobilebench.core import temporary
from mobilebench.core.errors import BadInput, BlockFailed, Fault, Killed, Unsupported
from mobilebench.profiles import machine

PROFILE_PREFIX = "mobilebench-"
PROFILE_NEEDS_MB = 100
"""Free megabytes below which a browser is not started, as it would fail later without a message."""
LOG = "stderr.txt"
"""File in the profile with the browser's standard error."""

_BROWSERS = ("chrome", "firefox")
_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Binary:
    """A browser installed on this computer."""

    path: Path
    version: str
    flags: tuple[str, ...] = ()
    """Flags that it is always started with."""


@dataclass(frozen=True)
class RunningBrowser:
    """A browser that was started on this computer and can be driven."""

    name: str
    version: str
    address: str
    """Address at which it is driven; see `connect.open_page`."""
    flags: tuple[str, ...]
    pid: int
    profile: Path
    program: str
    """Name of the program file."""


def find(variable: str, names: Sequence[str], words: tuple[str, ...]) -> Binary | None:
    """Find the program named by the environment `variable`, else the first of `names` on PATH that is such a browser.

    Raises:
        BadInput: the variable does not name such a browser; no other one is tried.
    """
    chosen = os.environ.get(variable)
    for name in [chosen] if chosen else names:
        path = shutil.which(name)
        version = version_of(path, words) if path else None
        if path and version:
            return Binary(Path(path), version)
    if chosen:
        missing = shutil.which(chosen) is None
        why = "there is no such program" if missing else "it does not answer --version as this browser does"
        raise BadInput(
            f"{variable} is {chosen}: {why}.", hint="Set it to the path of the browser's program, or unset it."
        )
    return None


@lru_cache
def version_of(path: str, words: tuple[str, ...]) -> str | None:
    """Version in the program's output of `--version`; None if it has no version or none of `words`."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(?:\.\d+)+", answer.stdout)
    return found[0] if found and any(word in answer.stdout for word in words) else None


@contextmanager
def fresh_profile(browser: str) -> Iterator[Path]:
    """Create an empty profile folder; leaving the context removes it. Folders of killed processes are removed too.

    Raises:
        BlockFailed: there is no space for it.
    """
    for known in _BROWSERS:
        temporary.remove_left(f"{PROFILE_PREFIX}{known}-")
    try:
        profile = Path(tempfile.mkdtemp(prefix=temporary.own_prefix(f"{PROFILE_PREFIX}{browser}-")))
    except OSError as error:
        words = f"The profile of {browser} could not be created in {tempfile.gettempdir()}: {error}."
        raise BlockFailed(words, fault=no_space(error)) from None
    try:
        free = shutil.disk_usage(profile).free // 1_000_000
        if free < PROFILE_NEEDS_MB:
            raise BlockFailed(
                f"There is no space left for {browser}'s profile: {free} MB are free in {profile.parent}.",
                hint="Make space there, or set TMPDIR to another folder.",
                fault="no space",
            )
        yield profile
    finally:
        _remove(profile)


@contextmanager
def started(argv: Sequence[str], environment: Mapping[str, str], profile: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the browser as leader of a process group, which ends when the context is left.

    Leave the context in the thread that entered it: the browser dies with that thread, and so with mobilebench.

    Raises:
        BlockFailed: it could not be started. Failures inside the context say how it or its page died.
    """
    with (profile / LOG).open("wb") as stderr:
        process = subprocess.Popen(
            [*_dies_with_us(), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        with explained_death(Path(argv[0]).name, process, profile / LOG):
            yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_address(
    browser: str,
    process: subprocess.Popen[bytes],
    profile: Path,
    read: Callable[[], str | None],
    timeout: float,
    cancel: Event | None,
) -> str:
    """Wait until `read` returns the address that the browser writes, and return it.

    Raises:
        BlockFailed: the browser ended at once, did not open its port in time, or `cancel` was set.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            address = read()
            if address is not None:
                return address
        if process.poll() is not None:
            code = process.returncode
            words = f"{browser} ended while it started (exit code {code}): {last_words(profile / LOG)}"
            raise of_exit(words, browser, code)
        if cancel is not None and cancel.is_set():
            raise BlockFailed(f"The block was cancelled while {browser} started.")
        time.sleep(_POLL_SECONDS)
    words = f"{browser} did not open its debugging port within {timeout:.0f} s: {last_words(profile / LOG)}"
    raise BlockFailed(words, fault="hang")


def no_space(error: OSError) -> Fault | None:
    """The fault `no space` if the error means a full disk or quota, else None."""
    return "no space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else None


def _dies_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _remove(profile: Path) -> None:
    """Remove the folder, with retries because killed processes may still be writing their last file."""
    for _ in range(200):
        with suppress(OSError):
            shutil.rmtree(profile)
        if not profile.exists():
            return
        time.sleep(_POLL_SECONDS)


SCREEN_HINT = "Run without --headed, in a desktop session, or on a screen in memory (xvfb-run mobilebench …)."

_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - where every X server has them
_FIRST_PORT = 6000
_SCREEN_SECONDS = 3.0
_DISPLAY = re.compile(r"(?P<host>.*):(?P<number>\d{1,5})(\.\d+)?")


def why_no_screen() -> str | None:
    """Why no window can be shown, as a clause; None if a screen answers."""
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not display and not wayland:
        return "there is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if (wayland and _wayland_answers(wayland)) or (display and _x_answers(display)):
        return None
    named = [
        f"{name} is {value[:100]}" for name, value in (("DISPLAY", display), ("WAYLAND_DISPLAY", wayland)) if value
    ]
    return f"the screen that is named does not answer ({', '.join(named)})"


def require_screen(browser: str) -> None:
    """Raise `Unsupported` if there is no screen for this browser's window."""
    if reason := why_no_screen():
        raise Unsupported(f"{browser} cannot show a window: {reason}.", hint=SCREEN_HINT)


def _wayland_answers(name: str) -> bool:
    return _socket_answers(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))


def _x_answers(display: str) -> bool:
    """Whether the X server `[host]:number[.screen]` answers; no host, or `unix`, means a local socket."""
    named = _DISPLAY.fullmatch(display)
    if named is None:
        return False
    host, number = named["host"], int(named["number"])
    if host not in ("", "unix"):
        return _port_answers(host, _FIRST_PORT + number)
    path = str(_SOCKETS / f"X{number}")
    return any(_socket_answers(place) for place in (f"\0{path}", path))


def _socket_answers(place: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(_SCREEN_SECONDS)
        probe.connect(place)
        return True
    return False


def _port_answers(host: str, port: int) -> bool:
    with suppress(OSError, OverflowError, UnicodeError), socket.create_connection((host, port), _SCREEN_SECONDS):
        return True
    return False


_EXIT_SECONDS = 1.0
"""Seconds that a browser may take to end after its connection was cut."""
_OUT_OF_HEAP = re.compile(r"V8 (?:javascript|process) OOM \([^)\n]{1,200}\)")
_EXITED = re.compile(r"process \d{1,9} exited on signal (\d{1,2})\b")


@contextmanager
def explained_death(program: str, process: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Add the cause to a failure inside the context if the browser or its page died.

    Args:
        program: the browser's name for messages.
        log: file with the browser's standard error.
    """
    with machine.with_kill_reason():
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
    lines = _log_lines(log)
    fatal = [line for line in lines if "FATAL" in line]
    return (fatal or lines or ["it printed nothing"])[-1][:300]


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
    words = "" if code == -signal.SIGKILL else f" Its last message: {last_words(log)}"
    return of_exit(f"{error.message.rstrip('.')}: {program} {how}.{words}", program, code)


def _of_heap(error: BlockFailed, log: Path) -> BlockFailed | None:
    """Failure of a full heap: Chrome reports a plain crash, and the reason only in its log."""
    if error.fault != "crash" or isinstance(error, Killed):
        return None
    found = next((match for line in reversed(_log_lines(log)) if (match := _OUT_OF_HEAP.search(line))), None)
    if found is None:
        return None
    words = f"The page's process ended itself because memory ran out: {found[0]}."
    return BlockFailed(words, fault="killed for memory")


def _of_silence(error: BlockFailed, log: Path) -> BlockFailed | None:
    """Failure of a silent Firefox: if a page dies while it computes, only the log shows it."""
    if error.fault != "hang":
        return None
    found = next((match for line in reversed(_log_lines(log)) if (match := _EXITED.search(line))), None)
    if found is None:
        return None
    words = f"{error.message} A process of the browser had ended (signal {found[1]})."
    if int(found[1]) == signal.SIGKILL:
        return Killed(words, subject="The page's process")
    return BlockFailed(words, fault="crash")


def _log_lines(log: Path) -> list[str]:
    try:
        return log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return []
