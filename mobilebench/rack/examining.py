"""The doctor on a rack: each host examines its own phones, and the client gets what was found as records.

Only names of checks and words travel. What a check means is the same on both sides, as their versions are equal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import TargetInfo
from mobilebench.rack.discovery import RackTarget
from mobilebench.rack.following import Rack, Tell
from mobilebench.rack.messages import CheckResult, Examination, Examine, ExaminedPhone
from mobilebench.targets.care import checks
from mobilebench.targets.care.base import Finding
from mobilebench.targets.care.doctor import Report

Doctor = Callable[[Sequence[TargetInfo]], Sequence[Report]]
"""Examines phones; `targets.care.doctor.examine_all`."""

_CHECKS = {check.name: check for check in checks.OF_PHONES}


def examined_phone(report: Report) -> ExaminedPhone:
    """What the doctor of a host found on a phone, as it is sent."""
    return ExaminedPhone(
        phone=report.info.id,
        state=report.info.state,
        results=tuple(
            CheckResult(check=check.name, state=found.state, words=found.words, mend=found.mend, passes=found.passes)
            for check, found in report.findings
        ),
    )


def report_of(found: ExaminedPhone, info: TargetInfo) -> Report:
    """What a host found, as the doctor of this computer would report it.

    Raises:
        BadInput: there is no such check.
    """
    findings = []
    for one in found.results:
        if one.check not in _CHECKS:
            raise BadInput(f"The doctor has no check {one.check}.", hint="Install the same version on every host.")
        findings.append((_CHECKS[one.check], Finding(one.state, one.words, one.mend, one.passes)))
    return Report(info.model_copy(update={"state": found.state}), tuple(findings))


def examine_all(
    rack: Rack,
    phones: Sequence[tuple[TargetInfo, RackTarget]],
    tell: Tell,
    reservation: Callable[[RackTarget], str | None] = lambda _: None,
) -> list[Report]:
    """Let the hosts examine these phones at the same time.

    Args:
        rack: a connection to the scheduler; each host is asked over another one.
        phones: each phone as a target of a run, and its place.
        tell: called with a sentence for each host of which some phones were not examined.
        reservation: the token of an own reservation of a phone.

    Returns:
        A report for each phone that was examined, in their order.
    """
    by_host: dict[str, list[RackTarget]] = {}
    for _, place in phones:
        by_host.setdefault(place.host, []).append(place)
    found: dict[tuple[str, str], ExaminedPhone] = {}
    problems: dict[str, str] = {}

    def ask(host: str, places: Sequence[RackTarget]) -> None:
        own = rack.another()
        try:
            leases = {one.serial: token for one in places if (token := reservation(one))}
            question = Examine(host=host, phones=tuple(one.serial for one in places), leases=leases)
            examined = {one.phone: one for one in own.ask(question, Examination).phones}
            found.update({(host, serial): one for serial, one in examined.items()})
            if left := [one.id for one in places if one.serial not in examined]:
                problems[host] = f"{', '.join(left)} {'is' if len(left) == 1 else 'are'} in use"
        except MobilebenchError as error:
            problems[host] = error.message
        finally:
            own.close()

    asking = [
        threading.Thread(target=ask, args=asked, name=f"doctor of {asked[0]}", daemon=True) for asked in by_host.items()
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    for host in sorted(problems):
        tell(f"Not every phone of host {host} is examined by the doctor: {problems[host].rstrip('.')}.")
    return [report_of(one, info) for info, place in phones if (one := found.get((place.host, place.serial)))]
