"""Commands on a phone: separate output and error, exit codes, time limits and cancelling.

Android's own programs often exit with 0 and report a failure only in their text; `failure` recognises it.
"""

from __future__ import annotations

import logging
import re
import secrets
import shlex
import socket
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import Protocol

from mobilebench.core import log
from mobilebench.core.errors import BadInput, BlockFailed, Fault
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.base import ShellResult
from mobilebench.targets.limits import Limit, given_events

SCRATCH = "/data/local/tmp"
"""Where the shell user may write and execute on every phone."""

_STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = 1, 2, 3, 4
_LONGEST_PACKET = 1 << 20
"""Bytes; a phone's adbd sends at most this much at once."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""A lone surrogate, with which Python represents bytes that are not UTF-8."""
_NO_SPACE = "no space left on device"
_BY_SIGNAL = 128
"""A command that a signal ended has a higher exit code."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_logger = logging.getLogger(__name__)


class Shell(Protocol):
    """The part of a phone's shell that files, device changes, properties and Chrome use."""

    @property
    def serial(self) -> str: ...

    def script(self, text: str, *, timeout: float = 30) -> ShellResult:
        """Run a shell program of our own; inserted values are already quoted."""
        ...


class DeviceShell:
    """The shell of one phone, over shell protocol v2, or with an exit code marker before Android 7."""

    def __init__(self, serial: str, cancel: Event | None = None) -> None:
        self._serial = serial
        self._cancel = cancel

    @property
    def serial(self) -> str:
        return self._serial

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        """Run one program; its arguments are quoted here. It ends when its connection does."""
        return self._run(command_line(argv, environment or {}), argv[0], timeout, given_events(cancel, self._cancel))

    def script(self, text: str, *, timeout: float = 30) -> ShellResult:
        """Run a shell program; the caller has quoted inserted values."""
        name = text.split(maxsplit=1)[0] if text.strip() else "an empty script"
        return self._run(text, name, timeout, given_events(self._cancel))

    def stream(self, text: str, name: str, *, cancel: Event) -> Generator[bytes, None, None]:
        """Run a shell program and yield its output as it arrives, until it ends or `cancel` is set.

        The phone hangs up on the program when the generator ends or is closed.

        Raises:
            BlockFailed: the connection was cut, or the phone lacks the shell protocol.
            TargetLost: the phone went away.
        """
        if not self._speaks_v2:
            raise BlockFailed(f"{self._serial}: its adb has no shell protocol, so `{name}` cannot be ended.")
        limit = Limit(f"{self._serial}: `{name}`", float("inf"), given_events(cancel, self._cancel))
        with (
            log.timed(_logger, f"adb -s {self._serial} shell: {name}"),
            adb_protocol.service(self._serial, f"shell,v2,raw:{text}", limit) as stream,
        ):
            try:
                for kind, data in packets(stream, limit):
                    if kind == _EXIT:
                        return
                    if kind == _STDOUT:
                        yield data
            except BlockFailed:
                if any(event.is_set() for event in limit.cancels):
                    return
                raise
        cut = BlockFailed(f"{self._serial}: the connection was cut while `{name}` ran.", fault="cut connection")
        raise adb_protocol.lost_phone_or(cut, self._serial, f"`{name}` was running.")

    @cached_property
    def _speaks_v2(self) -> bool:
        limit = Limit(f"{self._serial}: asking for its features", 10, given_events(self._cancel))
        return "shell_v2" in adb_protocol.query(f"host-serial:{self._serial}:features", limit, self._serial).split(",")

    def _run(self, text: str, name: str, timeout: float, cancels: tuple[Event, ...]) -> ShellResult:
        with log.timed(_logger, f"adb -s {self._serial} shell {text}") as outcome:
            result = self._answer(text, name, Limit(f"{self._serial}: `{name}`", timeout, cancels))
            outcome.append(log.outcome_of(result.exit_code, result.stderr))
        return result

    def _answer(self, text: str, name: str, limit: Limit) -> ShellResult:
        if self._speaks_v2:
            with adb_protocol.service(self._serial, f"shell,v2,raw:{text}", limit) as stream:
                result = read_v2(stream, limit)
        else:
            marker = f"mobilebench-{secrets.token_hex(8)}"
            with adb_protocol.service(self._serial, f"exec:{marked(text, marker)}", limit) as stream:
                result = split_marked(adb_protocol.receive_all(stream, limit), marker)
        if result is None:
            problem = f"{self._serial}: the connection was cut while `{name}` ran."
            cut = BlockFailed(problem, fault="cut connection")
            raise adb_protocol.lost_phone_or(cut, self._serial, f"`{name}` was running.")
        return result


