"""Which targets a night measures: the doctor examines those that are selected, and what it finds unfit is skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mobilebench import targets
from mobilebench.core.errors import BadInput, as_clause
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.nights.records import Phone
from mobilebench.results import quarantine
from mobilebench.targets import selection
from mobilebench.targets.android import discovery
from mobilebench.targets.android.identity import SAME_PHONE
from mobilebench.targets.care.doctor import Report, examine_all


def examine(
    words: str,
    held: Sequence[Quarantine],
    *,
    mend: bool = False,
    select: Callable[[str], Sequence[TargetInfo]] | None = None,
    doctor: Callable[[Sequence[TargetInfo]], Sequence[Report]] | None = None,
) -> list[Phone]:
    """The selected targets, each with what keeps it out, if something does.

    A word for which nothing is attached is one that is away; a second way to the same phone is left out.

    Args:
        words: as for `run --serial`.
        held: the quarantines that hold now.
        mend: whether the doctor of this computer mends what is safe.
        select: the targets of a word, in any state; None: those of this computer.
        doctor: examines phones; None: the doctor of this computer.
    """
    chosen: dict[str, TargetInfo] = {}
    found: dict[str, Phone] = {}
    for word in ["all"] if "all" in selection.words(words) else selection.words(words):
        try:
            selected = select(word) if select else targets.select(word, need_ready=False)
        except BadInput as error:
            found[word] = Phone(id=word, name=word, outcome="away", words=as_clause(error.message))
            continue
        chosen |= {info.id: info for info in selected if not info.state.startswith(SAME_PHONE)}
    ready = [info for info in chosen.values() if info.state == discovery.READY]
    examined = doctor(ready) if doctor else examine_all(ready, fix=mend)
    reports = {report.info.id: report for report in examined}
    for info in chosen.values():
        found[info.id] = _phone(info, reports.get(info.id), held)
    return list(found.values())


def _phone(info: TargetInfo, report: Report | None, held: Sequence[Quarantine]) -> Phone:
    now = report.info if report else info
    phone = Phone(id=info.id, name=info.name, outcome="ready", words=report.line() if report else None)
    if now.state.startswith(Quarantine.STATE):
        return phone.model_copy(update={"outcome": "quarantined", "words": now.state.removeprefix("quarantined ")})
    if now.state != discovery.READY:
        words = as_clause(discovery.not_ready_error(now).message)
        return phone.model_copy(update={"outcome": "away", "words": words})
    if info.kind == "android" and (one := quarantine.of(now, held)):
        return phone.model_copy(update={"outcome": "quarantined", "words": one.describe().removeprefix("quarantined ")})
    if info.kind == "android" and report and (reasons := report.keeping_out(waits=True)):
        words = "; ".join(f"{check.name}: {finding.words}" for check, finding in reasons)
        return phone.model_copy(update={"outcome": "blocked", "words": words})
    return phone.model_copy(update={"outcome": "degraded" if phone.words else "ready"})
