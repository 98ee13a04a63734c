"""`mobilebench restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import Json, print_json, say, split

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo


def restore(
    serials: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERIAL…", help="Which phones; none: all.", autocompletion=complete.serials),
    ] = None,
    json: Json = False,
) -> None:
    """Put back what a run that was killed has left changed on phones. A phone that somebody measures is refused.

    Every run does the same with the phones that it meets, before anything else. Exit code 0: nothing is changed any
    more · 1: something could not be put back · 2: somebody measures a phone · 3: no phone can be reached.

    Example: `mobilebench restore R5CT1234567`
    """
    from mobilebench.core.errors import ExitCode

    results = [_restored(info) for info in _phones(split(serials))]
    if json:
        print_json(results)
    else:
        for one in results:
            _print(one)
    if any(one["refused"] for one in results):
        raise typer.Exit(int(ExitCode.BAD_INPUT))
    raise typer.Exit(int(ExitCode.CASES_FAILED if any(one["left"] for one in results) else ExitCode.OK))


def _phones(serials: tuple[str, ...]) -> list[TargetInfo]:
    """The named phones, which must all be ready; without names, the ready ones, with a message about the others."""
    from mobilebench import targets
    from mobilebench.core.errors import BadInput, NothingToMeasure
    from mobilebench.targets.android import discovery

    if targets.HOST in serials:
        raise BadInput("This computer has nothing to put back.", hint="Name phones: `mobilebench devices` lists them.")
    if serials:
        found = targets.select(",".join(serials))
    else:
        found = [info for info in targets.discover() if info.kind == "android"]
    for info in found:
        if info.state != discovery.READY:
            say(f"{discovery.sentence(info.id, info.state)}. {discovery.remedy(info.id, info.state)}", err=True)
    ready = [info for info in found if info.state == discovery.READY]
    if not ready:
        raise NothingToMeasure("No phone can be reached.", hint="`mobilebench devices` shows their states.")
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


def _print(one: dict[str, Any]) -> None:
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
