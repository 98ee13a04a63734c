"""The phone's state and parts that every command receives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from mobilebench.virtual.android.dialogs import Dialogs
from mobilebench.virtual.android.first_run import FirstRun, Question
from mobilebench.virtual.android.logs import Log
from mobilebench.virtual.browsers import CHROME_PACKAGE, Chrome, Firefox
from mobilebench.virtual.config import PhoneConfig, Program
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import FIREFOXES, State

LAUNCHER = "com.android.launcher3/com.android.launcher3.Main"


@dataclass(frozen=True)
class CommandOutput:
    """A command's output and exit code."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


@dataclass(frozen=True)
class Device:
    """The phone as seen by its commands."""

    files: PhoneFiles
    chrome: Chrome
    firefox: Firefox
    log: Log
    first_run: FirstRun = field(default_factory=FirstRun)
    dialogs: Dialogs = field(default_factory=Dialogs)

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
        return ["android", "com.android.settings", "com.android.shell", "com.android.systemui", *self.browsers]

    @property
    def front(self) -> str:
        """Component of the activity on the screen."""
        if question := self.first_run.now:
            return question.component
        running = self.firefox.running or self.chrome.running
        return f"{running}/{running}.Main" if running else LAUNCHER

    @property
    def question(self) -> Question | None:
        """The dialog or first-run screen in front, or None."""
        return self.dialogs.now or self.first_run.now

    def note(self, tag: str, text: str, *, buffer: str = "system", level: str = "I") -> None:
        """Write an entry to the phone's log."""
        self.log.add(tag, text, buffer=buffer, level=level, ahead_s=self.state.clock_ahead_s)


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
