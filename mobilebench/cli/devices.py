"""`mobilebench devices` and `mobilebench restore`, and messages about phones that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import options, over_rack
from mobilebench.cli.output import Json, print_json, print_table, say, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from mobilebench.core.records import TargetInfo
    from mobilebench.targets.rack import Rack

_FIELDS = {"battery_percent": "battery", "memory_mb": "memory", "gpu": "GPU", "abi": "ABI"}


def devices(
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Show the phones, and every change of them, until Ctrl-C; where output is no terminal, a line each.",
        ),
    ] = False,
    rack: options.RackFileOrScheduler = None,
    rack_certificates: options.RackCertificates = None,
    json: Json = False,
) -> None:
    """List this computer and the phones that adb sees, with their properties.

    A virtual phone has the SoC `virtual: <host CPU>`, followed by the SoC that it imitates. The lines below the table
    say which phones are being measured, and on which phones a killed run left changes that have to be undone. Names,
    labels and groups come from the rack file, and can be given to `--serial` (`label:fast`). With `--rack tls://…` it
    lists the phones of all hosts of a rack, each with its host and who has it.

    Examples:

    - `mobilebench devices --watch`

    - `mobilebench devices --rack lab.yaml --json`

    - `mobilebench devices --rack tls://lab:8786`
    """
    from mobilebench import targets
    from mobilebench.core.errors import BadInput
    from mobilebench.targets import rack as racks

    if watch and over_rack.names_scheduler(rack):
        raise BadInput("--watch shows the phones of this computer, not those of a rack.", hint="Leave one of them out.")
    with over_rack.connected(rack, rack_certificates) as over:
        if over:
            over_rack.print_phones(over, json=json)
            return
    with racks.using(over_rack.file_of(rack)):
        entries = racks.current()
        columns, row = _columns(entries)
        if watch:
            from mobilebench.cli.watch import watch as watch_phones

            watch_phones(columns, row, as_json=json)
            return
        found = targets.discover()
        statuses = targets.phone_statuses(found)
    if json:
        print_json(
            [
                {
                    **info.model_dump(mode="json"),
                    "measured_by": statuses[info.id].holder if info.id in statuses else None,
                    "restore_due": info.id in statuses and statuses[info.id].restore_due,
                    "rack": entry.model_dump(mode="json", exclude={"serial"})
                    if (entry := entries.entry(info))
                    else None,
                }
                for info in found
            ]
        )
        return
    print_table(columns, map(row, found))
    for serial, status in statuses.items():
        if status.holder:
            say(f"{serial}: it is being measured by {status.holder}.")
        if status.restore_due:
            say(
                f"{serial}: a killed run left changes on it. The next run undoes them, "
                f"and so does `mobilebench restore {serial}`."
            )
    for info in found:
        for sentence in _beside(info):
            say(f"{info.id}: {sentence}")


def _columns(rack: Rack) -> tuple[list[str], Callable[[TargetInfo], list[object]]]:
    """The columns of the table, and the cells of a target; those of the rack only if it lists phones."""

    def row(info: TargetInfo) -> list[object]:
        soc = f"{info.soc} (imitates {info.profile_soc or 'an unknown SoC'})" if info.virtual else info.soc
        browsers = ", ".join(f"{name} {version}" for name, version in info.browsers.items())
        battery = None if info.battery_percent is None else f"{info.battery_percent} %"
        cells = [info.id, info.name, soc, info.os, info.abi, browsers, battery, info.state]
        if not rack.phones:
            return [*cells]
        entry = rack.entry(info)
        return [info.id, *((entry.name, ", ".join(entry.labels), entry.group) if entry else (None,) * 3), *cells[1:]]

    of_rack = ["name", "labels", "group"] if rack.phones else []
    return ["serial", *of_rack, "model", "SoC", "OS", "ABI", "browsers", "battery", "state"], row


def _beside(info: TargetInfo) -> list[str]:
    """Remarks below the table, such as what to do about a phone's state, or why a field is empty."""
    from mobilebench import profiles
    from mobilebench.targets.android import discovery

    if info.state != "device":
        return [f"{discovery.clause(one['state'])}. {one['hint']}" for one in left_out([info])]
    remarks = [f"{_FIELDS.get(name, name)} is not known: {reason}." for name, reason in info.unknown.items()]
    remarks += [f"{reason}." for reason in info.unusable_browsers.values()]
    if info.kind == "android" and info.profile is None:
        remarks.append(profiles.advice(info.facts))
    return remarks


