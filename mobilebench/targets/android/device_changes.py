"""Changes to a phone: each is recorded on the phone before it is made, and undone on every exit path."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import ValidationError

from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, TargetLost, first_problem
from mobilebench.targets.android import adb_protocol, state_controls
from mobilebench.targets.android.controlling import put, read_all, read_settled
from mobilebench.targets.android.files import HOME, Sync
from mobilebench.targets.android.first_run import JAR, PROCESS
from mobilebench.targets.android.installed_app import installed_sha256, uninstall
from mobilebench.targets.android.lease import guarded, was_taken
from mobilebench.targets.android.restore import (
    AppInstalled,
    AppStarted,
    AutomationPrepared,
    DebugAppBefore,
    FileBefore,
    Forwarded,
    RestoreFile,
    Reversed,
    SettingBefore,
    StateBefore,
    Step,
    describe_undo,
    is_alive,
    this_process,
)
from mobilebench.targets.android.restore_copy import RestoreCopy
from mobilebench.targets.android.shell import ALLOW_HINT, Shell, checked_android_output, forbidden
from mobilebench.targets.android.state_controls import Namespace, Setting, State

RESTORE_FILE = f"{HOME}/restore.json"
UNREADABLE = f"{RESTORE_FILE}.unreadable"
JAR_ASIDE = f"{JAR}.before-mobilebench"

_WAITS = "wait_for_debugger"
_AUTOMATION_PROCESSES = f"grep -ls '{PROCESS.replace('.', '[.]')}' /proc/[0-9]*/cmdline"
"""Lists the processes of uiautomator2's server; never matches itself."""
_GREP_FAILED = 2
"""The same exit code also occurs when a process ends while it is inspected."""
_FRONT_SECONDS = 5
_FRONT = re.compile(r"(?:mCurrentFocus|mFocusedApp)=.*?\s([A-Za-z]\w*(?:\.\w+)+/[\w.$]+)", re.ASCII)
_NO_ACTIVITY = re.compile(r"^Error type 3\b|^Error: Activity not started, unable to resolve", re.MULTILINE)


@dataclass(frozen=True)
class Changed:
    """What became of one change that was asked for."""

    control: Setting | State
    step: SettingBefore | StateBefore | None = None
    """The change as it has to be undone; None if nothing was changed."""
    refused: str | None = None
    """Why the phone does not have the value, as a clause; None if it has it."""


@dataclass(frozen=True)
class Recovered:
    """Outcome of undoing the changes that a crashed run left on a phone."""

    put_back: tuple[str, ...] = ()
    """What was undone, as sentences about the phone's present state."""
    left: tuple[str, ...] = ()
    """Why some changes could not be undone."""
    notices: tuple[str, ...] = ()
    """Further notices for the user."""

    @property
    def lines(self) -> list[str]:
        """All of the above, one sentence each."""
        done = [f"Changes that an earlier run left were put back: {'; '.join(self.put_back)}."] if self.put_back else []
        return [*done, *self.left, *self.notices]


