"""The lock file on a phone: who measures it, and when the lock expires unless renewed.

It keeps out other computers, and other programs on this one that reach the phone by another serial. Its times are the
phone's uptime in seconds, so that no clock has to be right.
"""

from __future__ import annotations

import json
import platform
import re
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from pydantic import ConfigDict, Field, ValidationError

from mobilebench.core import log
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, TargetTaken
from mobilebench.core.records import Record
from mobilebench.targets.android import identity
from mobilebench.targets.android.files import HOME
from mobilebench.targets.android.restore import Owner, is_alive, this_place, this_process
from mobilebench.targets.android.shell import DeviceShell, Shell, checked_output

LEASE_SECONDS = 300.0
RENEW_SECONDS = 100.0
"""Seconds between renewals; each takes the phone a few milliseconds."""
AGAIN_SECONDS = 10.0
"""Seconds until the next try after a failed renewal."""

LOCK = f"{HOME}/lock"
WAIT_HINT = "Wait until that run has ended, or choose other targets with --serial."

_FAMILY = "mobilebench/lock/"
_SCHEMA = f"{_FAMILY}1"
_TURN = f"{LOCK}.turn"
_BUSY, _CHANGED, _KILLED = 75, 76, 137
_GREP_FAILED = 2
"""The highest exit code of `grep` itself; a signal gives a higher one."""
_TURN_SECONDS = 5.0
"""Seconds after which a lock change, which takes milliseconds, counts as interrupted."""
_POLL_SECONDS = 0.05
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._:@-]")
_ATTEMPTS = 20
_CLOSE_SECONDS = 5.0
_USE_ENDS_SECONDS = 15.0
"""Seconds for which a lock that is to be removed is kept, because a worker still puts the phone's changes back."""

_own_tokens: set[str] = set()
"""Tokens of the locks that this process holds; any other lock of this process was left on a phone that was gone."""

ShellFactory = Callable[[Event], Shell]
"""Creates a shell whose commands end when the event is set."""


class PhoneLock(Record):
    """Content of the lock."""

    schema_: str = Field(default=_SCHEMA, alias="schema")
    token: str
    """Unique to this lock."""
    owner: Owner
    place: str = ""
    """Boot of the owner's computer (and pid namespace) in which its pid is valid."""
    host: str = ""
    run: str = ""
    boot: str = ""
    """Boot of the phone (`identity.boot`) from which the seconds count."""
    since: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    until: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


@dataclass(frozen=True)
class LockReading:
    """The phone's lock and clock at one moment."""

    text: str
    """Text of the lock file; empty if there is none."""
    boot: str
    uptime: float
    at: datetime
    """Time of reading, by this computer's clock."""

    @property
    def lock(self) -> PhoneLock | None:
        try:
            return PhoneLock.model_validate_json(self.text) if self.text else None
        except ValidationError:
            return None

    @property
    def holder(self) -> PhoneLock | None:
        """The lock if it is still held: while a local owner runs, or until a remote owner's lease ends."""
        lock = self.lock
        if lock is None or self._left(lock) <= 0:
            return None
        if lock.place != this_place():
            return lock
        if lock.owner == this_process():
            return lock if lock.token in _own_tokens else None
        return lock if is_alive(lock.owner) else None

    def describe(self, lock: PhoneLock) -> str:
        """Who holds the phone, since when and until when, as the end of a sentence."""
        run = f" (run {_plain(lock.run)})" if lock.run else ""
        host = " on this computer" if lock.place == this_place() else f" on {_plain(lock.host) or 'another computer'}"
        since = f" since {self._clock(lock.since)}" if self._has_run_since(lock) else ""
        until = self._clock(self.uptime + self._left(lock))
        return f"pid {lock.owner.pid}{host}{run}{since}; unless it is renewed, its lease ends at {until}"

    def _left(self, lock: PhoneLock) -> float:
        """Seconds left of the lease; if the phone has rebooted since, the lease counts from that boot."""
        until = lock.until if self._has_run_since(lock) else LEASE_SECONDS
        return min(until - self.uptime, LEASE_SECONDS)

    def _has_run_since(self, lock: PhoneLock) -> bool:
        return lock.boot == self.boot and lock.since <= self.uptime

    def _clock(self, uptime: float) -> str:
        return f"{self.at + timedelta(seconds=uptime - self.uptime):%H:%M:%S}"


