"""`mobilebench quarantine …`: phones that runs leave out for a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options, over_rack
from mobilebench.cli.output import Json, print_json, print_table, say
from mobilebench.cli.results import Out, StoreAt, place_of_results

if TYPE_CHECKING:
    from mobilebench.core.records import Quarantine, TargetInfo
    from mobilebench.results.places import Place

app = options.group("Leave phones out of runs until a time, and let them be measured again.")

_PHONES = "as for `run --serial`: `all`, serials, `name:…`, `label:…`, `group:…`, `soc:…` or `model:…`"
_Phones = Annotated[
    str,
    typer.Argument(
        metavar="SERIAL|KIND:VALUE,…", help=f"The phones, {_PHONES}.", autocompletion=options.complete_serials
    ),
]
_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3653)
_TIME_HINT = "Give --for a time such as 30m, 2h or 7d, or --until a date such as 2026-12-01 or 2026-12-01T18:00."


@app.command("list")
def list_quarantined(
    phones: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERIAL|KIND:VALUE,…]",
            help=f"Only these phones, {_PHONES}.",
            autocompletion=options.complete_serials,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also list those that have ended or were lifted.")] = False,
    rack: options.RackFileOrScheduler = None,
    rack_certificates: options.RackCertificates = None,
    out: Out = None,
    store_at: StoreAt = None,
    json: Json = False,
) -> None:
    """List the phones in quarantine, until when, and why.

    Examples:

    - `mobilebench quarantine list --all`

    - `mobilebench quarantine list label:fast --rack lab.yaml`

    - `mobilebench quarantine list --rack tls://lab:8786`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store
    from mobilebench.targets import rack as racks

    with over_rack.connected(rack, rack_certificates) as over:
        if over:
            if every:
                raise BadInput(
                    "--all lists those of this computer's results.", hint="A phone's host has its own: leave --all out."
                )
            over_rack.print_quarantined(over, phones or "all", json=json)
            return
    place = place_of_results(out, store_at)
    store = Store.existing(place)
    found: list[Quarantine] = []
    if store is not None:
        with store:
            found = store.quarantines() if every else quarantine.in_force(store)
    if phones is not None and found:
        with racks.using(over_rack.file_of(rack)):
            found = _concerning(phones, place, found)
    if json:
        print_json([one.model_dump(mode="json") for one in found])
    elif found:
        columns = ["serial", "model", "since", "until", "reason", *(["lifted"] if every else [])]
        print_table(columns, [_row(one)[: len(columns)] for one in found])
    elif phones is not None:
        say("None of these phones was ever in quarantine." if every else "None of these phones is in quarantine.")
    else:
        say("No phone was ever in quarantine." if every else "No phone is in quarantine.")


