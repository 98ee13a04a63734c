"""`mobilebench libraries …`, and the option that names a library."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say, split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mobilebench.core.records import TargetInfo
    from mobilebench.engines.libraries.catalogue import Entry

_SUM_SHOWN = 12

Engine = Annotated[
    list[str] | None, typer.Option(help="Only these engines.", autocompletion=options.complete_engines_with_libraries)
]
Build = Annotated[
    list[str] | None,
    typer.Option(
        metavar="BUILD",
        help="Only these runner builds, such as android-arm64-v8a.",
        autocompletion=options.complete_builds,
    ),
]
EngineLibrary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=FILE",
        help="Load this .so or .aar as `tflite`, `tflite-gpu` or `onnxruntime`; repeat the option for phones and this "
        "computer.",
    ),
]

app = options.group("List and fetch the engine libraries that native runners load.")


def use(context: typer.Context, options: list[str] | None) -> None:
    """Use the libraries that `--engine-library` names until the command ends."""
    from mobilebench.engines import libraries

    context.with_resource(libraries.using(options or ()))


def require_use(selected: Iterable[TargetInfo]) -> None:
    """Check that every library that `--engine-library` names can be used on one of these targets."""
    from mobilebench.engines import libraries

    libraries.require_use(info.runner for info in selected)


@app.command("list")
def list_libraries(
    context: typer.Context,
    engine: Engine = None,
    build: Build = None,
    engine_library: EngineLibrary = None,
    json: Json = False,
) -> None:
    """List the libraries that are pushed to phones or loaded on this computer.

    Examples:

    - `mobilebench libraries list`

    - `mobilebench libraries list --build android-arm64-v8a --json`
    """
    from mobilebench.engines.libraries import catalogue

    use(context, engine_library)
    found = catalogue.entries(split(engine), split(build))
    if json:
        print_json([asdict(entry) for entry in found])
        return
    print_table(
        ["engine", "backends", "build", "version", "licence", "sha256", "state"],
        [
            (
                entry.engine if entry.role == "core" else f"{entry.engine} {entry.role}",
                ", ".join(entry.backends),
                entry.build,
                _version(entry),
                entry.licence,
                entry.sha256 and entry.sha256[:_SUM_SHOWN],
                entry.state,
            )
            for entry in found
        ],
    )
    if any(entry.as_here is False for entry in found):
        say(
            "* This is not the version of this computer. Versions differ in speed: compare only results of one version."
        )
    for line in (*_places(found), *_contents(found)):
        say(line)


@app.command("fetch")
def fetch_libraries(engine: Engine = None, build: Build = None) -> None:
    """Fetch libraries now, so that measuring needs no network. Libraries in the cache are not fetched again.

    Exit code 0: all libraries are in the cache; 1: at least one could not be fetched.

    Examples:

    - `mobilebench libraries fetch`

    - `mobilebench libraries fetch --build android-arm64-v8a --engine onnxruntime`
    """
    from mobilebench.core.errors import ExitCode
    from mobilebench.engines.libraries import catalogue

    found = catalogue.entries(split(engine), split(build))
    reasons = {entry: catalogue.fetch(entry) for entry in found}
    for reason in dict.fromkeys(filter(None, reasons.values())):
        say(reason, err=True)
    here = sum(reason is None for reason in reasons.values())
    say(f"{here} of {len(found)} libraries are on this computer.")
    raise typer.Exit(int(ExitCode.OK if here == len(found) else ExitCode.CASES_FAILED))


def _version(entry: Entry) -> str | None:
    return f"{entry.version} *" if entry.as_here is False else entry.version


def _places(found: Iterable[Entry]) -> list[str]:
    """The places from which libraries come, in the order in which they are tried."""
    places: dict[str, dict[str, None]] = {}
    for entry in found:
        places.setdefault(_name(entry), {}).update(dict.fromkeys(entry.sources))
    return [f"{name} from {', '.join(sources)}." for name, sources in places.items() if sources]


def _contents(found: Iterable[Entry]) -> list[str]:
    """The components linked into libraries; libraries with the same components are listed together."""
    holders: dict[tuple[str, ...], dict[str, None]] = {}
    for entry in found:
        if entry.contains:
            holders.setdefault(entry.contains, {})[_name(entry)] = None
    return [f"Linked into {' and '.join(names)}: {', '.join(contains)}." for contains, names in holders.items()]


def _name(entry: Entry) -> str:
    """A library's name, such as `tflite delegate 2.16.1`, or `tflite (your file)`."""
    return " ".join([entry.engine, *(["delegate"] if entry.role == "delegate" else []), entry.version or "(your file)"])