QUESTION = (
    f"{identity.BOOT_QUESTION}; echo @; cat /proc/uptime 2>/dev/null || date +%s; echo @; cat {LOCK} 2>/dev/null; true"
)
"""Shell program that prints boot, uptime and lock."""


def read_lock(shell: Shell) -> LockReading:
    """Read the lock and the phone's uptime.

    Raises:
        TargetLost: the phone went away.
        BlockFailed: it does not answer.
    """
    answer = checked_output(shell.script(QUESTION), f"{shell.serial}: its lock cannot be read")
    return parse(answer.decode(errors="replace"), shell.serial)


def parse(answer: str, serial: str) -> LockReading:
    """The lock and the uptime in the answer to `QUESTION`.

    Raises:
        BlockFailed: the phone does not report its uptime.
    """
    boot, _, rest = answer.partition("@\n")
    uptime, _, text = rest.partition("@\n")
    seconds = re.match(r"\s*([0-9]{1,10}(?:\.[0-9]{1,9})?)(?![0-9])", uptime)
    if seconds is None:
        raise BlockFailed(f"{serial}: the phone does not report how long it has been running.")
    return LockReading(text.strip(), identity.boot(boot) or "", float(seconds[1]), datetime.now().astimezone())


class Lease:
    """A phone's lock while this process holds it; a thread renews it until `close`."""

    def __init__(self, shell: Shell, lock: PhoneLock, renewing: ShellFactory) -> None:
        self._shell = shell
        self._lock = lock
        self._next: PhoneLock | None = None
        self._renewing = renewing
        self._free = threading.Lock()
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {shell.serial}", daemon=True)
        self._thread.start()

    @contextmanager
    def use(self) -> Iterator[str]:
        """Exclusive right within this process to change the phone; yields the token.

        Raises:
            BadInput: another part of this process has it.
        """
        if not self._free.acquire(blocking=False):
            raise BadInput(f"Phone {self._shell.serial} is already in use by this process.", hint=WAIT_HINT)
        try:
            yield self._lock.token
        finally:
            self._free.release()

    def check_held(self) -> None:
        """Check that this process still holds the phone.

        Raises:
            TargetTaken: another process has taken it.
        """
        if self._lost:
            raise TargetTaken(
                f"{self._shell.serial}: its lock expired while the phone was away, and another run has taken it.",
                hint="Wait until that run has ended.",
            )

    def close(self) -> None:
        """Remove the lock from the phone; if the phone is gone, the lease expires.

        While another thread still uses the lease, the lock stays, for at most `_USE_ENDS_SECONDS`: without it, that
        thread could not put the phone's changes back.
        """
        if self._free.acquire(timeout=_USE_ENDS_SECONDS):
            self._free.release()
        self._ended.set()
        self._thread.join()
        _own_tokens.discard(self._lock.token)
        with suppress(MobilebenchError):
            for lock in filter(None, (self._lock, self._next)):
                if _replace_lock(self._shell, _text(lock), None, timeout=_CLOSE_SECONDS):
                    return

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            BlockFailed: another process has taken the phone, or it does not answer.
            TargetLost: it is gone.
        """
        shell = self._renewing(self._ended)
        reading = read_lock(shell)
        rebooted = reading.boot != self._lock.boot
        since, until = 0.0 if rebooted else self._lock.since, reading.uptime + LEASE_SECONDS
        self._next = self._lock.model_copy(update={"boot": reading.boot, "since": since, "until": until})
        if not _replace_lock(shell, _text(self._lock), _text(self._next)):
            raise _Taken(f"{shell.serial}: another run holds the phone now.")
        self._lock, self._next = self._next, None

    def _keep(self) -> None:
        pause = RENEW_SECONDS
        while not self._ended.wait(pause):
            try:
                self.renew()
                pause = RENEW_SECONDS
            except _Taken:
                self._lost = True
                return
            except MobilebenchError:
                pause = AGAIN_SECONDS


class _Taken(BlockFailed):
    """The lock on the phone now belongs to another process."""


def take_lock(shell: Shell, run: str = "", renewing: ShellFactory | None = None) -> Lease:
    """Take the phone's lock; a lock whose owner has ended, or whose lease has expired, is replaced.

    Raises:
        BadInput: another process holds it; the message says who, since when and until when.
        BlockFailed: it cannot be written.
        TargetLost: the phone went away.
    """
    for _ in range(_ATTEMPTS):
        reading = read_lock(shell)
        if holder := reading.holder:
            raise BadInput(
                f"Phone {shell.serial} is being measured by {reading.describe(holder)}.",
                hint=WAIT_HINT,
            )
        lock = PhoneLock(
            token=log.hide(secrets.token_hex(8)),
            owner=this_process(),
            place=this_place(),
            host=_plain(platform.node()),
            run=_plain(run),
            boot=reading.boot,
            since=reading.uptime,
            until=reading.uptime + LEASE_SECONDS,
        )
        _own_tokens.add(lock.token)  # before the lock is on the phone, where another thread may read it
        try:
            is_ours = _replace_lock(shell, reading.text, _text(lock))
        except BaseException:
            _own_tokens.discard(lock.token)
            raise
        if is_ours:
            return Lease(shell, lock, renewing or (lambda cancel: DeviceShell(shell.serial, cancel)))
        _own_tokens.discard(lock.token)
    raise BlockFailed(f"{shell.serial}: its lock keeps changing, because several runs compete for this phone.")


def guarded(command: str, token: str) -> str:
    """Wrap a command so that it exits with 76 if the phone's lock does not hold this token.

    A `grep` that a restart of the phone kills says nothing about the lock.
    """
    ours = f"grep -qF {shlex.quote(token)} {LOCK}"
    return f"{ours} || exit $(( $? > {_GREP_FAILED} ? {_KILLED} : {_CHANGED} )); {command}"


def was_taken(exit_code: int) -> bool:
    """Whether a guarded command found the lock held by another process."""
    return exit_code == _CHANGED


def _replace_lock(shell: Shell, before: str, after: str | None, timeout: float = 30) -> bool:
    """Replace the lock if it is unchanged (compare and swap); False if it changed. Concurrent callers take turns."""
    change = f"rm -f {LOCK}" if after is None else f"echo {shlex.quote(after)} >{LOCK}.part && mv -f {LOCK}.part {LOCK}"
    same = f'c=$(cat {LOCK} 2>/dev/null); [ $? -le 1 ] || exit {_KILLED}; [ "$c" = {shlex.quote(before)} ]'
    ours = f"grep -qF {_FAMILY} {LOCK} 2>/dev/null"
    script = (
        f"mkdir -p {HOME} || exit; "
        f'e=$(mkdir {_TURN} 2>&1) || case "$e" in *exists*) exit {_BUSY};; *) echo "$e" >&2; exit 1;; esac; '
        f"trap 'rmdir {_TURN}' EXIT; trap 'exit 1' HUP INT TERM; "
        f"{same if _FAMILY in before or not before else f'! {ours}'} || exit {_CHANGED}; {change}"
    )
    patience = time.monotonic() + _TURN_SECONDS
    while True:
        done = shell.script(script, timeout=timeout)
        if done.exit_code == _CHANGED:
            return False
        if done.exit_code != _BUSY:
            checked_output(done, f"{shell.serial}: its lock cannot be written")
            return True
        if time.monotonic() > patience:
            shell.script(f"rmdir {_TURN}")
            patience = time.monotonic() + _TURN_SECONDS
        time.sleep(_POLL_SECONDS)


def _text(lock: PhoneLock) -> str:
    """The lock as one line without characters that a shell interprets."""
    return json.dumps(lock.model_dump(by_alias=True), separators=(",", ":"))


def _plain(text: str) -> str:
    return _UNSAFE.sub("_", text)[:80]
