"""A recorder that runs one command and parses what it prints: before and after a block, or also at an interval.

A value that cannot be read is replaced by the reason, for example because `dumpsys` cannot show a service's state.
"""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

from mobilebench.core.errors import BlockFailed, MobilebenchError
from mobilebench.core.records import PlannedBlock, Series, TargetInfo
from mobilebench.recorders.base import Declaration, EngineFacts, Recorded, Subject
from mobilebench.recorders.sampler import Sampler


@dataclass(frozen=True)
class Void:
    """Stands for a missing value."""

    reason: str
    """Why there is no value, as a clause without full stop, such as `no battery is fitted`."""


Readings = dict[tuple[str, str], float | Void]
"""Values by name and unit, such as `("level", "%")`."""


_REFUSALS = (
    (r"Can't find service\b", "the phone has no service {service}"),
    (r"Permission Denial\b|.*[Pp]ermission denied", "the phone does not let a shell query its service {service}"),
    (r"\*\*\* SERVICE '.*' DUMP TIMEOUT", "the phone's service {service} did not answer within the phone's own limit"),
    (r"Error dumping service|Failed to dump|Error with service", "the phone's service {service} failed to answer"),
    (r".*dumpsys: .*(not found|inaccessible)", "the phone has no dumpsys"),
)


def refusal(service: str, output: str) -> str | None:
    """Why an output is not the service's state, as a clause; None when it seems to be.

    Args:
        service: name of the service.
        output: the whole output of `dumpsys SERVICE`.
    """
    if not output.strip():
        return f"the phone's service {service} answered nothing"
    for pattern, reason in _REFUSALS:
        if re.search(f"^(?:{pattern})", output, re.MULTILINE):
            return reason.format(service=service)
    return None


def hung(output: str) -> bool:
    """Whether the phone itself stopped waiting for the service, after ten seconds."""
    return re.search(r"^\*\*\* SERVICE '.*' DUMP TIMEOUT", output, re.MULTILINE) is not None


LIMIT_SECONDS = 5.0
"""Timeout of one reading."""
MOST_HANGS = 2
"""After this many timeouts in a row, the target is not read again, because each costs `LIMIT_SECONDS`."""

EMULATOR = "emulator"
"""Name of the target fact that is set for Android's emulator and other virtual machines."""
MADE_UP = "an emulator's battery and temperatures are made up"


@dataclass(frozen=True)
class _Reading:
    at: float
    """`time.monotonic()`."""
    values: Readings
    during: bool
    """Whether it was taken while the block was measured, not before or after."""


class ReadingRecorder:
    """Reads a target with one cheap command.

    Args:
        declaration: its declaration, with the cost of readings before and after the block.
        command: the command.
        parse: parses the command's output; may return more series than declared.
        why_not: returns why a target cannot be read; None when it can.
        interval_s: if given, also read at this interval in seconds while the block is measured. The recorder then
        takes time during the block.
    """

    def __init__(
        self,
        declaration: Declaration,
        command: Sequence[str],
        parse: Callable[[str], Readings],
        why_not: Callable[[TargetInfo], str | None] | None = None,
        interval_s: float | None = None,
    ) -> None:
        self.declaration = declaration if interval_s is None else replace(declaration, cost="during the block")
        self._command = tuple(command)
        self._parse = parse
        self._why_not = why_not
        self._interval_s = interval_s
        self._readings: list[_Reading] = []
        self._began = 0.0
        self._hangs = 0
        self._sampler: Sampler | None = None
        self._failure: str | None = None

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:  # noqa: ARG002
        return self._why_not(target) if self._why_not else None

    def start(self, subject: Subject) -> None:
        self._began = subject.began
        self._failure = None
        self._sampler = None
        self._readings = []
        self._readings.append(self._read(subject))
        if self._interval_s is not None:
            self._sampler = Sampler(
                lambda ended: self._readings.append(self._read(subject, ended)),
                self._interval_s,
                f"{self.declaration.name} of {subject.target.info.id}",
            )
            self._sampler.start()

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        if self._sampler:
            self._sampler.stop()
            if error := self._sampler.failure:
                self._failure = error.message.rstrip(".") if isinstance(error, MobilebenchError) else repr(error)
        if complete:
            self._readings.append(self._read(subject))

    def result(self) -> Recorded:
        names = dict.fromkeys(key for one in self._readings for key in one.values)
        return Recorded([self._series(name, unit) for name, unit in names])

    def _read(self, subject: Subject, ended: Event | None = None) -> _Reading:
        """Take one reading. If the command fails, the reading holds the reason: recording must not fail the block."""
        during = ended is not None
        command = shlex.join(self._command)
        if self._hangs >= MOST_HANGS:
            return self._nothing(
                f"`{command}` was not run again, because it had not answered {MOST_HANGS} times", during
            )
        try:
            answer = subject.target.observe(self._command, timeout=LIMIT_SECONDS, cancel=ended)
        except BlockFailed as error:
            if ended is not None and ended.is_set():
                raise
            if error.fault != "hang":
                return self._nothing(error.message.rstrip("."), during)
            self._hangs += 1
            return self._nothing(f"`{command}` did not answer within {LIMIT_SECONDS:g} s", during)
        when = time.monotonic()
        output = answer.stdout.decode(errors="replace")
        if answer.exit_code != 0 or not output.strip():
            output = "\n".join(part for part in (answer.stderr.decode(errors="replace"), output) if part.strip())
        self._hangs = self._hangs + 1 if hung(output) else 0
        readings = self._parse(output)
        if answer.exit_code != 0:
            failed = Void(f"`{command}` failed (exit code {answer.exit_code})")
            readings = {key: one if isinstance(one, Void) else failed for key, one in readings.items()}
        return _Reading(when, readings, during)

    def _nothing(self, reason: str, during: bool) -> _Reading:
        values: Readings = {one.key: Void(reason) for one in self.declaration.quantities}
        return _Reading(time.monotonic(), values, during)

    def _series(self, name: str, unit: str) -> Series:
        missing = Void("the target did not list it")
        seen = [(one, one.values.get((name, unit), missing)) for one in self._readings]
        known = [(one.at, value) for one, value in seen if not isinstance(value, Void)]
        reasons = [(one.during, value.reason if isinstance(value, Void) else None) for one, value in seen]
        return Series(
            recorder=self.declaration.name,
            name=name,
            unit=unit,
            interval_ms=None if self._interval_s is None else self._interval_s * 1000,
            times_ms=[(at - self._began) * 1000 for at, _ in known],
            values=[value for _, value in known],
            reason=_why_missing(reasons, self._failure),
        )


def _why_missing(reasons: Sequence[tuple[bool, str | None]], failure: str | None) -> str | None:
    """One clause that sums up the reasons of a block's readings; the first reading is the one before the block."""
    found = {reason for _, reason in reasons}
    if len(found) == 1 and failure is None:
        return found.pop()
    between = [reason for during, reason in reasons if during]
    around = [reason for during, reason in reasons if not during]
    clauses = [
        f"{when}: {one}" for when, one in zip(("before the block", "after the block"), around, strict=False) if one
    ]
    counted = Counter(one for one in between if one)
    clauses += [f"{count} of {len(between)} readings during the block: {one}" for one, count in counted.items()]
    if failure:
        clauses.append(f"during the block, until reading it failed: {failure}")
    return "; ".join(clauses) or None


def why_not_a_real_phone(target: TargetInfo) -> str | None:
    """Why Android's services say nothing useful about this target, as a clause; None for a real phone."""
    if target.kind != "android":
        return "only Android phones tell this"
    return MADE_UP if EMULATOR in target.facts else None
