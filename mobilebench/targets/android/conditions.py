"""Changes to a phone: each is written down on the phone before it is made, and put back in every exit path."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Sequence
from typing import Literal

from pydantic import ValidationError

from mobilebench.errors import BadInput, BlockFailed, MobilebenchError, TargetLost
from mobilebench.targets.android import ports
from mobilebench.targets.android.automation import JAR, PROCESS
from mobilebench.targets.android.files import HOME
from mobilebench.targets.android.restore import (
    AppStarted,
    DebugAppBefore,
    FileBefore,
    Forwarded,
    RestoreFile,
    Reversed,
    ScreenLent,
    SettingBefore,
    Step,
    is_alive,
    this_process,
)
from mobilebench.targets.android.shell import Shell, demand
from mobilebench.targets.android.sync import Sync

RESTORE_FILE = f"{HOME}/restore.json"
JAR_ASIDE = f"{JAR}.before-mobilebench"

_OF_SCREEN = f"grep -ls '{PROCESS.replace('.', '[.]')}' /proc/[0-9]*/cmdline"
"""Lists the processes of uiautomator2's server, and never itself."""
_FRONT = re.compile(r"(?:mCurrentFocus|mFocusedApp)=.*?\s([A-Za-z]\w*(?:\.\w+)+/[\w.$]+)", re.ASCII)


