"""The processes of installed apps: which run, which is in front, and what ends them before their time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from mobilebench.virtual.processes import process_end, read_all

FOREGROUND = "app-foreground"
CRASH, ANR, KILL, SWITCH = "app-crash", "app-anr", "app-killed", "app-switched-away"
FAULTS = (CRASH, ANR, KILL, SWITCH)
CRASHED = "Process crashed."
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Ending:
    """How a process ended before its instrumentation was over."""

    reason: str
    """Android's number for it."""
    short: str = CRASHED
    long: str = ""


KILLED, DIED, NATIVE_CRASH = Ending("2"), Ending("13"), Ending("5")
FORCE_STOPPED, NO_MEMORY = Ending("10"), Ending("3")
_NO_ANSWER = "Input dispatching timed out (Waiting to send non-key event because the touched window has not finished)"
_ENDINGS = {CRASH: Ending("4"), KILL: NO_MEMORY}
"""Faults that end an app's process."""


@dataclass
class RunningApp:
    """The process of an app."""

    package: str
    user: int
    activity: str
    """Component in front of the display while it is in the foreground; empty for a service."""
    pid: int
    output: int
    """Descriptor of what it prints."""
    end: asyncio.Future[int]
    ending: Ending | None = None
    shown: bool = True
    """Whether its activity, if it has one, is in front."""
    stayed: bool = True
    """Whether it was in front all the time."""
    has_begun: bool = False
    """Whether it has printed something."""
    stage: str = ""
    on_end: list[Callable[[], None]] = field(default_factory=list)

    @property
    def user_name(self) -> str:
        return f"u0_a{self.user - 10000}"

    def stop(self, ending: Ending) -> None:
        """End the process for this reason, unless it has ended."""
        if self.ending is None and not self.end.done():
            self.ending = ending
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def fail(self, ending: Ending) -> None:
        """Let a fault end the process, even if it has just ended by itself, so that the fault is always seen."""
        self.stop(ending)
        self.ending = self.ending or ending

    async def lines(self) -> AsyncIterator[str]:
        """What it prints, line by line, until its end."""
        rest = b""
        async for data in read_all(self.output):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line[:_LONGEST_LINE].decode(errors="replace")
            rest = rest[:_LONGEST_LINE]
        if rest:
            yield rest.decode(errors="replace")


class RunningApps:
    """The apps that run, and the faults that wait for one."""

    def __init__(self, switch_away: Callable[[], None]) -> None:
        self._apps: dict[str, RunningApp] = {}
        self._waiting: dict[str, Callable[[], None]] = {}
        self._switch_away = switch_away

    @property
    def running(self) -> dict[str, RunningApp]:
        """By package."""
        return dict(self._apps)

    @property
    def in_front(self) -> RunningApp | None:
        """The app whose activity was opened last, or None."""
        return next((app for app in reversed(self._apps.values()) if app.activity and app.shown), None)

    def leave(self) -> None:
        """Something else comes in front."""
        if app := self.in_front:
            app.shown = app.stayed = False

    def start(
        self, package: str, user: int, activity: str, argv: Sequence[str], environment: dict[str, str]
    ) -> RunningApp:
        """Start a process of the app. Raises `OSError`."""
        reading, writing = os.pipe()
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child.returncode = 0  # `process_end` waits for it; Popen must not
        os.set_blocking(reading, False)
        end = asyncio.ensure_future(process_end(child.pid))
        app = RunningApp(package, user, activity, child.pid, reading, end)
        self._apps[package] = app
        return app

    def forget(self, app: RunningApp) -> None:
        """The process has ended, and all that it printed was read."""
        os.close(app.output)
        if self._apps.get(app.package) is app:
            del self._apps[app.package]

    async def stop(self, package: str, ending: Ending = FORCE_STOPPED) -> bool:
        """End an app's process; whether one ran."""
        app = self._apps.get(package)
        if app is None:
            return False
        app.stop(ending)
        await asyncio.wait({app.end}, timeout=5)
        return True

    async def stop_all(self) -> None:
        for package in list(self._apps):
            await self.stop(package)

    # Faults

    def wait_for_job(self, fault: str, happened: Callable[[], None]) -> None:
        """Let a fault happen to the app that runs, or to the next one that does, and call `happened` then."""
        self._waiting[fault] = happened
        for app in list(self._apps.values()):
            self.suffer(app)

    def drop(self, fault: str) -> None:
        """A fault is not to happen any more."""
        self._waiting.pop(fault, None)

    def suffer(self, app: RunningApp) -> None:
        """Let the faults that wait happen to this app, if it has begun its work."""
        for fault in list(self._waiting) if app.has_begun else []:
            if fault == SWITCH and not app.activity:
                continue
            happened = self._waiting.pop(fault)
            if fault == SWITCH:
                self.leave()
                self._switch_away()
            elif fault == ANR:
                app.fail(Ending("10", "keyDispatchingTimedOut", _NO_ANSWER) if app.activity else Ending("6"))
            else:
                app.fail(_ENDINGS[fault])
            happened()
