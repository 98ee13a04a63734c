"""The interface of a target, which the host and phones share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import DeviceConditions, TargetInfo


@dataclass(frozen=True)
class TargetPath:
    """A path on the target. It is not a `pathlib.Path`, which is a path on this computer."""

    text: str

    def __truediv__(self, name: str) -> TargetPath:
        return TargetPath(f"{self.text.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class ShellResult:
    """Result of a command on the target, with separate standard output and error."""

    stdout: bytes
    stderr: bytes
    exit_code: int


class NotStarted(BlockFailed):
    """The operating system refused to start a program on this computer."""


@dataclass(frozen=True)
class Pushed:
    """A file that is now on the target."""

    path: TargetPath
    sha256: str
    transferred: bool
    """False if the same bytes were already there."""
    seconds: float


@dataclass(frozen=True)
class BrowserHandle:
    """A running browser that can be driven."""

    name: str
    version: str
    address: str
    """Address at which this computer drives it, such as `http://127.0.0.1:41233`; see `browsers.connect.open_page`."""
    flags: tuple[str, ...]
    """Flags that it was started with."""
    program: str | None = None
    """Name of its program file, or its package on a phone."""
    pid: int | None = None
    """Process id of its first process, if it was started on this computer."""
    notes: tuple[str, ...] = ()
    """Actions on the browser that the proof has to report."""
    hidden: Callable[[], BlockFailed | None] = field(default=lambda: None, compare=False, repr=False)
    """Why a page that was hidden for a time does not count: what is in front of the browser now. None if nothing is."""


class Target(Protocol):
    """A machine to measure. Open it with `targets.open_target`; leaving the context undoes all changes.

    Every method raises `TargetLost` if the machine is gone, and stops within a second of `cancel` being set.
    """

    notices: Sequence[str]
    """Sentences for the user about the target's state when it was opened."""

    @property
    def info(self) -> TargetInfo: ...

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        """Run a command; arguments are quoted here. Raises `BlockFailed` if it takes more than `timeout` seconds."""
        ...

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        """Run a command that only reads the target's state and uses no pushed file.

        Unlike `shell`, it may be called from any thread while another command runs. Raises `BlockFailed` if it takes
        more than `timeout` seconds.
        """
        ...

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        """Put a file on the target, named by its content hash; skipped if the same sha256 is there."""
        ...

    def pull(self, remote: TargetPath, local: Path) -> None: ...

    def browser(
        self, name: str, flags: Sequence[str] = (), *, headed: bool = False
    ) -> AbstractContextManager[BrowserHandle]:
        """A browser to drive: on the host a new process with an empty profile, on a phone the installed browser.

        `headed`: show a window; on a phone the browser is always visible.
        """
        ...

    def reverse(self, port: int) -> AbstractContextManager[str]:
        """Make this computer's loopback `port` reachable on the target; yield the origin that pages use there.

        The target's browser has stored nothing for this origin yet.
        """
        ...

    def conditions(self, asked: str) -> DeviceConditions | None:
        """Set the conditions of a block on a phone, or check that they still hold; they are put back on leaving.

        Args:
            asked: the conditions, as `targets.android.conditions.parse` reads them.

        Returns:
            What the phone honoured; None for this computer, whose state is never changed.
        """
        ...