class Conditions:
    """The changes that one run has made to one phone.

    Its shell and sync must not be cancellable: what was changed is put back also after Ctrl-C.
    """

    def __init__(self, shell: Shell, sync: Sync) -> None:
        self._shell = shell
        self._sync = sync
        self._steps: list[Step] = []
        self._owner = this_process()

    def recover(self) -> None:
        """Put back what a run that died has left changed.

        Raises:
            BadInput: that run still goes on, or its restore file cannot be understood.
        """
        if self._sync.stat(RESTORE_FILE) is None:
            return
        left = self._read()
        if is_alive(left.owner):
            raise BadInput(
                f"Phone {self._shell.serial} is being measured by pid {left.owner.pid}.",
                hint="Wait until that run has ended, or choose other targets with --serial.",
            )
        self._steps = list(left.steps)
        self.put_back_all()
        self._write()

    def change_file(self, path: str, content: bytes) -> FileBefore:
        """Replace a small file in the phone's scratch folder."""
        found = self._sync.stat(path)
        before = None if found is None else base64.b64encode(self._sync.read(path)).decode()
        step = FileBefore(path=path, content=before, mode=found.mode & 0o777 if found else 0o644)
        self._record(step)
        self._put_file(path, content, 0o644)
        return step

    def set_debug_app(self, package: str) -> DebugAppBefore:
        """Let an app be debugged: Chrome reads its command-line file only then."""
        before = self._ask("settings get global debug_app")
        step = DebugAppBefore(package=None if before in {"", "null"} else before)
        self._record(step)
        self._demand(
            f"am set-debug-app --persistent {shlex.quote(package)}", f"{package} could not be set for debugging"
        )
        return step

    def set_setting(self, namespace: Literal["global", "system", "secure"], key: str, value: str) -> SettingBefore:
        """Change one of Android's settings."""
        before = self._ask(f"settings get {namespace} {shlex.quote(key)}")
        step = SettingBefore(namespace=namespace, key=key, value=None if before in {"", "null"} else before)
        self._record(step)
        self._put_setting(namespace, key, value)
        return step

    def wake_screen(self) -> None:
        """Switch the screen on and leave the lock screen, where no secret guards it: hidden pages are slowed down."""
        self._shell.script("input keyevent KEYCODE_WAKEUP; wm dismiss-keyguard")

    def start_app(self, package: str, start: str) -> AppStarted:
        """Start an app afresh by the given command line."""
        step = AppStarted(package=package)
        self._record(step)
        self._stop(package)
        problem = f"{self._shell.serial}: {package} could not be started"
        answer = self._shell.script(start)
        demand(answer, problem)
        said = (answer.stdout + answer.stderr).decode(errors="replace").strip()
        if "Error" in said:
            raise BlockFailed(f"{problem}: {said}")
        return step

    def stop_app(self, package: str) -> None:
        """End an app. Nothing is lost with it, and nothing has to be put back: its person opens it again."""
        self._stop(package)

    def front(self) -> str:
        """Component of the activity that has the screen, such as `com.android.chrome/….FirstRunActivity`; else ""."""
        told = self._shell.script("dumpsys window 2>/dev/null | grep -E 'mCurrentFocus|mFocusedApp'").stdout
        found = _FRONT.search(told.decode(errors="replace"))
        return found[1] if found else ""

    def lend_screen(self) -> ScreenLent:
        """Prepare for uiautomator2: whatever it leaves behind goes away when this is put back."""
        step = ScreenLent(
            had_jar=self._sync.stat(JAR) is not None,
            was_running=bool(self._shell.script(_OF_SCREEN).stdout.strip()),
        )
        self._record(step)
        if step.had_jar:
            self._demand(f"mv -f {JAR} {JAR_ASIDE}", f"{JAR} could not be put aside")
        return step

    def listening(self) -> list[str]:
        """Names of the phone's abstract sockets, where the shell may read them."""
        table = self._shell.script("cat /proc/net/unix 2>/dev/null").stdout.decode(errors="replace")
        names = (line.rpartition(" ")[2] for line in table.splitlines())
        return list(dict.fromkeys(name[1:] for name in names if name.startswith("@")))

    def forward(self, remote: str | None = None) -> Forwarded:
        """Lead a free port of this computer to a socket of the phone; None: to the port of the same number there."""
        for _ in range(5):
            local = f"tcp:{ports.free_port()}"
            step = Forwarded(local=local, remote=remote or local)
            self._record(step)
            if ports.forward(self._shell.serial, step.local, step.remote):
                return step
            self.put_back([step])
        raise BlockFailed(f"{self._shell.serial}: no port of this computer could be led to {remote or 'the phone'}.")

    def reverse(self, port: int) -> Reversed:
        """Lead a port of the phone to the same port of this computer, or another one where it is taken."""
        same = Reversed(remote=f"tcp:{port}")
        self._record(same)
        if ports.reverse(self._shell.serial, port, port):
            return same
        self._steps.remove(same)
        found = ports.reverse(self._shell.serial, 0, port)
        if not found:
            self._write()
            raise BlockFailed(f"{self._shell.serial}: no port of the phone could be led to port {port} here.")
        other = Reversed(remote=f"tcp:{found}")
        self._record(other)
        return other

    def put_back_all(self) -> None:
        """Undo everything that is still changed."""
        self.put_back(list(self._steps))

    def put_back(self, steps: Sequence[Step]) -> None:
        """Undo these changes, the last one first; one that fails does not keep the others from being undone.

        Raises:
            TargetLost: the phone is away; its restore file stays on it for the next run.
            BlockFailed: something could not be undone; it stays in the restore file.
        """
        undo = [step for step in reversed(steps) if step in self._steps]
        if not undo:
            return
        failed: MobilebenchError | None = None
        for step in undo:
            try:
                self._undo(step)
                self._steps.remove(step)
            except TargetLost:
                raise
            except MobilebenchError as error:
                failed = failed or error
        self._write()
        if failed is not None:
            raise BlockFailed(
                f"{self._shell.serial}: not everything could be put back: {failed.message}",
                hint="It is tried again whenever mobilebench meets the phone.",
            )

    def _undo(self, step: Step) -> None:
        match step:
            case FileBefore(path=path, content=None):
                self._demand(f"rm -f {shlex.quote(path)}", f"{path} could not be removed")
            case FileBefore(path=path, content=str(content), mode=mode):
                self._put_file(path, base64.b64decode(content), mode)
            case DebugAppBefore(package=None):
                self._demand("am clear-debug-app", "the app for debugging could not be cleared")
            case DebugAppBefore(package=str(package)):
                command = f"am set-debug-app --persistent {shlex.quote(package)}"
                self._demand(command, "the app for debugging could not be set back")
            case SettingBefore(namespace=namespace, key=key, value=value):
                self._put_setting(namespace, key, value)
            case AppStarted(package=package):
                self._stop(package)
            case ScreenLent(had_jar=had_jar, was_running=was_running):
                self._take_screen_back(had_jar=had_jar, was_running=was_running)
            case Forwarded(local=local, remote=remote):
                ports.remove_forward(self._shell.serial, local, remote)
            case Reversed(remote=remote):
                ports.remove_reverse(self._shell.serial, remote)

    def _take_screen_back(self, *, had_jar: bool, was_running: bool) -> None:
        if not was_running:
            self._shell.script(
                f'for f in $({_OF_SCREEN}); do f="${{f#/proc/}}"; kill -9 "${{f%/cmdline}}"; done 2>/dev/null'
            )
        gone = f"[ ! -e {JAR_ASIDE} ] || mv -f {JAR_ASIDE} {JAR}" if had_jar else f"rm -f {JAR}"
        self._demand(gone, f"{JAR} could not be put back")

    def _put_file(self, path: str, content: bytes, mode: int) -> None:
        """adb widens the mode that it is given to everybody, so it is set by hand."""
        self._sync.write(path, content, mode)
        self._demand(f"chmod {mode:o} {shlex.quote(path)}", f"{path} could not be written")

    def _put_setting(self, namespace: str, key: str, value: str | None) -> None:
        change = f"delete {namespace} {key}" if value is None else f"put {namespace} {key} {shlex.quote(value)}"
        self._demand(f"settings {change}", f"the setting {key} could not be changed")

    def _stop(self, package: str) -> None:
        self._demand(f"am force-stop {shlex.quote(package)}", f"{package} could not be ended")

    def _record(self, step: Step) -> None:
        self._steps.append(step)
        self._write()

    def _write(self) -> None:
        if not self._steps:
            self._demand(f"rm -f {RESTORE_FILE}", "the restore file could not be removed")
            return
        content = RestoreFile(owner=self._owner, steps=self._steps).model_dump_json(by_alias=True, indent=1)
        part = f"{RESTORE_FILE}.part"
        self._sync.write(part, content.encode())
        self._demand(f"chmod 600 {part} && mv -f {part} {RESTORE_FILE}", "the restore file could not be written")

    def _read(self) -> RestoreFile:
        try:
            return RestoreFile.model_validate_json(self._sync.read(RESTORE_FILE))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise BadInput(
                f"Phone {self._shell.serial} has a restore file that cannot be understood ({where}: {first['msg']}).",
                hint=f"It says what a run had changed: adb -s {self._shell.serial} shell cat {RESTORE_FILE}",
            ) from None

    def _ask(self, command: str) -> str:
        return self._shell.script(command).stdout.decode(errors="replace").strip()

    def _demand(self, command: str, problem: str) -> bytes:
        return demand(self._shell.script(command), f"{self._shell.serial}: {problem}")
