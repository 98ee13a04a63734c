"""`mobilebench export` and `mobilebench import`: whole runs, from one store to another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, say
from mobilebench.cli.results import Out, StoreAt, open_store, place_of_results
from mobilebench.core.sizes import decimal_size


def export(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]…",
            help="Ids of runs, their unique beginnings, or `last`, which is also the default.",
            autocompletion=options.complete_runs,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Export all runs.")] = False,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write to this file instead of mobilebench-RUN.zip.")
    ] = None,
    traces: Annotated[bool, typer.Option("--traces/--no-traces", help="Include the files of traces.")] = True,
    log: Annotated[
        bool, typer.Option("--log", help="Include journal and log of each run, which name paths and hosts.")
    ] = False,
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise",
            help="Replace serials, serial numbers, network and hardware addresses, host and user names by pseudonyms "
            "such as phone-1. Models, chips, versions and build fingerprints stay. Traces are left out: they hold "
            "command lines.",
        ),
    ] = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Export whole runs to one file, which `mobilebench import FILE` stores elsewhere without loss.

    The file holds requests, samples, proofs, conditions, series, references and recorded verdicts, with a SHA-256 of
    each part. `mobilebench results RUN --format csv` exports tables for other programs instead.

    Examples:

    - `mobilebench export last`

    - `mobilebench export --all --file lab-a.zip`

    - `mobilebench export last --anonymise`
    """
    from mobilebench.core.errors import BadInput
    from mobilebench.results.transfer import writing

    if every and runs:
        raise BadInput("`--all` exports every run, and some runs are named, too.", hint="Leave one of the two out.")
    store = open_store(out, store_at)
    named = [info.id for info in store.runs()] if every else [store.resolve(run) for run in runs or ["last"]]
    ids = list(dict.fromkeys(named))
    kind = "-anonymous" if anonymise else ""
    path = file or Path(f"mobilebench-{ids[0] if len(ids) == 1 else 'runs'}{kind}.zip")
    manifest = writing.write(store, ids, path, writing.Wanted(traces=traces, logs=log, anonymised=anonymise))
    for entry in manifest.runs:
        left_out = f"; left out: {', '.join(entry.left_out)}" if entry.left_out else ""
        say(f"{entry.id}: {entry.blocks} of {entry.planned} planned blocks, SHA-256 {entry.content_sha256}{left_out}")
    say(f"{path} was written ({decimal_size(path.stat().st_size)}).")


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Files of `mobilebench export`, and folders with the results of another mobilebench."
        ),
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="WHO", help="Who measured these runs; shown with each of them.")
    ] = None,
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Import runs from another mobilebench: all of them or, if anything is wrong with a file, none.

    Each run keeps its id, and shows from whom and from which file it came. A run with the same content as one that is
    here already is not imported again.

    Examples:

    - `mobilebench import lab-a.zip --from "Lab A"`

    - `mobilebench import /media/usb/mobilebench --from "the other PC"`
    """
    from mobilebench.results.transfer import importing

    outcomes = importing.import_runs(place_of_results(out, store_at), files, source)
    if json:
        print_json([asdict(one) for one in outcomes])
        return
    for one in outcomes:
        if one.same_as is not None:
            known = "already here" if one.same_as == one.run_id else f"already here as {one.same_as}"
            say(f"{one.run_id}: {known}, with the same content; it was not imported again.")
            continue
        traces = f", {one.traces} trace{'' if one.traces == 1 else 's'}" if one.traces else ""
        left_out = f"; left out: {', '.join(one.left_out)}" if one.left_out else ""
        blocks = f"{one.blocks} block{'' if one.blocks == 1 else 's'}"
        say(f"{one.run_id}: imported, {blocks}{traces}{left_out}")
