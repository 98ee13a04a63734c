"""A phone as a target."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event

from mobilebench.core.errors import BlockFailed, TargetLost, Unsupported
from mobilebench.core.records import DeviceConditions, TargetInfo
from mobilebench.targets.android import exit_info, front
from mobilebench.targets.android import lease as lease_file
from mobilebench.targets.android.browsers import PhoneBrowsers
from mobilebench.targets.android.device_changes import RESTORE_FILE, DeviceChanges, Recovered
from mobilebench.targets.android.files import PhoneFiles, Sync, remove_leftovers
from mobilebench.targets.android.held_conditions import PhoneConditions
from mobilebench.targets.android.lease import Lease
from mobilebench.targets.android.own_app import OwnApp
from mobilebench.targets.android.restore_copy import RestoreCopy
from mobilebench.targets.android.shell import DeviceShell, checked_output
from mobilebench.targets.base import BrowserHandle, Pushed, ShellResult, Target, TargetPath

_CHANGED = "changed"
"""Printed if a phone has a restore file."""


class AndroidTarget(Target):
    """An open phone (see `targets.base.Target`)."""

    def __init__(
        self,
        info: TargetInfo,
        changes: DeviceChanges,
        lease: Lease,
        cancel: Event | None,
        notices: tuple[str, ...] = (),
    ) -> None:
        self._info = info
        self._lease = lease
        self.notices = notices
        self._shell = DeviceShell(info.id, cancel)
        self._files = PhoneFiles(self._shell, Sync(info.id, cancel))
        self._changes = changes
        self._browsers = PhoneBrowsers(info.id, changes, info.browsers, cancel)
        self._conditions = PhoneConditions(info, changes)
        self._own_app = OwnApp(info.id, self.shell, self.push, changes, DeviceShell(info.id))

    @property
    def info(self) -> TargetInfo:
        return self._info

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        self._lease.check_held()
        self._files.settle()
        return self._shell.run(argv, timeout=timeout, environment=environment, cancel=cancel)

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        """Run a command without waiting until pushed files are verified; a bad file is reported to its user."""
        self._lease.check_held()
        return self._shell.run(argv, timeout=timeout, cancel=cancel)

    def stream(self, script: str, *, cancel: Event) -> Generator[bytes, None, None]:
        """Run a shell program that only reads, and yield its output as it arrives (see `recorders.base.Streams`)."""
        self._lease.check_held()
        return self._shell.stream(script, "the sampler", cancel=cancel)

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        self._lease.check_held()
        return self._files.push(local, sha256=sha256, executable=executable)

    def pull(self, remote: TargetPath, local: Path) -> None:
        self._files.settle()
        self._files.pull(remote, local)

    @contextmanager
    def browser(self, name: str, flags: Sequence[str] = (), *, headed: bool = False) -> Iterator[BrowserHandle]:  # noqa: ARG002
        """Yield a browser, kept open for the next block that needs the same one. It ends with the target, or after a
        failed block, whose page may go on computing after it is closed, above all on the GPU.
        """
        self._lease.check_held()
        self._files.settle()
        handle = self._browsers.running(name, flags)
        handle = replace(handle, hidden=partial(front.hidden, self._info.id, self._shell, handle.program))
        try:
            with (
                front.with_obstruction(self._shell, handle.program),
                exit_info.with_exit_reason(self._shell, handle.program),
            ):
                yield handle
        except (BlockFailed, Unsupported):
            with suppress(BlockFailed):
                self._browsers.end()
            raise

    @contextmanager
    def reverse(self, port: int) -> Iterator[str]:
        step = self._changes.reverse(port)
        try:
            yield f"http://{fresh_host()}:{step.remote.removeprefix('tcp:')}"
        finally:
            self._changes.put_back([step])

    def own_app(self) -> OwnApp:
        """mobilebench's app on this phone; it is not installed yet."""
        self._lease.check_held()
        return self._own_app

    def conditions(self, asked: str) -> DeviceConditions:
        self._lease.check_held()
        return self._conditions.meet(asked)

    def close(self) -> None:
        """Release the resources that this computer holds for the phone."""
        self._files.close()


def fresh_host() -> str:
    """A new host name for the phone's loopback. Browsers resolve it themselves and treat it as a secure origin."""
    return f"block-{secrets.token_hex(6)}.localhost"


@contextmanager
def open_phone(info: TargetInfo, cancel: Event | None, lease: Lease) -> Iterator[AndroidTarget]:
    """Open a phone whose lock the caller holds.

    Changes that a crashed run left are undone first; our own changes are undone at the end.
    """
    with lease.use() as token:
        changes = DeviceChanges(DeviceShell(info.id), Sync(info.id), token, RestoreCopy.of(info))
        recovered = changes.recover()
        remove_leftovers(DeviceShell(info.id))
        phone = AndroidTarget(info, changes, lease, cancel, tuple(recovered.lines))
        try:
            yield phone
        finally:
            phone.close()
            changes.put_back_all()


def restore(info: TargetInfo, lease: Lease) -> Recovered:
    """Undo the changes that crashed runs left on a phone whose lock the caller holds.

    Raises:
        BadInput: the run that changed it is still running.
        TargetLost: the phone went away.
    """
    with lease.use() as token:
        recovered = DeviceChanges(DeviceShell(info.id), Sync(info.id), token, RestoreCopy.of(info)).recover()
        remove_leftovers(DeviceShell(info.id))
        return recovered


@dataclass(frozen=True)
class PhoneStatus:
    """Standing of a phone: who measures it, and whether changes have to be undone."""

    holder: str | None
    """Who holds the phone, as the end of a sentence."""
    restore_due: bool


def phone_status(info: TargetInfo) -> PhoneStatus | None:
    """The phone's present standing; None if it does not answer."""
    question = f"[ -e {RESTORE_FILE} ] && echo {_CHANGED}; echo @; {lease_file.QUESTION}"
    try:
        answer = checked_output(DeviceShell(info.id).script(question), f"{info.id}: its lock cannot be read")
        changed, _, rest = answer.decode(errors="replace").partition("@\n")
        reading = lease_file.parse(rest, info.id)
    except (BlockFailed, TargetLost):
        return None
    holder = reading.holder
    restore_due = changed.strip() == _CHANGED or RestoreCopy.of(info).exists
    return PhoneStatus(reading.describe(holder) if holder else None, restore_due and holder is None)
