"""Shared parts of starting a browser on this computer: empty profile, process group, and complete cleanup."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event

from mobilebench.browsers import crash_diagnosis
from mobilebench.core.errors import BadInput, BlockFailed, Fault

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
    _remove_stale_profiles()
    try:
        profile = Path(tempfile.mkdtemp(prefix=f"{PROFILE_PREFIX}{browser}-{os.getpid()}-"))
    except OSError as error:
        words = f"No profile for {browser} could be made in {tempfile.gettempdir()}: {error}."
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
        with crash_diagnosis.explained(Path(argv[0]).name, process, profile / LOG):
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
            words = f"{browser} ended while it started (exit code {code}): {crash_diagnosis.last_words(profile / LOG)}"
            raise crash_diagnosis.of_exit(words, browser, code)
        if cancel is not None and cancel.is_set():
            raise BlockFailed(f"The block was cancelled while {browser} started.")
        time.sleep(_POLL_SECONDS)
    words = (
        f"{browser} did not open its port for us within {timeout:.0f} s: {crash_diagnosis.last_words(profile / LOG)}"
    )
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


def _remove_stale_profiles() -> None:
    """Remove the profiles of killed mobilebench processes."""
    for browser in _BROWSERS:
        prefix = f"{PROFILE_PREFIX}{browser}-"
        for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            owner = folder.name.removeprefix(prefix).partition("-")[0]
            if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
                shutil.rmtree(folder, ignore_errors=True)
