"""Examines targets: asks each once, and lets every check judge the answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from threading import Event
from typing import Literal

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.records import DoctorFinding, Quarantine, TargetInfo
from mobilebench.recorders.reading import Void
from mobilebench.targets.android import adb_protocol, discovery, lease, states
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.care import checks, host, mending, questions
from mobilebench.targets.care.base import Check, Examined, Finding, Mending

Outcome = Literal["ready", "degraded", "blocked", "quarantined"]
_AT_ONCE = 16
"""Phones that are examined at the same time."""


@dataclass(frozen=True)
class Report:
    """What was found on one target."""

    info: TargetInfo
    findings: tuple[tuple[Check, Finding], ...]
    mended: tuple[str, ...] = ()
    """What `--fix` did, as sentences."""

    def outcome(self, quarantine: Quarantine | None = None) -> Outcome:
        """`quarantined` if it is, else by the worst finding; what is unknown does not count."""
        states = {finding.state for _, finding in self.findings}
        if quarantine is not None:
            return "quarantined"
        return "blocked" if "blocking" in states else "degraded" if "degraded" in states else "ready"

    @property
    def faults(self) -> list[tuple[Check, Finding]]:
        """The findings that are blocking or degraded, the worst first."""
        bad = [one for one in self.findings if one[1].state in ("blocking", "degraded")]
        return sorted(bad, key=lambda one: one[1].state)

    @property
    def records(self) -> tuple[DoctorFinding, ...]:
        """The faults, as they are stored with a run."""
        found = ((check.name, finding) for check, finding in self.faults)
        return tuple(
            DoctorFinding(check=name, finding="blocking" if one.state == "blocking" else "degraded", words=one.words)
            for name, one in found
        )

    def line(self) -> str | None:
        """All faults in one clause, such as `screen: it is off; battery: 12 %`; None if there is none."""
        return "; ".join(one.describe() for one in self.records) or None

    def keeping_out(self, *, waits: bool) -> list[tuple[Check, Finding]]:
        """What keeps a phone out of a run. Whether another run measures it is decided by its lock, not here.

        Args:
            waits: whether the run waits for the phone to cool, so that heat does not keep it out.
        """
        blocking = [one for one in self.faults if one[1].state == "blocking" and one[0].name != "free"]
        return [(check, finding) for check, finding in blocking if not (waits and finding.passes)]


def examine_all(infos: Sequence[TargetInfo], *, fix: bool = False) -> list[Report]:
    """Examine targets at the same time; a phone that fails meanwhile is reported with its state then.

    Args:
        infos: the targets.
        fix: whether to mend what is safe (`mending.py`), and to examine those targets again.
    """
    if not infos:
        return []
    computer = host.read() if any(info.virtual or info.kind == "host" for info in infos) else {}
    cancel = Event()
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(infos))) as pool:
        pending = [pool.submit(copy_context().run, _examined, info, computer, fix, cancel) for info in infos]
        try:
            return [future.result() for future in pending]
        except BaseException:  # Ctrl-C need not wait for a phone that hangs
            cancel.set()
            raise


def _examined(info: TargetInfo, computer: Mapping[str, str | Void], fix: bool, cancel: Event) -> Report:
    report = examine(info, computer, cancel)
    wanted: set[Mending] = {check.mending for check, _ in report.faults if check.mending}
    if not fix or not wanted or info.kind != "android" or report.info.state != discovery.READY:
        return report
    done = mending.mend(report.info, wanted)
    return replace(examine(report.info, computer, cancel), mended=tuple(done))


def examine(info: TargetInfo, computer: Mapping[str, str | Void], cancel: Event | None = None) -> Report:
    """Examine one target.

    Args:
        info: the target.
        computer: the answers of this computer (`host.read`), taken while nothing was examined. A virtual phone shares
            its cores, and so its load.
        cancel: event that ends the questions to a phone.
    """
    if info.kind == "host":
        return judged(checks.OF_HOST, Examined(info, computer))
    if info.state != discovery.READY:
        return judged(checks.OF_PHONES, Examined(info))
    shell = DeviceShell(info.id, cancel)
    before = time.time()
    try:
        reading = lease.read_lock(shell)
        if holder := reading.holder:
            return judged(checks.OF_PHONES, Examined(info, holder=reading.describe(holder)))
        before = time.time()
        answers = questions.ask(shell) | ({"busy": computer["busy"]} if info.virtual else {})
    except MobilebenchError:
        state = adb_protocol.state(info.id)
        state = states.SILENT if state == discovery.READY else state
        return judged(checks.OF_PHONES, Examined(info.model_copy(update={"state": state})))
    return judged(checks.OF_PHONES, Examined(info, answers, (before, time.time())))


def judged(which: Sequence[Check], seen: Examined) -> Report:
    """Let checks judge a target's answers."""
    return Report(seen.info, tuple((check, check.judge(seen)) for check in which))
