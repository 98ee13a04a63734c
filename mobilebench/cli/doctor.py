"""`mobilebench doctor`, and the same examination before a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, say
from mobilebench.cli.quarantine import in_force
from mobilebench.cli.results import Out, results_folder

if TYPE_CHECKING:
    from pathlib import Path

    from mobilebench.core.records import Quarantine, TargetInfo
    from mobilebench.results.store import Store
    from mobilebench.session.events import Event, Subscriber
    from mobilebench.targets.care.doctor import Report

_MARKS = {"ok": "ok", "degraded": "DEGRADED", "blocking": "BLOCKING", "unknown": "unknown"}


def doctor(
    serial: Annotated[
        str,
        typer.Option(
            metavar="all|host|SERIAL,…",
            envvar="ANDROID_SERIAL",
            help="The targets to examine; `mobilebench devices` lists them.",
            autocompletion=options.complete_serials,
        ),
    ] = "all",
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Mend what is safe: undo what killed runs left, switch the screen on, and leave a lock screen without "
            "a secret. No setting of the phone's owner is changed.",
        ),
    ] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Examine this computer and the phones before they are measured: what is wrong, why it matters, how to mend it.

    A target is `ready`, `degraded` (results may be worse), `blocked` (nothing useful can be measured), or
    `quarantined` (`mobilebench quarantine`). Each run does the same and says what is degraded. A phone that another
    run is measuring is left alone. Exit code 0: all are ready · 4: some are degraded · 1: some are blocked or in
    quarantine.

    Examples:

    - `mobilebench doctor`

    - `mobilebench doctor --serial R5CT1234567 --fix`
    """
    from mobilebench import targets
    from mobilebench.core.errors import ExitCode
    from mobilebench.results import quarantine
    from mobilebench.targets.care.doctor import examine_all

    chosen = targets.select(serial, need_ready=False)
    held = in_force(results_folder(out))
    examined = [(report, quarantine.of(report.info, held)) for report in examine_all(chosen, fix=fix)]
    if json:
        print_json([_as_json(report, of) for report, of in examined])
    else:
        for report, of in examined:
            _print(report, of)
        if not any(info.kind == "android" for info in chosen) and serial == targets.ALL:
            say("adb sees no phone: `docs/devices.md` says how to plug one in.")
    outcomes = {report.outcome(of) for report, of in examined}
    if outcomes & {"blocked", "quarantined"}:
        raise typer.Exit(int(ExitCode.CASES_FAILED))
    raise typer.Exit(int(ExitCode.SUSPECT if "degraded" in outcomes else ExitCode.OK))


def _as_json(report: Report, of: Quarantine | None) -> dict[str, Any]:
    return {
        "serial": report.info.id,
        "name": report.info.name,
        "outcome": report.outcome(of),
        "quarantine": of.model_dump(mode="json") if of else None,
        "mended": list(report.mended),
        "checks": [
            {
                "check": check.name,
                "finding": finding.state,
                "words": finding.words,
                "why": check.why,
                "mend": finding.mend or check.mend,
            }
            for check, finding in report.findings
        ],
    }


def _print(report: Report, of: Quarantine | None) -> None:
    info = report.info
    name = "" if info.name == info.id else f" ({info.name})"
    say(f"{info.id}{name}: {report.outcome(of)}")
    if of is not None:
        say(f"  It is {of.describe()}. `mobilebench quarantine lift {info.id}` ends that.")
    for sentence in report.mended:
        say(f"  Mended: {sentence}")
    width = max(len(check.name) for check, _ in report.findings)
    for check, finding in report.findings:
        say(f"  {check.name:<{width}}  {_MARKS[finding.state]:<8}  {finding.words}")
        if finding.state in ("degraded", "blocking"):
            say(f"  {'':<{width}}    {check.why}")
            say(f"  {'':<{width}}    {finding.mend or check.mend}")
    say("")


def without_quarantined(chosen: Sequence[TargetInfo], folder: Path, named: Collection[str] = ()) -> list[TargetInfo]:
    """Give phones in quarantine a state that leaves them out of the run.

    The store of `folder` is opened only if a phone is among the targets: opening brings an older store up to date.

    Raises:
        BadInput: one of them is named.
    """
    from mobilebench.results import quarantine
    from mobilebench.targets.android import discovery

    if all(info.kind != "android" for info in chosen):
        return list(chosen)
    found = quarantine.marked(chosen, in_force(folder))
    for before, info in zip(chosen, found, strict=True):
        if info.id in named and info.state != before.state:
            raise discovery.not_ready_error(info)
    return found


def say_what_is_degraded(chosen: Iterable[TargetInfo]) -> list[Report]:
    """Examine the ready phones, print one line for each that has a fault, and return those. They are measured all the
    same."""
    from mobilebench.targets.android import discovery
    from mobilebench.targets.care.doctor import examine_all

    ready = [info for info in chosen if info.kind == "android" and info.state == discovery.READY]
    faulty = [report for report in examine_all(ready) if report.faults]
    for report in faulty:
        say(f"{report.info.id} is {report.outcome()}: {report.line()} (`mobilebench doctor` says more).", err=True)
    return faulty


def recorded(reports: Sequence[Report], store: Store, on_event: Subscriber) -> Subscriber:
    """A subscriber to a run's events that also stores these reports, as events `DoctorFound` of the run."""
    from mobilebench.session.events import RunStarted

    def then(event: Event) -> None:
        if isinstance(event, RunStarted):
            for one in reports:
                faults = [
                    {"check": check.name, "finding": finding.state, "words": finding.words}
                    for check, finding in one.faults
                ]
                data = {"outcome": one.outcome(), "faults": faults}
                store.add_event(event.run_id, "DoctorFound", at=event.at, target=one.info.id, data=data)
        on_event(event)

    return then
