"""A recorder that reads a target and parses the text: before and after a block, or also at an interval.

A value that cannot be read is replaced by the reason, for example because `dumpsys` cannot show a service's state.
"""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import PlannedBlock, Series, TargetInfo
from mobilebench.recorders.base import Declaration, EngineFacts, Recorded, Subject
from mobilebench.recorders.sources import Source, read_here, whole_program


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

COUNTER = "ticks"
"""Unit of readings that only grow. They are not stored; what is stored is computed from their growth."""
_ENOUGH = 4
"""If at least so many readings were due during a block, fewer than half of them are reported."""


@dataclass(frozen=True)
class _Reading:
    at: float
    """`time.monotonic()`."""
    values: Readings
    during: bool
    """Whether it was taken while the block was measured, not before or after."""


Growth = Callable[[Readings, Readings, float], Readings]
"""Computes values from an earlier and a later reading, and the seconds between them."""


class ReadingRecorder:
    """Reads a target: before and after a block, and also during it if an interval is given.

    Args:
        declaration: its declaration, with the cost of readings before and after the block.
        source: what is read.
        parse: parses the source's text; may return more series than declared.
        why_not: returns why a target cannot be read; None when it can.
        interval_s: if given, the block's sampler (`recorders.stream`) also reads it at this interval in seconds. The
            recorder then takes time during the block.
        growth: computes what is stored for two consecutive readings.
        over_block: computes what is stored once, from the readings before and after the block.
        sometimes: quantities that a reading may lack without being void, such as those of the measured process, which
            runs only during the block; and the reason that is stored if no reading has them.
    """

    def __init__(
        self,
        declaration: Declaration,
        source: Source,
        parse: Callable[[str], Readings],
        why_not: Callable[[TargetInfo], str | None] | None = None,
        interval_s: float | None = None,
        *,
        growth: Growth | None = None,
        over_block: Growth | None = None,
        sometimes: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self.declaration = declaration if interval_s is None else replace(declaration, cost="during the block")
        self.source = source
        self._parse = parse
        self._why_not = why_not
        self._interval_s = interval_s
        self._growth = growth
        self._over_block = over_block
        self._sometimes = sometimes or {}
        self._readings: list[_Reading] = []
        self._began = 0.0
        self._hangs = 0
        self._failure: str | None = None
        self._unknown: str | None = None
        """Why the processes that measure could not be told."""

    @property
    def sampled(self) -> bool:
        """Whether the sampler is to read it during the block; not after a reading that hung."""
        return self._interval_s is not None and self._hangs == 0

    @property
    def interval_s(self) -> float:
        """Seconds between two readings during the block."""
        assert self._interval_s is not None, "it was asked for an interval"
        return self._interval_s

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:  # noqa: ARG002
        return self._why_not(target) if self._why_not else None

    def start(self, subject: Subject) -> None:
        self._began = subject.began
        self._failure = self._unknown = None
        self._readings = []
        self._readings.append(self._read(subject))
        if self._interval_s is not None and self._hangs:
            self._failure = "it was not read, because the reading before the block hung"

    def take(self, at: float, text: str) -> None:
        """Take a reading of the sampler."""
        self._readings.append(_Reading(at, self._parse(text), True))

    def fail(self, reason: str) -> None:
        """The sampler cannot read any further."""
        self._failure = reason

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        self._unknown = subject.measured.unknown
        if complete:
            self._readings.append(self._read(subject))

    def result(self) -> Recorded:
        readings = list(self._readings)
        if self._growth and len(readings) > 1:
            readings = _grown(readings, self._growth)
        seen = [key for one in readings for key in one.values if key[1] != COUNTER]
        names = dict.fromkeys([*seen, *(self._sometimes if readings else ())])
        series = [self._series(readings, name, unit) for name, unit in names]
        if self._over_block and len(self._readings) > 1:
            first, last = self._readings[0], self._readings[-1]
            computed = self._over_block(first.values, last.values, last.at - first.at)
            once = [_Reading(last.at, computed, False)]
            series += [self._series(once, name, unit) for name, unit in computed]
        return Recorded(series)

    def _read(self, subject: Subject) -> _Reading:
        """Take one reading. If it fails, it holds the reason: recording must not fail the block."""
        if subject.target.info.kind != "android":
            text = read_here(self.source, subject.measured, Path("/"), around=True)
            return _Reading(time.monotonic(), self._parse(text), False)
        command = self._command(subject)
        shown = shlex.join(command) if self.source.commands else f"reading {self.declaration.name}"
        if self._hangs >= MOST_HANGS:
            return self._nothing(f"`{shown}` was not run again, because it had not answered {MOST_HANGS} times")
        try:
            answer = subject.target.observe(command, timeout=LIMIT_SECONDS)
        except BlockFailed as error:
            if error.fault != "hang":
                return self._nothing(error.message.rstrip("."))
            self._hangs += 1
            return self._nothing(f"`{shown}` did not answer within {LIMIT_SECONDS:g} s")
        when = time.monotonic()
        output = answer.stdout.decode(errors="replace")
        if answer.exit_code != 0 or not output.strip():
            output = "\n".join(part for part in (answer.stderr.decode(errors="replace"), output) if part.strip())
        self._hangs = self._hangs + 1 if hung(output) else 0
        readings = self._parse(output)
        if answer.exit_code != 0 and self.source.commands:
            failed = Void(f"`{shown}` failed (exit code {answer.exit_code})")
            readings = {key: one if isinstance(one, Void) else failed for key, one in readings.items()}
        return _Reading(when, readings, False)

    def _command(self, subject: Subject) -> tuple[str, ...]:
        """A single command is run as it is, everything else as a shell program."""
        if self.source.single is not None:
            return self.source.single.argv
        return "sh", "-c", whole_program(self.source, subject.measured)

    def _nothing(self, reason: str) -> _Reading:
        values: Readings = {one.key: Void(reason) for one in self.declaration.quantities}
        return _Reading(time.monotonic(), values, False)

    def _series(self, readings: Sequence[_Reading], name: str, unit: str) -> Series:
        missing = Void("the target did not list it")
        never = self._sometimes.get((name, unit))
        with_it = [one for one in readings if (name, unit) in one.values]
        seen = [(one, one.values.get((name, unit), missing)) for one in (readings if never is None else with_it)]
        if never is not None and not with_it:
            seen = [(readings[-1], Void(self._unknown or never))]
        known = [(one.at, value) for one, value in seen if not isinstance(value, Void)]
        reasons = [(one.during, value.reason if isinstance(value, Void) else None) for one, value in seen]
        return Series(
            recorder=self.declaration.name,
            name=name,
            unit=unit,
            interval_ms=None if self._interval_s is None else self._interval_s * 1000,
            times_ms=[(at - self._began) * 1000 for at, _ in known],
            values=[value for _, value in known],
            reason=_why_missing(reasons, self._failure or self._too_few()),
        )

    def _too_few(self) -> str | None:
        """A clause if the target could not be read as often as asked for."""
        if self._interval_s is None or len(self._readings) < 2:
            return None
        during = sum(one.during for one in self._readings)
        due = int((self._readings[-1].at - self._readings[0].at) / self._interval_s)
        return f"only {during} of {due} readings could be taken" if due >= _ENOUGH and during < due / 2 else None


def _grown(readings: Sequence[_Reading], growth: Growth) -> list[_Reading]:
    """What is computed from each two consecutive readings, at the time of the later one."""
    return [
        _Reading(later.at, growth(earlier.values, later.values, later.at - earlier.at), later.during)
        for earlier, later in pairwise(readings)
    ]


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
        clauses.append(f"during the block: {failure}")
    return "; ".join(clauses) or None


def why_not_a_real_phone(target: TargetInfo) -> str | None:
    """Why Android's services say nothing useful about this target, as a clause; None for a real phone."""
    if target.kind != "android":
        return "only Android phones tell this"
    return MADE_UP if EMULATOR in target.facts else None
