"""`mobilebench store …`: looks after the stores of results."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, print_json, print_table, say, split
from mobilebench.cli.results import Out, StoreAt, open_store, place_of_results
from mobilebench.core.sizes import decimal_size

if TYPE_CHECKING:
    from mobilebench.results.places import Place
    from mobilebench.results.upkeep.rows import Contents

app = options.group("Look after stores of results: what they hold, copies, checks, and removing old runs.")

_Place = Annotated[str, typer.Argument(metavar="URL|DIR")]
_AGE = re.compile(r"(\d{1,5})d")


@app.command()
def info(out: Out = None, store_at: StoreAt = None, json: Json = False) -> None:
    """Print where the store is, its kind and schema, and how much it holds.

    Examples:

    - `mobilebench store info`

    - `mobilebench store info --store postgresql://lab@db.example/results`
    """
    from mobilebench.results import tables
    from mobilebench.results.databases import schema
    from mobilebench.results.upkeep import rows

    with open_store(out, store_at) as store:
        infos = store.runs()
        with store.reading() as connection:
            facts = store.database.facts(connection)
            counted = {name: rows.count(connection, tables.metadata.tables[name]) for name in _COUNTED}
    begun = [f"{one.created_at:%Y-%m-%d %H:%M} UTC" for one in (infos[:1] + infos[-1:])]
    found: dict[str, object] = {
        "store": store.name,
        "files of runs": str(store.folder),
        "database": f"{store.database.kind} {facts['version']}",
        "schema": schema.SCHEMA,
        "bytes": facts["bytes"],
        "runs": len(infos),
        **counted,
        "first run": begun[0] if begun else None,
        "last run": begun[-1] if begun else None,
    }
    if json:
        print_json(found)
        return
    found["bytes"] = decimal_size(int(facts["bytes"]))
    print_table(["what", "value"], [("size" if name == "bytes" else name, value) for name, value in found.items()])


_COUNTED = ("blocks", "samples", "series", "events", "quarantines")


@app.command()
def copy(source: _Place, target: _Place, out: Out = None, json: Json = False) -> None:
    """Copy all runs of one store into another one, of the same or another kind.

    Each run is copied in one transaction, read back, and compared by the numbers of rows and by a SHA-256 of its
    content. The command can be stopped and repeated: runs that are there already are only compared. The files of runs
    (journals, traces, reports) are copied, too, if the folders differ; --out names the folder of a store that is a
    URL. Exit code 1: the other store holds something else under the id of a run; nothing of that run was changed.

    Examples:

    - `mobilebench store copy ~/.local/share/mobilebench postgresql://lab@db.example/results`

    - `mobilebench store copy postgresql://lab@db.example/results backup-2026-12`
    """
    from mobilebench.core.errors import ExitCode
    from mobilebench.results.store import Store
    from mobilebench.results.upkeep import copying

    done = []
    with (
        Store.open(_place(source, out), create=False) as reader,
        Store.open(_place(target, out), create=True) as writer,
    ):
        for one in copying.copy(reader, writer):
            done.append(one)
            if not json:
                held = one.contents.rows
                say(
                    f"{one.run_id}: {_OUTCOMES[one.outcome]}; {held.get('blocks', 0)} blocks, "
                    f"{held.get('samples', 0)} samples, SHA-256 {one.contents.sha256[:12]}…"
                )
    counted = {outcome: sum(one.outcome == outcome for one in done) for outcome in _OUTCOMES}
    if json:
        runs = [{"run": one.run_id, "outcome": one.outcome, **_contents(one.contents)} for one in done]
        print_json({**counted, "runs": runs})
    else:
        say(", ".join(f"{number} {outcome}" for outcome, number in counted.items() if number) or "There are no runs.")
    if counted["differs"]:
        raise typer.Exit(ExitCode.CASES_FAILED)


_OUTCOMES = {
    "copied": "copied and compared",
    "already there": "already there, with the same content",
    "differs": "NOT copied, because the other store holds something else under this id",
}


def _contents(contents: Contents) -> dict[str, object]:
    return {"rows": dict(contents.rows), "sha256": contents.sha256}


def _place(where: str, out: Path | None) -> Place:
    """A folder keeps its files itself; a URL keeps them in `--out`, or else in the data folder."""
    return place_of_results(out if "://" in where else None, where)


@app.command()
def check(out: Out = None, store_at: StoreAt = None, json: Json = False) -> None:
    """Check a store: the database, its schema, rows that belong to nothing, and every run, which is read wholly.

    Each run's SHA-256 is printed with --json: two stores hold the same if these are equal. Runs that were imported are
    also compared with the SHA-256 of the file that they came from. Exit code 1: something is wrong.

    Examples:

    - `mobilebench store check`

    - `mobilebench store check --store postgresql://lab@db.example/results --json`
    """
    from mobilebench.core.errors import ExitCode
    from mobilebench.results.upkeep import checking

    with open_store(out, store_at) as store:
        wrong = checking.of_database(store)
        runs = list(checking.runs(store))
    findings = [*wrong, *(f"Run {one.run_id}: {words}" for one in runs for words in one.findings)]
    if json:
        listed = [{"run": one.run_id, "findings": list(one.findings), **_contents(one.contents)} for one in runs]
        print_json({"store": store.name, "findings": wrong, "runs": listed})
    else:
        for words in findings:
            say(words)
        rows = sum(sum(one.contents.rows.values()) for one in runs)
        read = f"{len(runs)} run{'' if len(runs) == 1 else 's'} with {rows} rows"
        say(f"{store.name}: {read} read; {len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}.")
    if findings:
        raise typer.Exit(ExitCode.CASES_FAILED)


@app.command()
def prune(
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="DAYSd", help="Runs that were begun longer ago, such as 90d."),
    ],
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="baselines|suite:NAME|RUN",
            help="What stays nevertheless: `baselines` (the newest finished run of each suite on each target, and the "
            "newest good night), the runs of a suite, or a run. May be repeated.",
            show_default="baselines",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them. Otherwise only print what would go.")] = False,
    out: Out = None,
    store_at: StoreAt = None,
    json: Json = False,
) -> None:
    """Remove old runs with their files. Without --yes, only print what would go.

    Make a backup first (docs/store.md); `mobilebench export` keeps single runs in a file.

    Examples:

    - `mobilebench store prune --older-than 90d`

    - `mobilebench store prune --older-than 90d --keep baselines,suite:paper,20261121-120000-ab12 --yes`
    """
    from mobilebench.nights import past
    from mobilebench.results.upkeep import pruning

    before = datetime.now(UTC) - _age(older_than)
    with open_store(out, store_at) as store:
        baselines = past.baseline_runs(store.folder)
        chosen = pruning.choose(store, before, split(keep) or (pruning.BASELINES,), baselines=baselines)
        going = [one for one in chosen if one.kept is None]
        if yes:
            for one in going:
                pruning.remove(store, one.info.id)
    if json:
        print_json(
            {
                "removed": yes,
                "gone" if yes else "would_go": [one.info.id for one in going],
                "kept": {one.info.id: one.kept for one in chosen if one.kept},
            }
        )
        return
    if chosen:
        columns = ["run", "suite", "begun (UTC)", "what"]
        gone = "removed" if yes else "would be removed"
        print_table(
            columns,
            [
                (
                    one.info.id,
                    one.info.suite,
                    f"{one.info.created_at:%Y-%m-%d %H:%M}",
                    f"stays: {one.kept}" if one.kept else gone,
                )
                for one in chosen
            ],
        )
    say(f"{len(going)} run{'' if len(going) == 1 else 's'} {'removed' if yes else 'would be removed'}.")
    if going and not yes:
        say("Add --yes to remove them.")


def _age(text: str) -> timedelta:
    from mobilebench.core.errors import BadInput

    found = _AGE.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise BadInput(f"“{text}” is no age.", hint="Give a number of days, such as --older-than 90d.")
    return timedelta(days=int(found[1]))