class DeviceChanges:
    """The changes that one run has made to one phone.

    Its shell and sync must not be cancellable, so that changes are undone even after Ctrl-C. Nothing is changed or
    undone unless the phone's lock holds `token`.
    """

    def __init__(self, shell: Shell, sync: Sync, token: str, copy: RestoreCopy | None = None) -> None:
        self._shell = shell
        self._sync = sync
        self._token = token
        self._copy = copy
        """The copy of the restore file on this computer."""
        self._steps: list[Step] = []
        self._inherited: list[Step] = []
        """Changes by a crashed run that could not be undone yet."""
        self._owner = this_process()

    def recover(self) -> Recovered:
        """Undo the changes that a crashed run left. A change that cannot be undone does not prevent measuring.

        Raises:
            BadInput: that run is still running.
        """
        if self._sync.stat(RESTORE_FILE) is None:
            return self._recover_by_copy()
        content = self._sync.read(RESTORE_FILE)
        try:
            restore_file = RestoreFile.model_validate_json(content)
        except ValidationError as error:
            return self._recover_by_copy(self._put_aside(content, error))
        return self._recover(restore_file)

    def _recover_by_copy(self, *notices: str) -> Recovered:
        """Undo what the copy on this computer lists and the phone still has; the phone's own file is missing."""
        kept = self._copy.read() if self._copy else None
        if kept is None or (is_alive(kept.owner) and kept.owner != self._owner):
            return Recovered(notices=notices)
        recovered = self._recover(kept.model_copy(update={"steps": [one for one in kept.steps if self._in_place(one)]}))
        by_copy = ("The phone had no restore file; the copy on this computer was used.",) if recovered.put_back else ()
        return replace(recovered, notices=(*notices, *by_copy))

    def _in_place(self, step: Step) -> bool:
        """Whether a change of the copy is still as mobilebench made it. If someone else has changed it since, or if it
        is another phone with the same serial number, it is left alone; so are apps, which their user may use now.
        """
        try:
            match step:
                case FileBefore(path=path, put=put):
                    return self._sync.stat(path) is not None and _sha256(self._sync.read(path)) == put
                case DebugAppBefore(put=put):
                    return put is not None and self._debug_app_now().package == put
                case SettingBefore(namespace=namespace, key=key, put=put):
                    return put is not None and self._setting_now(namespace, key).value == put
                case AppInstalled(package=package, sha256=sha256):
                    return installed_sha256(self._shell, package) == sha256
                case StateBefore(name=name, put=put):
                    return name != "screen" and self._state_now(name, otherwise=put) == put
        except BlockFailed:
            return False
        return isinstance(step, Forwarded | Reversed)

    def _recover(self, restore_file: RestoreFile) -> Recovered:
        if is_alive(restore_file.owner) and restore_file.owner != self._owner:
            raise BadInput(
                f"Phone {self._shell.serial} is being measured by pid {restore_file.owner.pid}.",
                hint="Wait until that run has ended, or choose other targets with --serial.",
            )
        self._steps = list(restore_file.steps)
        failed = self._undo_all(list(self._steps))
        if not restore_file.steps:
            self._write()
        self._inherited = list(self._steps)
        undone = [step for step in reversed(restore_file.steps) if step not in self._steps]
        return Recovered(tuple(map(describe_undo, undone)), tuple(error.text_with_hint for error in failed))

    def change_file(self, path: str, content: bytes) -> FileBefore:
        """Replace a small file in the phone's scratch folder."""
        step = self._file_now(path).model_copy(update={"put": _sha256(content)})
        self._make(step, lambda: self._put_file(path, content, 0o644))
        return step

    def set_debug_app(self, package: str) -> DebugAppBefore:
        """Set the debug app: Chrome reads its command-line file only if it is that app."""
        step = self._debug_app_now().model_copy(update={"put": package})
        self._make(step, lambda: self._put_debug_app(package))
        return step

    def set_setting(self, namespace: Namespace, key: str, value: str) -> SettingBefore | None:
        """Change an Android setting; return None if it already has this value.

        Raises:
            NotAllowed: the phone does not let adb change it; nothing was changed and nothing has to be undone.
            BlockFailed: it could not be read (and was left alone), or could not be changed.
        """
        step = self._setting_now(namespace, key)
        if step.value == value:
            return None
        step = step.model_copy(update={"put": value})
        self._make(step, lambda: self._put_setting(namespace, key, value))
        return step

    def set_all(self, controls: Sequence[Setting | State]) -> list[Changed]:
        """Give settings and states these values. All old values are recorded before the first one is changed.

        A change that the phone refuses, or does not make, is undone at once. Nothing is changed that cannot be read,
        except what Android never tells (`state_controls.assumed`).
        """
        done: list[Changed] = []
        for control, reading in zip(controls, read_all(self._shell, controls), strict=True):
            if reading.problem is not None or reading.value == control.value:
                done.append(Changed(control, refused=reading.problem))
            else:
                done.append(Changed(control, _before(control, reading.value)))
        steps = [one.step for one in done if one.step is not None]
        if steps:
            self._steps += steps
            self._write()
            done = self._put_all(done)
            self._undo_all([one.step for one in done if one.step is not None and one.refused])
        return [replace(one, step=None) if one.refused else one for one in done]

    def hold_all(self, changed: Sequence[Changed]) -> list[Changed]:
        """Check that settings and states still have their values, and set those again that do not."""
        readings = read_all(self._shell, [one.control for one in changed])
        lost = [
            one.refused is None and reading.differs(one.control) is not None
            for one, reading in zip(changed, readings, strict=True)
        ]
        if not any(lost):
            return list(changed)
        again = [one for one, is_lost in zip(changed, lost, strict=True) if is_lost]
        first = iter(self.set_all([one.control for one in again if one.step is None]))
        further = iter(self._put_all([one for one in again if one.step is not None]))
        return [
            one if not is_lost else next(first) if one.step is None else next(further)
            for one, is_lost in zip(changed, lost, strict=True)
        ]

    def _put_all(self, changed: Sequence[Changed]) -> list[Changed]:
        """Make these changes, as far as they have a step, which is recorded; returns what became of each."""
        wanted = [one for one in changed if one.step is not None]
        refused = [put(self._shell, one.control) for one in wanted]
        readings = read_settled(self._shell, [one.control for one in wanted])
        made = iter(
            replace(one, refused=refusal or reading.differs(one.control))
            for one, refusal, reading in zip(wanted, refused, readings, strict=True)
        )
        return [one if one.step is None else next(made) for one in changed]

    def clusters(self) -> list[str]:
        """Names of the phone's clusters, such as `policy0`, if the shell may list them."""
        return state_controls.policies(self._shell.script(state_controls.POLICIES).stdout.decode(errors="replace"))

    def highest_clock(self, cluster: str) -> str | None:
        """The highest clock of a cluster that is allowed now, in kHz; None if it cannot be read."""
        answer = self._shell.script(f"cat {state_controls.CPUFREQ}/{cluster}/scaling_max_freq")
        text = answer.stdout.decode(errors="replace").strip()
        return text if text.isascii() and text.isdecimal() and len(text) < 10 else None

    def wake_screen(self) -> str | None:
        """Switch the screen on and dismiss a lock screen without a secret, because hidden pages are throttled.

        Returns why the phone refused, or None.
        """
        return forbidden(self._shell.script("input keyevent KEYCODE_WAKEUP; wm dismiss-keyguard"))

    def start_app(self, package: str, starts: Sequence[str]) -> AppStarted:
        """Start an app anew with the first of these command lines for which the phone finds an activity."""
        step = AppStarted(package=package)
        self._make(step, lambda: self._start(package, starts))
        return step

    def install_app(self, package: str, sha256: str, install: Callable[[], None]) -> AppInstalled:
        """Install an app that is not on the phone.

        Args:
            sha256: SHA-256 of its file.
            install: installs it.
        """
        step = AppInstalled(package=package, sha256=sha256)
        self._make(step, install)
        return step

    def use_app(self, package: str) -> AppStarted:
        """Record that an app will be started, which has to be ended then."""
        step = AppStarted(package=package)
        self._record(step)
        return step

    def stop_app(self, package: str) -> None:
        """End an app. It loses no data and is not restarted afterwards; its user can open it again."""
        self._stop(package)

    def front(self) -> str:
        """Component of the activity in front, such as `com.android.chrome/….FirstRunActivity`; "" if unknown."""
        question = "dumpsys window 2>/dev/null | grep -E 'mCurrentFocus|mFocusedApp'"
        try:
            output = self._shell.script(question, timeout=_FRONT_SECONDS).stdout
        except BlockFailed:
            return ""
        match = _FRONT.search(output.decode(errors="replace"))
        return match[1] if match else ""

    def prepare_automation(self) -> AutomationPrepared:
        """Prepare for uiautomator2: undoing this change removes everything that it leaves behind."""
        running = self._shell.script(_AUTOMATION_PROCESSES)
        if running.exit_code > _GREP_FAILED:
            raise BlockFailed(f"{self._shell.serial}: it could not be read whether uiautomator2's server is running.")
        step = AutomationPrepared(had_jar=self._sync.stat(JAR) is not None, was_running=bool(running.stdout.strip()))
        self._make(step, lambda: self._put_jar_aside() if step.had_jar else None)
        return step

    def listening(self) -> list[str]:
        """Names of the phone's abstract sockets, if the shell may read them."""
        table = self._shell.script("cat /proc/net/unix 2>/dev/null").stdout.decode(errors="replace")
        names = (line.rpartition(" ")[2] for line in table.splitlines())
        return list(dict.fromkeys(name[1:] for name in names if name.startswith("@")))

    def forward(self, remote: str | None = None) -> Forwarded:
        """Forward a free port of this computer to a phone's socket; None: to the phone's port of the same number."""
        for _ in range(5):
            local = f"tcp:{adb_protocol.free_port()}"
            step = Forwarded(local=local, remote=remote or local, serial=self._shell.serial)
            self._record(step)
            if adb_protocol.forward(self._shell.serial, step.local, step.remote):
                return step
            self.put_back([step])
        raise BlockFailed(
            f"{self._shell.serial}: no port of this computer could be forwarded to {remote or 'the phone'}."
        )

    def reverse(self, port: int) -> Reversed:
        """Forward a port of the phone (the same one, or a free one if it is taken) to `port` of this computer."""
        step = Reversed(remote=f"tcp:{port}", serial=self._shell.serial)
        self._record(step)
        if adb_protocol.reverse(self._shell.serial, port, port):
            return step
        self._steps.remove(step)
        port_there = adb_protocol.reverse(self._shell.serial, 0, port)
        if not port_there:
            self._write()
            raise BlockFailed(
                f"{self._shell.serial}: no port of the phone could be forwarded to port {port} of this computer."
            )
        step_there = Reversed(remote=f"tcp:{port_there}", serial=self._shell.serial)
        self._record(step_there)
        return step_there

    def put_back_all(self) -> None:
        """Undo everything that is still changed."""
        self.put_back(list(self._steps))

    def put_back(self, steps: Sequence[Step]) -> None:
        """Undo these changes in reverse order; a failure does not prevent the others from being undone.

        Raises:
            TargetLost: the phone is gone; its restore file stays on it for the next run.
            BlockFailed: something could not be undone; it stays in the restore file.
        """
        failed = self._undo_all([step for step in steps if step in self._steps])
        if failed:
            raise BlockFailed(
                f"{self._shell.serial}: not every change could be put back: {failed[0].message}",
                hint=f"The next run on this phone tries again, and so does `mobilebench restore {self._shell.serial}`.",
                fault=failed[0].fault if isinstance(failed[0], BlockFailed) else None,
            )

    def _undo_all(self, steps: Sequence[Step]) -> list[MobilebenchError]:
        """Undo steps in reverse order and return the failures; a crashed run's failures are returned only once."""
        if not steps:
            return []
        self._guarded("true", "its lock could not be read")
        failed: list[MobilebenchError] = []
        for step in reversed(steps):
            try:
                self._undo(step)
            except TargetLost:
                raise
            except MobilebenchError as error:
                if not self._is_as_before(step):
                    if step not in self._inherited:
                        failed.append(error)
                    continue
            self._steps.remove(step)
        self._write()
        return failed

    def _make(self, step: Step, change: Callable[[], None]) -> None:
        """Record a step and make its change; a failed change is undone at once, and the step is then removed."""
        self._steps.append(step)
        try:
            self._write()
            change()
        except TargetLost:
            raise
        except MobilebenchError:
            with suppress(BlockFailed):
                self._undo_all([step])
            raise

    def _is_as_before(self, step: Step) -> bool:
        """Whether the phone's readable state is as it was before this change."""
        try:
            match step:
                case FileBefore(path=path):
                    return self._file_now(path) == step.model_copy(update={"put": None})
                case DebugAppBefore():
                    return self._debug_app_now() == step.model_copy(update={"put": None})
                case SettingBefore(namespace=namespace, key=key, value=value):
                    return self._setting_now(namespace, key).value == value
                case StateBefore(name=name, value=value):
                    return self._state_now(name, otherwise="") == value
                case AppInstalled(package=package, sha256=sha256):
                    return installed_sha256(self._shell, package) != sha256
        except BlockFailed:
            pass
        return False

    def _file_now(self, path: str) -> FileBefore:
        metadata = self._sync.stat(path)
        content = None if metadata is None else base64.b64encode(self._sync.read(path)).decode()
        return FileBefore(path=path, content=content, mode=metadata.mode & 0o777 if metadata else 0o644)

    def _debug_app_now(self) -> DebugAppBefore:
        package = self._ask("settings get global debug_app", "the debug app")
        waits = self._setting_now("global", _WAITS).value
        try:
            return DebugAppBefore(package=None if package in ("", "null") else package, waits=waits)
        except ValidationError:
            raise BlockFailed(
                f"{self._shell.serial}: the phone names “{package[:100]}” as its debug app, which is not a package."
            ) from None

    def _setting_now(self, namespace: Namespace, key: str) -> SettingBefore:
        value = self._ask(f"settings get {namespace} {shlex.quote(key)}", f"the setting {key}")
        return SettingBefore(namespace=namespace, key=key, value=None if value == "null" else value)

    def _state_now(self, name: str, *, otherwise: str) -> str:
        """The present value of a state; `otherwise` if Android does not tell it.

        Raises:
            BlockFailed: the phone's answer is no value.
        """
        (reading,) = read_all(self._shell, [State(name, otherwise)])
        if reading.problem is not None:
            raise BlockFailed(f"{self._shell.serial}: {reading.problem}.")
        return reading.value if reading.told and reading.value is not None else otherwise

    def _put_state(self, state: State) -> None:
        answer = self._shell.script(state_controls.set_command(state.name, state.value))
        if state_controls.is_lacking(state.name, answer.stderr.decode(errors="replace")):
            return
        checked_android_output(answer, f"{self._shell.serial}: {state.title} could not be changed")
        (reading,) = read_settled(self._shell, [state])
        if problem := reading.differs(state):
            raise BlockFailed(f"{self._shell.serial}: {problem}.", hint=ALLOW_HINT)

    def _undo(self, step: Step) -> None:
        match step:
            case FileBefore(path=path, content=None):
                self._demand(f"rm -f {shlex.quote(path)}", f"{path} could not be removed")
            case FileBefore(path=path, content=str(content), mode=mode):
                self._put_file(path, base64.b64decode(content), mode)
            case DebugAppBefore(package=package, waits=waits):
                self._put_debug_app(package, waits)
            case SettingBefore(namespace=namespace, key=key, value=value):
                self._put_setting(namespace, key, value)
            case StateBefore(name=name, value=value):
                self._put_state(State(name, value))
            case AppStarted(package=package):
                self._stop(package)
            case AppInstalled(package=package, sha256=sha256):
                uninstall(self._shell, package, sha256)
            case AutomationPrepared(had_jar=had_jar, was_running=was_running):
                self._remove_automation(had_jar=had_jar, was_running=was_running)
            case Forwarded(local=local, remote=remote, serial=serial):
                adb_protocol.remove_forward(serial or self._shell.serial, local, remote)
            case Reversed(remote=remote, serial=serial):
                self._remove_reverse(serial or self._shell.serial, remote)

    def _remove_reverse(self, serial: str, remote: str) -> None:
        try:
            adb_protocol.remove_reverse(serial, remote)
        except TargetLost:
            if serial == self._shell.serial:
                raise

    def _start(self, package: str, starts: Sequence[str]) -> None:
        self._stop(package)
        problem = f"{self._shell.serial}: {package} could not be started"
        for start in starts:
            answer = self._shell.script(start)
            text = (answer.stdout + answer.stderr).decode(errors="replace").strip()
            if not _NO_ACTIVITY.search(text):
                checked_android_output(answer, problem)
                return
        raise BlockFailed(f"{problem}: {text[:300]}")

    def _put_jar_aside(self) -> None:
        self._demand(f"mv -f {JAR} {JAR_ASIDE}", f"{JAR} could not be moved aside")

    def _remove_automation(self, *, had_jar: bool, was_running: bool) -> None:
        if not was_running:
            end_each = 'f="${f#/proc/}"; kill -9 "${f%/cmdline}"'
            self._shell.script(f"for f in $({_AUTOMATION_PROCESSES}); do {end_each}; done 2>/dev/null")
        gone = f"[ ! -e {JAR_ASIDE} ] || mv -f {JAR_ASIDE} {JAR}" if had_jar else f"rm -f {JAR}"
        self._demand(gone, f"{JAR} could not be put back")

    def _put_file(self, path: str, content: bytes, mode: int) -> None:
        """Write a file, then chmod it, because adb extends the given mode to group and others."""
        self._sync.write(path, content, mode)
        self._demand(f"chmod {mode:o} {shlex.quote(path)}", f"{path} could not be written")

    def _put_setting(self, namespace: Namespace, key: str, value: str | None) -> None:
        change = f"delete {namespace} {key}" if value is None else f"put {namespace} {key} {shlex.quote(value)}"
        self._demand(f"settings {change}", f"the setting {key} could not be changed")
        now = self._setting_now(namespace, key).value
        if now != value:
            raise BlockFailed(
                f"{self._shell.serial}: the phone did not change its setting {key}, which is still {now}.",
                hint=ALLOW_HINT,
            )

    def _put_debug_app(self, package: str | None, waits: str | None = "0") -> None:
        if package is None:
            self._demand("am clear-debug-app", "the debug app could not be cleared")
        else:
            command = f"am set-debug-app {'-w ' if waits == '1' else ''}--persistent {shlex.quote(package)}"
            self._demand(command, f"{package} could not be set as the debug app")
        now = self._debug_app_now()
        if now.package != package:
            raise BlockFailed(
                f"{self._shell.serial}: the phone did not change its debug app: it is still {now.package or 'none'}.",
                hint=ALLOW_HINT,
            )
        if now.waits != waits:
            try:
                self._put_setting("global", _WAITS, waits)
            except BlockFailed:
                if (now.waits or "0") != (waits or "0"):
                    raise

    def _stop(self, package: str) -> None:
        self._demand(f"am force-stop {shlex.quote(package)}", f"{package} could not be ended")

    def _record(self, step: Step) -> None:
        self._steps.append(step)
        self._write()

    def _write(self) -> None:
        if not self._steps:
            self._guarded(f"rm -f {RESTORE_FILE}", "the restore file could not be removed")
            if self._copy:
                self._copy.remove()
            return
        restore_file = RestoreFile(owner=self._owner, steps=self._steps)
        if self._copy:
            self._copy.write(restore_file)
        content = restore_file.model_dump_json(by_alias=True, indent=1)
        part = f"{RESTORE_FILE}.{self._token}.part"
        self._sync.write(part, content.encode())
        self._guarded(f"chmod 600 {part} && mv -f {part} {RESTORE_FILE}", "the restore file could not be written")

    def _put_aside(self, content: bytes, error: ValidationError) -> str:
        """Move an invalid restore file aside to make room for ours, and return a sentence about it."""
        if not content:
            self._guarded(f"rm -f {RESTORE_FILE}", "the restore file could not be removed")
            return "The phone's restore file was empty and was removed, so it is not known what an earlier run changed."
        aside = self._guarded(
            f"n=1; while [ -e {UNREADABLE}-$n ]; do n=$((n+1)); done; "
            f"mv {RESTORE_FILE} {UNREADABLE}-$n && echo {UNREADABLE}-$n",
            "the restore file could not be moved aside",
        )
        show = f"adb -s {shlex.quote(self._shell.serial)} shell cat {aside.decode().strip()}"
        return (
            f"The phone's restore file is not valid ({first_problem(error).sentence('the file')}) and was moved aside. "
            f"Nothing was put back; this shows what an earlier run changed: {show}"
        )

    def _ask(self, command: str, what: str) -> str:
        """Run a query on the phone and return its output without the newline.

        Raises:
            BlockFailed: it did not answer, which is not the same as an empty answer.
        """
        problem = f"{self._shell.serial}: {what} could not be read"
        text = checked_android_output(self._shell.script(command), problem).decode(errors="surrogateescape")
        if not text:
            raise BlockFailed(f"{problem}: the phone gave no answer.")
        return text.removesuffix("\n").removesuffix("\r")

    def _demand(self, command: str, problem: str) -> bytes:
        return checked_android_output(self._shell.script(command), f"{self._shell.serial}: {problem}")

    def _guarded(self, command: str, problem: str) -> bytes:
        """Run a command, unless another run has taken the phone."""
        done = self._shell.script(guarded(command, self._token))
        if was_taken(done.exit_code):
            raise BlockFailed(
                f"{self._shell.serial}: another run has taken the phone, and puts back what this run has changed."
            )
        return checked_android_output(done, f"{self._shell.serial}: {problem}")


def _before(control: Setting | State, value: str | None) -> SettingBefore | StateBefore:
    """The step that puts this value back."""
    if isinstance(control, Setting):
        return SettingBefore(namespace=control.namespace, key=control.key, value=value, put=control.value)
    assert value is not None
    return StateBefore(name=control.name, value=state_controls.remembered(control.name, value), put=control.value)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
