"""The phone's state and parts that every command receives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mobilebench.virtual.android.dialogs import Dialogs
from mobilebench.virtual.android.first_run import FirstRun, Question
from mobilebench.virtual.android.logs import Log
from mobilebench.virtual.android.running_apps import RunningApps
from mobilebench.virtual.android.screens import Interface
from mobilebench.virtual.browsers import CHROME_PACKAGE, Chrome, Firefox
from mobilebench.virtual.config import PhoneConfig, Program
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import FIREFOXES, State

LAUNCHER = "com.android.launcher3/com.android.launcher3.Main"


SYSTEM_PACKAGES = ("android", "com.android.settings", "com.android.shell", "com.android.systemui")


@dataclass(frozen=True)
class CommandOutput:
    """A command's output and exit code."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    pieces: AsyncIterator[str] | None = None
    """What is printed after `stdout`, as it comes."""


@dataclass
class Device:
    """The phone as seen by its commands."""

    files: PhoneFiles
    chrome: Chrome
    firefox: Firefox
    first_run: FirstRun = field(default_factory=FirstRun)
    dialogs: Dialogs = field(default_factory=Dialogs)
    interface: Interface = field(default_factory=Interface)
    restart: Callable[[], None] = lambda: None
    """Starts the phone again."""

    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @cached_property
    def apps(self) -> RunningApps:
        """The processes of installed apps."""

        def go_home() -> None:
            self.interface.at_home = True

        return RunningApps(go_home)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that goes on when the command that began it has ended."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @cached_property
    def log(self) -> Log:
        """What `logcat` prints."""
        return Log(self.files.metadata)

    @property
    def config(self) -> PhoneConfig:
        return self.files.config

    @property
    def state(self) -> State:
        return self.files.state

    @property
    def api(self) -> int:
        """Android's API level."""
        return self.config.api

    @property
    def browsers(self) -> dict[str, Program]:
        """All installed browsers by package."""
        config, state = self.config, self.state
        packages = [*([CHROME_PACKAGE] if state.chrome_installed else []), *state.browser.packages]
        programs = {package: config.firefox if package in FIREFOXES else config.chromium for package in packages}
        return {package: _updated(program, state.browser.updates) for package, program in programs.items() if program}

    @property
    def packages(self) -> list[str]:
        return [*SYSTEM_PACKAGES, *self.browsers]

    @property
    def front(self) -> str:
        """Component of the activity on the screen."""
        if question := self.first_run.now:
            return question.component
        if app := self.apps.in_front:
            return app.activity
        running = None if self.interface.at_home else self.running
        return f"{running}/{running}.Main" if running else LAUNCHER

    @property
    def running(self) -> str | None:
        """Package of the browser that was opened last and runs, or None."""
        return self.firefox.running or self.chrome.running

    @property
    def browser_pids(self) -> dict[str, int]:
        """First process of each running browser, which leads its process group, by package."""
        found = {browser.running: browser.pid for browser in (self.chrome, self.firefox)}
        return {package: pid for package, pid in found.items() if package and pid}

    async def settle_pages(self) -> None:
        """Show the browser's pages if they can be seen, and hide them if the screen is off or something covers them."""
        await self.chrome.settle(self._covered)

    def _covered(self) -> bool:
        screen = self.state.screen
        by_dialog = self.dialogs.now is not None and self.dialogs.now.covers
        return not screen.on or screen.locked or by_dialog or self.interface.at_home or self.apps.in_front is not None

    def name_of(self, pid: int) -> str:
        """Name of a process, with which Android names a browser's."""
        try:
            folder = Path(f"/proc/{pid}")
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
            own, group = (folder / "comm").read_text(errors="replace").strip(), os.getpgid(pid)
        except OSError:
            return ""
        app = next((app for app in self.apps.running.values() if app.pid == pid), None)
        if app is not None:
            return app.package
        for package, first in self.browser_pids.items():
            if group == first:
                if pid == first:
                    return package
                kind = next((word.partition("=")[2] for word in words if word.startswith("--type=")), None)
                names = {"renderer": f"{package}:sandboxed_process0", "zygote": f"{package}_zygote"}
                return names.get(kind or "", f"{package}:privileged_process0")
        return "init" if pid == 1 else "adbd" if pid == os.getpid() else own

    @property
    def question(self) -> Question | None:
        """The dialog or first-run screen in front, or None."""
        return self.dialogs.now or self.first_run.now

    def note(self, tag: str, text: str, *, buffer: str = "system", level: str = "I", pid: int = 1000) -> None:
        """Write an entry to the phone's log; `pid` is the process that writes it."""
        self.log.add(tag, text, buffer=buffer, level=level, pid=pid, ahead_s=self.state.clock_ahead_s)


def _updated(program: Program, updates: int) -> Program:
    """The program with the version that it has after so many updates; the program itself stays the same."""
    if not updates:
        return program
    start, _, end = program.version.rpartition(".")
    return replace(program, version=f"{start}.{int(end) + updates}" if end.isdecimal() and start else program.version)


Command = Callable[[Device, Sequence[str]], Awaitable[CommandOutput]]
"""A command; its arguments are those after its name."""


def lines(*text: str) -> str:
    return "".join(f"{line}\n" for line in text)
