"""What a run does about its phones before it measures: it leaves out those in quarantine and those that the doctor
finds blocked, and keeps what else the doctor found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from mobilebench.cli.output import say
from mobilebench.cli.quarantine import in_force

if TYPE_CHECKING:
    from mobilebench.core.records import PlannedBlock, TargetInfo
    from mobilebench.results.places import Place
    from mobilebench.results.store import Store
    from mobilebench.session.events import Event, Subscriber
    from mobilebench.targets.care.doctor import Report


def without_quarantined(chosen: Sequence[TargetInfo], place: Place, named: Collection[str] = ()) -> list[TargetInfo]:
    """Give phones in quarantine a state that leaves them out of the run.

    The store is opened only if a phone is among the targets: opening brings an older store up to date.

    Raises:
        BadInput: one of them is named.
    """
    from mobilebench.results import quarantine
    from mobilebench.targets.android import discovery

    if all(info.kind != "android" for info in chosen):
        return list(chosen)
    found = quarantine.marked(chosen, in_force(place))
    for before, info in zip(chosen, found, strict=True):
        if info.id in named and info.state != before.state:
            raise discovery.not_ready_error(info)
    return found


def examined(
    chosen: Sequence[TargetInfo],
    blocks: Sequence[PlannedBlock],
    *,
    named: Collection[str] = (),
    blocked_too: bool = False,
    examine: Callable[[Sequence[TargetInfo]], Sequence[Report]] | None = None,
) -> list[TargetInfo]:
    """Examine the ready phones that have one of these blocks, and keep what was found in their descriptions.

    A blocked phone gets a state that leaves it out of the run. Heat does not block a phone whose blocks wait for it to
    cool. What does not keep a phone out is printed, in one line for each phone.

    Args:
        chosen: the targets.
        blocks: what is to be measured.
        named: phones that may not be left out.
        blocked_too: leave no phone out.
        examine: the doctor; None: that of this computer.

    Raises:
        BadInput: one that is blocked is named.
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.targets.android import discovery, states
    from mobilebench.targets.care.doctor import examine_all

    measured = {block.case.target for block in blocks}
    waiting = {block.case.target for block in blocks if _waits_for_cooling(block)}
    ready = [one for one in chosen if one.kind == "android" and one.state == discovery.READY and one.id in measured]
    found: dict[str, TargetInfo] = {}
    for report in (examine or examine_all)(ready):
        info = report.info.model_copy(update={"doctor": report.records})
        found[info.id] = info
        if info.state != discovery.READY:  # it went away meanwhile
            if info.id in named:
                raise discovery.not_ready_error(info)
            continue
        keeps_out = report.keeping_out(waits=info.id in waiting)
        if not keeps_out or blocked_too:
            _say_faults(report, in_spite=bool(keeps_out))
            continue
        why = "; ".join(f"{check.name}: {finding.words}" for check, finding in keeps_out)
        found[info.id] = info.model_copy(update={"state": f"{states.BLOCKED}({why})"})
        if info.id in named:
            how = " ".join(dict.fromkeys(finding.mend or check.mend for check, finding in keeps_out))
            raise BadInput(
                f"Phone {info.id} cannot be measured: the doctor finds it blocked ({why}).",
                hint=f"{how} {_more(info)}; `--blocked-too` measures it all the same.",
            )
    return [found.get(info.id, info) for info in chosen]


def _waits_for_cooling(block: PlannedBlock) -> bool:
    gates = block.conditions.gates
    return gates is not None and (gates.temperature is not None or gates.status is not None)


def _more(info: TargetInfo) -> str:
    from mobilebench.targets.android.identity import RACK_HOST

    host = info.facts.get(RACK_HOST)
    return f"`mobilebench doctor`{f' on host {host}' if host else ''} says more"


def _say_faults(report: Report, *, in_spite: bool) -> None:
    faults = [one.describe() for one in report.records if one.check != "free"]
    if faults:
        outcome = "blocked, and measured because of `--blocked-too`" if in_spite else report.outcome()
        say(f"{report.info.id} is {outcome}: {'; '.join(faults)} ({_more(report.info)}).", err=True)


def recorded(infos: Sequence[TargetInfo], store: Store, on_event: Subscriber) -> Subscriber:
    """A subscriber to a run's events that also stores what the doctor found on these targets, as events `DoctorFound`
    of the run: a run that is resumed has findings of each part."""
    from mobilebench.session.events import RunStarted

    def then(event: Event) -> None:
        if isinstance(event, RunStarted):
            for info in infos:
                if info.doctor:
                    data = {"state": info.state, "faults": [one.model_dump(mode="json") for one in info.doctor]}
                    store.add_event(event.run_id, "DoctorFound", at=event.at, target=info.id, data=data)
        on_event(event)

    return then
