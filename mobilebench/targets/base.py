"""What a target can do, host and phone alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo


@dataclass(frozen=True)
class TargetPath:
    """A path on the target. Never a `pathlib.Path`: those are paths on this computer."""

    text: str

    def __truediv__(self, name: str) -> TargetPath:
        return TargetPath(f"{self.text.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class ShellResult:
    """Outcome of a command on the target; standard output and error are separate."""

    stdout: bytes
    stderr: bytes
    exit_code: int


class NotStarted(BlockFailed):
    """The system refuses to start a program on this computer."""


@dataclass(frozen=True)
class Pushed:
    """A file that is now on the target."""

    path: TargetPath
    sha256: str
    transferred: bool
    """False when the same bytes were already there."""
    seconds: float


@dataclass(frozen=True)
class BrowserHandle:
    """A running browser that can be driven."""

    name: str
    version: str
    address: str
    """Where it is driven from this computer, such as `http://127.0.0.1:41233`; see `browsers.page.open_page`."""
    flags: tuple[str, ...]
    """That it was started with."""
    program: str | None = None
    """Name of its program file, or of its package on a phone."""
    pid: int | None = None
    """Of its first process, where it was started on this computer."""
    notes: tuple[str, ...] = ()
    """What was done to it that a proof has to tell."""


class Target(Protocol):
    """A machine to measure. Open it with `targets.open_target`; leaving it puts everything back.

    Every method raises `TargetLost` when the machine goes away, and stops within a second of `cancel` being set.
    """

    @property
    def info(self) -> TargetInfo: ...

    @property
    def notices(self) -> Sequence[str]:
        """What a person has to know of its state when it was opened, in sentences."""
        ...

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        """Run a command; arguments are quoted here. Raises `BlockFailed` when it takes more than `timeout` seconds."""
        ...

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        """Run a command that only reads the target's state and uses no pushed file.

        Unlike `shell`, it may be called from any thread while another command runs. Raises `BlockFailed` when it takes
        more than `timeout` seconds.
        """
        ...

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        """Put a file on the target, under its content's name; skipped when the same sha256 is there."""
        ...

    def pull(self, remote: TargetPath, local: Path) -> None: ...

    def browser(
        self, name: str, flags: Sequence[str] = (), *, headed: bool = False
    ) -> AbstractContextManager[BrowserHandle]:
        """A browser to drive: on the host a fresh process with a fresh profile, on a phone the one installed.

        `headed`: in a window that a person can watch; on a phone it always is.
        """
        ...

    def reverse(self, port: int) -> AbstractContextManager[str]:
        """Make this computer's loopback `port` reachable on the target; yields the origin that pages use there.

        It is one for which the browser there has kept nothing yet.
        """
        ...
