"""`mobilebench doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, say
from mobilebench.cli.quarantine import in_force
from mobilebench.cli.results import Out, StoreAt, place_of_results

if TYPE_CHECKING:
    from mobilebench.core.records import Quarantine
    from mobilebench.targets.care.doctor import Report

_MARKS = {"ok": "ok", "degraded": "DEGRADED", "blocking": "BLOCKING", "unknown": "unknown"}


def doctor(
    serial: Annotated[
        str,
        typer.Option(
            metavar="all|host|SERIAL|KIND:VALUE,…",
            envvar="ANDROID_SERIAL",
            help="The targets to examine, as for `run --serial`; `mobilebench devices` lists them.",
            autocompletion=options.complete_serials,
        ),
    ] = "all",
    rack: options.RackFile = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Mend what is safe: undo what killed runs left, switch the screen on, and leave a lock screen without "
            "a secret. No setting of the phone's owner is changed.",
        ),
    ] = False,
    out: Out = None,
    store_at: StoreAt = None,
    json: Json = False,
) -> None:
    """Examine this computer and the phones before they are measured: what is wrong, why it matters, how to mend it.

    A target is `ready`, `degraded` (results may be worse), `blocked` (nothing useful can be measured), or
    `quarantined` (`mobilebench quarantine`). Each run examines its phones in the same way: it leaves out those that
    are blocked, and keeps what is degraded with its results. A phone that another run is measuring is left alone. Exit
    code 0: all are ready · 4: some are degraded · 1: some are blocked or in quarantine.

    Examples:

    - `mobilebench doctor`

    - `mobilebench doctor --serial R5CT1234567 --fix`

    - `mobilebench doctor --serial label:fast --rack lab.yaml`
    """
    from mobilebench import targets
    from mobilebench.core.errors import ExitCode
    from mobilebench.results import quarantine
    from mobilebench.targets import rack as racks
    from mobilebench.targets.care.doctor import examine_all

    with racks.using(rack):
        chosen = targets.select(serial, need_ready=False)
    held = in_force(place_of_results(out, store_at))
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
