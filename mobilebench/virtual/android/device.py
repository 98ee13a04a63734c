"""What every command of the phone gets to see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from mobilebench.virtual.chrome import PACKAGE, Chrome
from mobilebench.virtual.config import Chromium, PhoneConfig
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import State


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


@dataclass(frozen=True)
class Device:
    """The phone as its commands know it."""

    files: PhoneFiles
    chrome: Chrome

    @property
    def config(self) -> PhoneConfig:
        return self.files.config

    @property
    def state(self) -> State:
        return self.files.state

    @property
    def chromium(self) -> Chromium | None:
        """The Chrome that is installed."""
        return self.config.chromium if self.state.chrome_installed else None

    @property
    def packages(self) -> list[str]:
        system = ["android", "com.android.settings", "com.android.shell", "com.android.systemui"]
        return [*system, PACKAGE] if self.chromium else system


Command = Callable[[Device, Sequence[str]], Awaitable[Answer]]
"""Takes the arguments after the command's name."""


def lines(*text: str) -> str:
    return "".join(f"{line}\n" for line in text)
