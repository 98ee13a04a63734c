"""`mobilebench quarantine …`: phones that runs leave out for a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.cli.results import Out, results_folder

if TYPE_CHECKING:
    from pathlib import Path

    from mobilebench.core.records import Quarantine, TargetInfo

app = options.group("Leave phones out of runs until a time, and let them be measured again.")

_Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="The phone.", autocompletion=options.complete_serials)]
_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3653)
_TIME_HINT = "Give --for a time such as 30m, 2h or 7d, or --until a date such as 2026-12-01 or 2026-12-01T18:00."


@app.command("list")
def list_quarantined(
    every: Annotated[bool, typer.Option("--all", help="Also list those that have ended or were lifted.")] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """List the phones in quarantine, until when, and why."""
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store

    store = Store.existing(results_folder(out))
    found: list[Quarantine] = []
    if store is not None:
        with store:
            found = store.quarantines() if every else quarantine.in_force(store)
    if json:
        print_json([one.model_dump(mode="json") for one in found])
    elif found:
        columns = ["serial", "model", "since", "until", "reason", *(["lifted"] if every else [])]
        print_table(columns, [_row(one)[: len(columns)] for one in found])
    else:
        say("No phone was ever in quarantine." if every else "No phone is in quarantine.")


@app.command()
def add(
    serial: _Serial,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")],
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="End, such as 2026-12-01T18:00 (local time).")
    ] = None,
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long, such as 30m, 2h or 7d.")] = None,
    out: Out = None,
) -> None:
    """Leave a phone out of runs until a time.

    `run --serial all` leaves it out and records why; a run that names it is refused. The phone is recognised by its own
    serial number and model, so it stays out under another connection. It need not be attached if an earlier run in this
    store measured it.

    Example: `mobilebench quarantine add R5CT1234567 --for 2h --reason "its cable is loose"`
    """
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store

    end = _end(until, for_)
    folder = results_folder(out)
    target = _phone(serial, folder)
    with Store.open(folder) as store:
        added = quarantine.add(store, target, end, reason)
    say(f"{serial} is {added.describe()}.")


@app.command()
def lift(serial: _Serial, out: Out = None) -> None:
    """Let a phone be measured again.

    Example: `mobilebench quarantine lift R5CT1234567`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store

    folder = results_folder(out)
    lifted: list[Quarantine] = []
    if (store := Store.existing(folder)) is not None:
        with store:
            lifted = quarantine.lift(store, serial) or quarantine.lift(store, _phone(serial, folder))
    if not lifted:
        raise BadInput(f"{serial} is not in quarantine.", hint="`mobilebench quarantine list` shows which phones are.")
    for one in lifted:
        say(f"{serial} is no longer {one.describe()}.")


def in_force(folder: Path) -> list[Quarantine]:
    """The quarantines of the store in this folder that hold now."""
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store

    store = Store.existing(folder)
    if store is None:
        return []
    with store:
        return quarantine.in_force(store)


def _row(one: Quarantine) -> tuple[object, ...]:
    times = [at and f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" for at in (one.added_at, one.until, one.lifted_at)]
    return one.serial, one.model, times[0], times[1], one.reason, times[2]


def _end(until: str | None, for_: str | None) -> datetime:
    from mobilebench.core.errors import BadInput

    if (until is None) == (for_ is None):
        raise BadInput("A quarantine needs either --until or --for.", hint=_TIME_HINT)
    now = datetime.now(UTC)
    end = None
    try:
        if until is not None:
            end = datetime.fromisoformat(until.strip()).astimezone(UTC)
        elif found := _TIME.fullmatch(str(for_).strip()):
            end = now + timedelta(**{_UNITS[found[2]]: float(found[1])})
    except (ValueError, OverflowError):
        pass
    if end is not None and end - now < _LONGEST:
        return end
    given = f"--until {until}" if until is not None else f"--for {for_}"
    raise BadInput(f"“{given}” is not a time within the next ten years.", hint=_TIME_HINT)


def _phone(serial: str, folder: Path) -> TargetInfo:
    """The phone that is attached under this serial, or else the one that a stored run measured under it last."""
    from mobilebench import targets
    from mobilebench.core.errors import BadInput
    from mobilebench.results.store import Store

    if serial in (targets.ALL, targets.HOST) or "," in serial:
        raise BadInput("Quarantine is for one phone.", hint="Name its serial: `mobilebench devices` lists them.")
    try:
        return targets.select(serial, need_ready=False)[0]
    except BadInput:
        store = Store.existing(folder)
        if store is None:
            raise
        with store:
            known = [info for run in store.runs() for info in run.targets if info.id == serial]
        if not known:
            raise
        return known[-1]
