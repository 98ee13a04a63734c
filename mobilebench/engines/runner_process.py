"""How processes of the native runner are started on a target: from a shell here, in mobilebench's app in `app/`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from mobilebench.core import paths, temporary
from mobilebench.core.axes import SHELL
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import AppProof
from mobilebench.targets.android.files import BLOCK_FOLDER as PHONE_FOLDER
from mobilebench.targets.base import Pushed, ShellResult, Target, TargetPath

ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1"}
_FOLDER_SECONDS = 30.0


@dataclass(frozen=True)
class Loaded:
    """A file on this computer and where it was put on the target."""

    local: Path
    pushed: Pushed


@dataclass(frozen=True)
class Ran:
    """A process of the runner that has ended."""

    result: ShellResult
    """Its answer is the standard output."""
    app: AppProof | None = None
    """What Android says of the process, where the app started it."""


class RunnerProcess(Protocol):
    """A way to start the native runner on one target. The arguments and the answer are the same for every way."""

    @property
    def context(self) -> str:
        """The context of its cases (`core.axes.Case.context`)."""
        ...

    @property
    def program(self) -> Loaded:
        """The file that contains the runner."""
        ...

    def place(self, local: Path, *, sha256: str | None = None) -> Pushed:
        """Put a file where the runner can read it; skipped if the same bytes are there.

        Raises:
            BlockFailed: it cannot be put there.
        """
        ...

    def scratch(self) -> AbstractContextManager[TargetPath]:
        """An empty folder in which the runner may write, removed on leaving."""
        ...

    def run(self, arguments: Sequence[str], *, timeout: float, cancel: Event | None = None) -> Ran:
        """Start a fresh process with these arguments, and wait for its end.

        Raises:
            Unsupported: it can never be started here.
            BlockFailed: it could not be started, or did not end in time.
            TargetLost: the target went away.
        """
        ...


@dataclass(frozen=True)
class ShellProcess:
    """The runner as a program: a process of adb's shell on a phone, or of this one on this computer."""

    target: Target
    program: Loaded

    @classmethod
    def on(cls, target: Target) -> ShellProcess:
        """Push the runner.

        Raises:
            BlockFailed: it is not built, or cannot be pushed.
            Unsupported: the target cannot verify pushed files.
        """
        runner = paths.runner(target.info.runner)
        if not runner.is_file():
            goal = "native-android" if target.info.runner.startswith("android-") else "native"
            raise BlockFailed(
                f"The native runner for {target.info.runner} ({target.info.id}) is not built.",
                hint=f"Run `make {goal}`.",
            )
        try:
            return cls(target, Loaded(runner, target.push(runner, executable=True)))
        except BadInput as error:
            raise Unsupported(error.message, hint=error.hint) from error

    @property
    def context(self) -> str:
        return SHELL

    def place(self, local: Path, *, sha256: str | None = None) -> Pushed:
        return self.target.push(local, sha256=sha256)

    def scratch(self) -> AbstractContextManager[TargetPath]:
        return scratch_folder(self.target)

    def run(self, arguments: Sequence[str], *, timeout: float, cancel: Event | None = None) -> Ran:
        command = [str(self.program.pushed.path), *arguments]
        return Ran(self.target.shell(command, timeout=timeout, environment=ENVIRONMENT, cancel=cancel))


@contextmanager
def scratch_folder(target: Target) -> Iterator[TargetPath]:
    """An empty folder on the target, removed on leaving.

    Raises:
        BlockFailed: the folder cannot be created.
    """
    if target.info.kind == "host":
        with temporary.folder("mobilebench-scratch-") as folder:
            yield TargetPath(str(folder))
        return
    _remove_scratch(target)
    made = target.shell(["mkdir", "-p", PHONE_FOLDER.text], timeout=_FOLDER_SECONDS)
    if made.exit_code != 0:
        words = made.stderr.decode("utf-8", "replace").strip() or f"exit code {made.exit_code}"
        raise BlockFailed(f"{target.info.id}: {PHONE_FOLDER} cannot be made: {words}")
    try:
        yield PHONE_FOLDER
    finally:
        with suppress(MobilebenchError):
            _remove_scratch(target)


def _remove_scratch(target: Target) -> None:
    target.shell(["rm", "-rf", PHONE_FOLDER.text], timeout=_FOLDER_SECONDS)