@app.command()
def add(
    phones: _Phones,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")],
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="End, such as 2026-12-01T18:00 (local time).")
    ] = None,
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long, such as 30m, 2h or 7d.")] = None,
    rack: options.RackFileOrScheduler = None,
    rack_certificates: options.RackCertificates = None,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Leave phones out of runs until a time.

    `run --serial all` leaves them out and records why; a run that names one is refused. A phone is recognised by its
    own serial number and model, so it stays out under another connection. It need not be attached if an earlier run in
    this store measured it. With `--rack tls://…` the phone's host keeps it out of everybody's runs.

    Examples:

    - `mobilebench quarantine add R5CT1234567 --for 2h --reason "its cable is loose"`

    - `mobilebench quarantine add group:a --until 2026-12-24T08:00 --reason "lent to Lab A" --rack lab.yaml`

    - `mobilebench quarantine add R5CT1234567 --for 2h --reason "its cable is loose" --rack tls://lab:8786`
    """
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store
    from mobilebench.targets import rack as racks
    from mobilebench.targets.android.identity import RACK_HOST

    end = _end(until, for_)
    with over_rack.connected(rack, rack_certificates) as over:
        if over:
            over_rack.put_in_quarantine(over, phones, end - datetime.now(UTC), reason)
            return
    place = place_of_results(out, store_at)
    with racks.using(over_rack.file_of(rack)):
        chosen = _chosen(phones, place)
    with Store.open(place) as store:
        added = [(info.id, quarantine.add(store, info, end, reason)) for info in chosen]
    for serial, one in added:
        say(f"{serial} is {one.describe()}.")
    if any(RACK_HOST in info.facts for info in chosen):
        say(
            "Only runs with these results leave a rack's phone out; with --rack tls://… its host does so for everybody."
        )


@app.command()
def lift(
    phones: _Phones,
    rack: options.RackFileOrScheduler = None,
    rack_certificates: options.RackCertificates = None,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Let phones be measured again; `all` ends every quarantine, also of phones that are away.

    With `--rack tls://…` it ends those that the hosts of a rack keep.

    Examples:

    - `mobilebench quarantine lift R5CT1234567`

    - `mobilebench quarantine lift all`

    - `mobilebench quarantine lift R5CT1234567 --rack tls://lab:8786`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store
    from mobilebench.targets import rack as racks

    with over_rack.connected(rack, rack_certificates) as over:
        if over:
            over_rack.lift_quarantines(over, phones)
            return
    place = place_of_results(out, store_at)
    lifted: list[Quarantine] = []
    if (store := Store.existing(place)) is not None:
        with store, racks.using(over_rack.file_of(rack)):
            held = quarantine.in_force(store)
            lifted = quarantine.end(store, _concerning(phones, place, held) if held else [])
    if not lifted:
        raise BadInput(
            f"No phone of “{phones}” is in quarantine.", hint="`mobilebench quarantine list` shows which phones are."
        )
    for one in lifted:
        say(f"{one.serial} is no longer {one.describe()}.")


def in_force(place: Place) -> list[Quarantine]:
    """The quarantines of the store there that hold now."""
    from mobilebench.results import quarantine
    from mobilebench.results.store import Store

    store = Store.existing(place)
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


def _concerning(phones: str, place: Place, held: Sequence[Quarantine]) -> list[Quarantine]:
    """Those of these quarantines that are of the chosen phones. A phone that is away is known by its serial.

    Raises:
        BadInput: a word names no phone, neither an attached one nor one of these.
    """
    from mobilebench import targets
    from mobilebench.core.errors import BadInput
    from mobilebench.results import quarantine
    from mobilebench.targets import rack, selection

    found: list[Quarantine] = []
    for word in selection.words(phones):
        if word == targets.ALL:
            return list(held)
        selector = selection.parse(word)
        serials = {word} if selector is None else selection.serials_in_file(selector, rack.current())
        own = [one for serial in serials for one in quarantine.named(serial, held)]
        if selector is not None or not own:
            try:
                chosen = _chosen(word, place)
            except BadInput:
                if not own:
                    raise
                chosen = []
            own += [one for one in held if any(quarantine.concerns(one, info) for info in chosen)]
        found += own
    return [one for one in held if one in found]


def _chosen(phones: str, place: Place) -> list[TargetInfo]:
    """The phones of a selection; one that is not attached is described as a stored run measured it last.

    Raises:
        BadInput: a word names this computer, or no phone.
    """
    from mobilebench import targets
    from mobilebench.core.errors import BadInput
    from mobilebench.targets import selection
    from mobilebench.targets.android import identity

    found: dict[str, TargetInfo] = {}
    for word in selection.words(phones):
        if word == targets.HOST:
            raise BadInput("Quarantine is for phones, not for this computer.", hint="Leave it out with --serial.")
        try:
            chosen = targets.select(word, need_ready=False)
        except BadInput:
            chosen = _measured_before(word, place)
            if not chosen:
                raise
        usual = [one for one in chosen if one.kind == "android" and not one.state.startswith(identity.SAME_PHONE)]
        found |= {info.id: info for info in usual}
    if not found:
        raise BadInput("No phone is attached.", hint="Name one that a run of this store measured, by its serial.")
    return list(found.values())


def _measured_before(word: str, place: Place) -> list[TargetInfo]:
    """The phones that a word means by its serial, or by the rack file, as the stored runs measured them last."""
    from mobilebench.results.store import Store
    from mobilebench.targets import rack, selection

    selector = selection.parse(word)
    serials = {word} if selector is None else selection.serials_in_file(selector, rack.current())
    store = Store.existing(place)
    if store is None:
        return []
    with store:
        known = {info.id: info for run in store.runs() for info in run.targets if info.id in serials}
    return list(known.values())
