"""mobilebench's own app on a phone: installing it as a change that is undone, and the files in its folder.

An app that was there before is never removed. Files are reached by `run-as`, as the app's user; they are named by their
content, and copied once. What the phone answers is not trusted: only its known words are read.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Event

from mobilebench.core.errors import BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.hashing import sha256_of
from mobilebench.core.sizes import megabytes
from mobilebench.targets.android import install_failures
from mobilebench.targets.android.device_changes import DeviceChanges
from mobilebench.targets.android.installed_app import FILE_SECONDS, installed_sha256
from mobilebench.targets.android.shell import Shell
from mobilebench.targets.base import Pushed, ShellResult, TargetPath

PACKAGE = "org.mobilebench.app"
PROGRAM = PACKAGE[-15:]
"""Name of the app's process, of which the kernel keeps the last 15 characters."""
FOLDER = TargetPath(f"/data/data/{PACKAGE}/files")
"""The app's folder, as the app sees it."""
BY_HASH = "files/by-hash"
JOBS = "files/jobs"
SCRATCH = "files/scratch"
"""Folders as `run-as` sees them, which begins in the app's data folder."""

_INSTALL_SECONDS = 180.0
_COPY_SECONDS = 300.0
_DAMAGED, _NO_SPACE = 99, "no space left"
_JOB = re.compile(r"[0-9a-f]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNKNOWN_PACKAGE = re.compile(r"run-as: (?:unknown package|Package .{0,200} is unknown)", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"^run-as: (.{1,300})$", re.MULTILINE)

_kept: ContextVar[bool] = ContextVar("keep_app", default=False)

Run = Callable[..., ShellResult]
"""Runs a program on the phone (`targets.base.Target.shell`)."""


@contextmanager
def keeping(keep: bool) -> Iterator[None]:
    """Whether the app stays on phones that are opened until the context ends (`run --keep-app`)."""
    token = _kept.set(keep)
    try:
        yield
    finally:
        _kept.reset(token)


class OwnApp:
    """mobilebench's app on one open phone. The caller holds the phone's lock."""

    def __init__(
        self, serial: str, run: Run, push: Callable[[Path], Pushed], changes: DeviceChanges, shell: Shell
    ) -> None:
        self.serial = serial
        self.shell = shell
        """For questions about how the app ended."""
        self._run = run
        self._push = push
        self._changes = changes
        self._installed: tuple[Path, Pushed] | None = None
        self._refused: Unsupported | None = None
        self._placed: dict[str, Pushed] = {}

    def install(self, apk: Path) -> Pushed:
        """Install the app, unless the phone has the same one; it is removed when the phone is closed.

        Returns:
            The file on the phone from which it was installed, with its SHA-256.

        Raises:
            Unsupported: the phone will not install it until a person changes something.
            BlockFailed: it could not be installed.
        """
        if self._refused is not None:
            raise Unsupported(self._refused.message, hint=self._refused.hint)
        if self._installed is not None and self._installed[0] == apk:
            return self._installed[1]
        try:
            pushed = self._install(apk)
        except Unsupported as error:
            self._refused = error
            raise
        self._changes.use_app(PACKAGE)
        self._as_app(f"rm -rf {JOBS} {SCRATCH} {BY_HASH}/*.part", "leftovers could not be removed")
        self._installed = (apk, pushed)
        return pushed

    def forget(self) -> None:
        """Look again, and install again if need be, the next time: the app went away."""
        self._installed = None
        self._placed.clear()

    def _install(self, apk: Path) -> Pushed:
        """Install it where no such file is there. An older build of ours that was there is updated, and stays."""
        began = time.monotonic()
        there, own = installed_sha256(self.shell, PACKAGE), sha256_of(apk)
        if there == own:
            return Pushed(TargetPath(""), own, False, time.monotonic() - began)
        pushed = self._push(apk)
        if there is None and not _kept.get():
            self._changes.install_app(PACKAGE, pushed.sha256, lambda: self._pm_install(pushed))
        else:
            self._pm_install(pushed)
        return pushed

    def _pm_install(self, pushed: Pushed) -> None:
        answer = self._pm("-t", "-g", "-r", str(pushed.path))
        if install_failures.grants_are_refused(answer):
            answer = self._pm("-t", "-r", str(pushed.path))
        if not install_failures.installed(answer):
            raise install_failures.error(self.serial, PACKAGE, answer)
        if installed_sha256(self.shell, PACKAGE) != pushed.sha256:
            raise BlockFailed(f"{self.serial}: the phone installed another file than mobilebench's app.")

    def _pm(self, *words: str) -> str:
        done = self._run(["pm", "install", *words], timeout=_INSTALL_SECONDS)
        return (done.stdout + b"\n" + done.stderr).decode(errors="replace")

    def place(self, local: Path, pushed: Pushed) -> Pushed:
        """Copy a pushed file into the app's folder under its hash, unless it is there; the app may only read it.

        Raises:
            BlockFailed: the phone's disk is full, or the copy differs.
        """
        began = time.monotonic()
        assert _SHA256.fullmatch(pushed.sha256)
        if known := self._placed.get(pushed.sha256):
            return known
        name = f"{pushed.sha256}-{local.name}"
        quoted = shlex.quote(name)
        known_there = self._run_as(
            f"mkdir -p {BY_HASH} && cd {BY_HASH} && [ -f {quoted} ] && sha256sum {quoted}", timeout=FILE_SECONDS
        )
        copied = known_there.stdout.split()[:1] != [pushed.sha256.encode()]
        if copied:
            self._refuse_run_as(known_there)
            self._copy(local, pushed, quoted)
        placed = Pushed(FOLDER / "by-hash" / name, pushed.sha256, copied, time.monotonic() - began)
        self._placed[pushed.sha256] = placed
        return placed

    def _copy(self, local: Path, pushed: Pushed, quoted: str) -> None:
        part = f"{BY_HASH}/{quoted}.part"
        write = shlex.quote(f"rm -f {part}; cat > {part}")
        verify = (
            f'cd {BY_HASH} && s=$(sha256sum {quoted}.part) && case "$s" in {pushed.sha256}*) '
            f"chmod 500 {quoted}.part && mv -f {quoted}.part {quoted};; *) exit {_DAMAGED};; esac"
        )
        script = (
            f"cat {shlex.quote(str(pushed.path))} | run-as {PACKAGE} sh -c {write} && "
            f"run-as {PACKAGE} sh -c {shlex.quote(verify)}"
        )
        done = self._run(["sh", "-c", script], timeout=_COPY_SECONDS)
        if done.exit_code == 0:
            return
        with suppress(MobilebenchError):
            self._run_as(f"rm -f {part}", timeout=FILE_SECONDS)
        self._refuse_run_as(done)
        words = done.stderr.decode(errors="replace").strip()
        if _NO_SPACE in words.lower():
            raise BlockFailed(
                f"{self.serial}: the phone's disk is full: {local.name} takes "
                f"{megabytes(local.stat().st_size)}, and the app needs a copy of its own.",
                hint="Free some space on the phone, or measure a smaller model.",
                fault="no space",
            )
        if done.exit_code == _DAMAGED:
            raise BlockFailed(f"{self.serial}: {local.name} arrived damaged in the app: its SHA-256 differs.")
        raise BlockFailed(f"{self.serial}: {local.name} could not be copied into the app: {words[:300] or 'no output'}")

    @contextmanager
    def job(self, job: str, text: str) -> Iterator[None]:
        """Write a job's file into the app's folder; leaving the context removes the job with its answer.

        Raises:
            BlockFailed: it cannot be written.
        """
        assert _JOB.fullmatch(job)
        folder = f"{JOBS}/{job}"
        write = shlex.quote(f"mkdir -p {folder} && cat > {folder}/job.json")
        done = self._run(
            ["sh", "-c", f"printf '%s' {shlex.quote(text)} | run-as {PACKAGE} sh -c {write}"], timeout=FILE_SECONDS
        )
        self._demand(done, "the job could not be written")
        try:
            yield
        finally:
            with suppress(MobilebenchError):
                self._run_as(f"rm -rf {folder}", timeout=FILE_SECONDS)

    def read(self, job: str, name: str, most: int) -> bytes | None:
        """A file of a job, and at most one byte more than `most`; None if it is not there."""
        assert _JOB.fullmatch(job)
        done = self._run_as(f"head -c {most + 1} {JOBS}/{job}/{shlex.quote(name)}", timeout=FILE_SECONDS)
        self._refuse_run_as(done)
        return done.stdout if done.exit_code == 0 else None

    @contextmanager
    def scratch(self) -> Iterator[TargetPath]:
        """An empty folder in which the app may write, removed on leaving."""
        self._as_app(f"rm -rf {SCRATCH} && mkdir -p {SCRATCH}", "a folder could not be made")
        try:
            yield FOLDER / "scratch"
        finally:
            with suppress(MobilebenchError):
                self._run_as(f"rm -rf {SCRATCH}", timeout=FILE_SECONDS)

    def instrument(
        self, name: str, arguments: Mapping[str, str], *, timeout: float, cancel: Event | None
    ) -> ShellResult:
        """Run an instrumentation of the app in a fresh process, and end the app if that did not end by itself.

        Raises:
            BlockFailed: it did not end in time.
        """
        words = [word for key, value in arguments.items() for word in ("-e", key, value)]
        command = ["am", "instrument", "-w", "-r", *words, f"{PACKAGE}/{name}"]
        try:
            return self._run(command, timeout=timeout, cancel=cancel)
        except BaseException:
            with suppress(MobilebenchError):
                self._changes.stop_app(PACKAGE)
            raise

    def stop(self) -> None:
        """End the app."""
        self._changes.stop_app(PACKAGE)

    def _run_as(self, script: str, *, timeout: float) -> ShellResult:
        return self._run(["run-as", PACKAGE, "sh", "-c", script], timeout=timeout)

    def _as_app(self, script: str, problem: str) -> None:
        self._demand(self._run_as(script, timeout=FILE_SECONDS), problem)

    def _demand(self, done: ShellResult, problem: str) -> None:
        if done.exit_code == 0:
            return
        self._refuse_run_as(done)
        words = done.stderr.decode(errors="replace").strip()[:300] or f"exit code {done.exit_code}"
        fault = "no space" if _NO_SPACE in words.lower() else None
        raise BlockFailed(f"{self.serial}: in mobilebench's app {problem}: {words}", fault=fault)  # type: ignore[arg-type]

    def _refuse_run_as(self, done: ShellResult) -> None:
        """Raise what `run-as` itself says, where it did not run the command."""
        text = done.stderr.decode(errors="replace")
        if _UNKNOWN_PACKAGE.search(text):
            self.forget()
            raise BlockFailed(
                f"{self.serial}: mobilebench's app was removed from the phone meanwhile.",
                hint="The next attempt installs it again.",
                fault="app updated",
            )
        if said := _NOT_ALLOWED.search(text):
            raise Unsupported(
                f"{self.serial}: the phone does not let adb reach the files of mobilebench's app: {said[1].strip()}.",
                hint=f"If it is not mobilebench's own build, remove it (`adb -s {self.serial} uninstall {PACKAGE}`); "
                "otherwise measure from a shell (`--context shell`).",
            )