def command_line(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """One line for the phone's shell; it uses `exec`, so that the program itself gets the signal when adb hangs up.

    Raises:
        BadInput: a variable name is invalid, or a value has a null character or is not UTF-8.
    """
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            raise BadInput(f"“{name}” cannot be the name of an environment variable.")
    for text in (*argv, *environment.values()):
        if "\0" in text or _SURROGATE.search(text):
            raise BadInput(f"A command cannot hold {text!r}: it has null characters or is not UTF-8.")
    exports = [f"export {name}={shlex.quote(value)};" for name, value in environment.items()]
    return " ".join([*exports, "exec", shlex.join(argv)])


def read_v2(stream: socket.socket, limit: Limit) -> ShellResult | None:
    """Read both outputs and the exit code; None if the connection was cut before the command ended."""
    outputs: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: []}
    for kind, data in packets(stream, limit):
        if kind == _EXIT and data:
            return ShellResult(b"".join(outputs[_STDOUT]), b"".join(outputs[_STDERR]), data[0])
        if kind in outputs:
            outputs[kind].append(data)
    return None


def packets(stream: socket.socket, limit: Limit) -> Iterator[tuple[int, bytes]]:
    """Close the command's input, and yield kind and data of each packet until the connection ends."""
    try:
        adb_protocol.send(stream, bytes([_CLOSE_STDIN, 0, 0, 0, 0]), limit)
    except OSError:
        return
    while True:
        header = adb_protocol.receive(stream, 5, limit)
        if len(header) < 5:
            return
        length = int.from_bytes(header[1:], "little")
        if length > _LONGEST_PACKET:
            raise BlockFailed(f"{limit.doing}: the phone announced a packet of {length} bytes, more than adb sends.")
        data = adb_protocol.receive(stream, length, limit)
        if len(data) < length:
            return
        yield header[0], data
        limit.check()


def marked(text: str, marker: str) -> str:
    """Wrap a program so that its output is followed by its exit code and standard error."""
    errors = f"{SCRATCH}/{marker}"
    return f"( {text}\n) 2>{errors}; echo {marker} $?; cat {errors}; rm -f {errors}"


def split_marked(output: bytes, marker: str) -> ShellResult | None:
    """Parse the output of a `marked` program; None if it ends before the marker."""
    stdout, mark, rest = output.rpartition(marker.encode() + b" ")
    code, newline, stderr = rest.partition(b"\n")
    if not mark or not newline or not re.fullmatch(rb"\d{1,3}", code.strip()):
        return None
    return ShellResult(stdout, stderr.replace(b"\r\n", b"\n"), int(code))


def checked_output(result: ShellResult, problem: str) -> bytes:
    """Return the standard output of a command that has to succeed.

    Raises:
        BlockFailed: it failed; the message ends with the phone's own.
    """
    if result.exit_code != 0:
        message = (result.stderr or result.stdout).decode(errors="replace").strip() or "no output"
        fault = _fault(message, result.exit_code)
        raise BlockFailed(f"{problem} (exit code {result.exit_code}): {message[:300]}", fault=fault)
    return result.stdout


def _fault(message: str, exit_code: int) -> Fault | None:
    """The fault of a command that failed, if its message or exit code names a known one."""
    if _NO_SPACE in message.lower():
        return "no space"
    return "crash" if exit_code > _BY_SIGNAL else None


# Refusals in the text of a command

ALLOW_HINT = (
    "Allow it in the phone's developer options: Xiaomi calls it “USB debugging (Security settings)”; "
    "on OnePlus, Oppo and Realme switch “Disable permission monitoring” on."
)
"""How to allow adb changes that Android permits but some manufacturers block."""

_FAILURE = re.compile(
    r"^(?:Exception occurred|Error(?: type \d+)?:|cmd: |Failed transaction|Failure calling|Security exception|"
    r"(?:Caused by: )?[\w.$]+(?:Exception|Error)(?::|$)|.*Can't find service).*$",
    re.MULTILINE,
)
_FORBIDDEN = re.compile(r"Security ?exception|permission denial|requires:? ?android\.permission", re.IGNORECASE)


class NotAllowed(BlockFailed):
    """The phone does not let adb do this."""


def failure(result: ShellResult) -> str | None:
    """The message of a failed command, even if it exited with 0; None if it succeeded."""
    stderr, stdout = (text.decode(errors="replace").strip() for text in (result.stderr, result.stdout))
    for text in (stderr, stdout):
        messages = [line[0].strip() for line in _FAILURE.finditer(text)]
        if messages:
            return next((line for line in messages if _FORBIDDEN.search(line)), messages[0])[:300]
    if result.exit_code != 0:
        return f"exit code {result.exit_code}: {(stderr or stdout or 'no output')[:300]}"
    return None


def forbidden(result: ShellResult) -> str | None:
    """The message of a command that adb is not allowed to run; None if it succeeded or failed for another reason."""
    text = (result.stderr + b"\n" + result.stdout).decode(errors="replace")
    return failure(result) if _FORBIDDEN.search(text) else None


def checked_android_output(result: ShellResult, problem: str) -> bytes:
    """Return the standard output of a command that has to succeed.

    Raises:
        NotAllowed: the phone does not let adb do this.
        BlockFailed: the command failed for another reason.
    """
    message = failure(result)
    if message is None:
        return result.stdout
    if forbidden(result):
        raise NotAllowed(f"{problem}: {message}", hint=ALLOW_HINT)
    raise BlockFailed(f"{problem}: {message}", fault=_fault(message, result.exit_code))