def left_out(selected: Iterable[TargetInfo]) -> list[dict[str, str]]:
    """The targets that cannot be used, each with its state and what to do about it."""
    from mobilebench.targets.android import discovery

    return [
        {"target": info.id, "state": info.state, "hint": discovery.remedy_of(info)}
        for info in selected
        if info.state != discovery.READY
    ]


def sentence(phone: dict[str, str]) -> str:
    """The message about one such target."""
    from mobilebench.targets.android import discovery

    return f"Phone {phone['target']} is left out: {discovery.clause(phone['state'])}. {phone['hint']}"


def restore(
    serials: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIAL…",
            help="The phones, as for `run --serial`; by default all phones.",
            autocompletion=options.complete_serials,
        ),
    ] = None,
    rack: options.RackFile = None,
    json: Json = False,
) -> None:
    """Undo the changes that a killed run left on phones. A phone that is being measured is refused.

    Every run does the same for its phones before it measures. Exit code 0: nothing is changed any more · 1: something
    could not be undone · 2: a phone is being measured · 3: no phone can be reached.

    Example: `mobilebench restore R5CT1234567`
    """
    from mobilebench.core.errors import ExitCode
    from mobilebench.targets import rack as racks

    with racks.using(rack):
        phones = _phones_to_restore(split(serials))
    results = [_restored(info) for info in phones]
    if json:
        print_json(results)
    else:
        for one in results:
            _print_restored(one)
    if any(one["refused"] for one in results):
        raise typer.Exit(int(ExitCode.BAD_INPUT))
    raise typer.Exit(int(ExitCode.CASES_FAILED if any(one["left"] for one in results) else ExitCode.OK))


def _phones_to_restore(serials: tuple[str, ...]) -> list[TargetInfo]:
    """The named phones, which must all be ready; without names, the ready ones, with a message about the others."""
    from mobilebench import targets
    from mobilebench.core.errors import BadInput, NothingToMeasure
    from mobilebench.targets.android import discovery

    if targets.HOST in serials:
        raise BadInput(
            "`restore` is for phones; this computer is never changed.",
            hint="Name phones: `mobilebench devices` lists them.",
        )
    if serials:
        found = targets.select(",".join(serials))
    else:
        found = [info for info in targets.discover() if info.kind == "android"]
    for info in found:
        if info.state != discovery.READY:
            say(f"{discovery.sentence(info.id, info.state)}. {discovery.remedy(info.id, info.state)}", err=True)
    ready = [info for info in found if info.state == discovery.READY]
    if not ready:
        raise NothingToMeasure("No phone can be reached.", hint="`mobilebench devices` shows their discovery.")
    return ready


def _restored(info: TargetInfo) -> dict[str, Any]:
    from mobilebench import targets
    from mobilebench.core.errors import BadInput, MobilebenchError
    from mobilebench.targets.android.device_changes import Recovered

    found, refused = Recovered(), None
    try:
        found = targets.restore(info)
    except BadInput as error:
        refused = error.message
    except MobilebenchError as error:
        found = Recovered(left=(error.message,))
    return {
        "serial": info.id,
        "put_back": list(found.put_back),
        "left": list(found.left),
        "notices": list(found.notices),
        "refused": refused,
    }


def _print_restored(one: dict[str, Any]) -> None:
    serial = one["serial"]
    for words in one["put_back"]:
        say(f"{serial}: put back: {words}.")
    for words in one["notices"]:
        say(f"{serial}: {words}")
    for words in one["left"]:
        say(f"{serial}: {words}", err=True)
    if one["refused"]:
        say(one["refused"], err=True)
    if not any(one[name] for name in ("put_back", "notices", "left", "refused")):
        say(f"{serial}: nothing to put back.")
