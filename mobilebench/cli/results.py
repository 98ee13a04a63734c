"""`mobilebench results`, `mobilebench report` and `mobilebench bugreport`: what is stored of runs."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, console, print_json, print_table, say, split
from mobilebench.core.sizes import decimal_size
from mobilebench.results.names import TableName
from mobilebench.results.places import VARIABLE

if TYPE_CHECKING:
    from mobilebench.analysis.summary import RunSummary
    from mobilebench.report.document import Figure
    from mobilebench.report.figures.static import Format as Picture
    from mobilebench.results.places import Place
    from mobilebench.results.store import Store
    from mobilebench.results.traces import StoredTrace

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results; by default your data folder."),
]
StoreAt = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL|DIR",
        envvar=VARIABLE,
        help="The store: a folder, or a PostgreSQL database such as postgresql://user@host/database. --out then only "
        "holds the files of runs (journals, traces, reports). By default the store is in the folder of --out.",
    ),
]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Id of a run, its unique beginning, or `last`.", autocompletion=options.complete_runs
    ),
]


Format = Literal["table", "csv", "json", "parquet"]


def place_of_results(out: Path | None, store_at: str | None) -> Place:
    """Where the results are: `--store` and `--out`, or else the data folder."""
    from mobilebench.core import paths
    from mobilebench.results.places import place_of

    folder = out.expanduser() if out else None
    if store_at is None:
        return place_of(folder or paths.home())
    return place_of(store_at if "://" in store_at else Path(store_at).expanduser(), folder)


def open_store(out: Path | None, store_at: str | None, *, create: bool = False) -> Store:
    """The store of `--store` and `--out`.

    Raises:
        BadInput: it cannot be opened, or there is none (unless `create`).
    """
    from mobilebench.results.store import Store

    return Store.open(place_of_results(out, store_at), create=create)


def report(
    run: RunArgument = "last",
    tables: Annotated[
        bool,
        typer.Option(
            "--tables", help="Also write the tables of the study (HTML, Markdown, LaTeX, CSV) into a folder beside it."
        ),
    ] = False,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="NAME|FOLDER",
            help="Set published numbers beside those of the run; `mobilebench describe references` lists them.",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="FACT",
            help="Group the targets by `soc`, `isa`, `vendor`, `year`, `core`, `cores`, `gpu`, `gpu_vendor`, `npu`, "
            "`memory`, `maker`, `os` or `kind`; by default by SoC, if there are several targets.",
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="PERCENT",
            help="Advise what leaves so much of a page's frames and runs per minute beside inference.",
            show_default="90%",
        ),
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option(
            "--figures",
            metavar="FORMATS",
            help="Also write the figures as files beside the report: `svg`, `png` or `pdf`, or several of them.",
        ),
    ] = None,
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise",
            help="Write it into the folder `anonymous` beside the report, with pseudonyms such as phone-1 in place of "
            "serials, addresses, host and user names.",
        ),
    ] = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Write the report of a run (HTML, Markdown, CSV) from its stored raw samples, and print its path.

    Examples:

    - `mobilebench report last --tables`

    - `mobilebench report last --tables --reference tosem2025`

    - `mobilebench report last --group-by gpu_vendor`

    - `mobilebench report last --keep 95%`

    - `mobilebench report last --figures svg,pdf`

    - `mobilebench report last --anonymise`
    """
    from mobilebench.analysis.live_accuracy import live_accuracies
    from mobilebench.analysis.page_advice import KEEP
    from mobilebench.analysis.summary import summarise
    from mobilebench.reference import published
    from mobilebench.report import compose, figure_files
    from mobilebench.reuse.watched import of_events

    wanted = figure_files.formats(split(figures)) if figures else ()
    share = _share(keep) if keep else KEEP
    loaded = published.load(reference) if reference else None
    store = open_store(out, store_at)
    found = store.load(run)
    happened = store.stored_events(found.info.id)
    folder = store.run_folder(found.info.id)
    if anonymise:
        from mobilebench.results.anonymous import Anonymiser

        anonymiser = Anonymiser([found.info])
        found, happened, folder = anonymiser.run(found), anonymiser.events(happened), folder / "anonymous"
    gc.freeze()  # A large run has millions of objects that stay until the command ends; they are not garbage.
    summary = summarise(found, live_accuracies(of_events(happened)))
    files = compose.write(found, folder, summary, tables=tables, reference=loaded, group_by=group_by, keep=share)
    say(files.html)
    if files.study:
        say(files.study)
    if wanted:
        say(_write_figures(summary, folder / "figures", wanted, share))


def _share(text: str) -> float:
    """A share from its percent, such as `90%`. Raises `BadInput` unless it is above 0 and at most 100."""
    from mobilebench.core.errors import BadInput

    number = text.strip().removesuffix("%").strip()
    try:
        percent = float(number)
    except ValueError:
        percent = math.nan
    if not 0 < percent <= 100:
        raise BadInput(
            f"“{text}” is no share of a page.", hint="Give percent above 0 and at most 100, such as `--keep 90%`."
        )
    return percent / 100


def _write_figures(summary: RunSummary, folder: Path, wanted: Sequence[Picture], keep: float) -> str:
    """Write the figures of a run; returns a sentence about the files."""
    from mobilebench.report import compose, figure_files

    found = figure_files.named(compose.document(summary, keep=keep))
    return draw_figures(found, folder, wanted) or "This run has nothing that a figure could show."


def draw_figures(figures: Mapping[str, Figure], folder: Path, wanted: Sequence[Picture]) -> str | None:
    """Write figures into a folder; returns a sentence about the files, None if there is no figure."""
    from mobilebench.cli import progress
    from mobilebench.report import figure_files

    with progress.of_figures() as shown:
        files = figure_files.write(figures, folder, wanted, shown)
    return f"{len(files)} file{'' if len(files) == 1 else 's'} of figures: {folder}" if files else None


def results(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Id of a run, its unique beginning, or `last`; without it, the runs are listed.",
            autocompletion=options.complete_runs,
        ),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="`table` shows statistics; the other formats contain every raw sample.")
    ] = "table",
    data: Annotated[
        TableName | None,
        typer.Option(
            "--data",
            help="The table to export: stage times (`samples`), times of kernels (`kernels`), operators of the model's "
            "file (`graph`), memory readings (`memory`), memory that pages report by stage (`page_memory`) or kernel "
            "(`kernel_memory`), what the system counted in each stage (`cost`), programs compiled for a GPU "
            "(`compilation`), `downloads`, values that were read back (`proof`), loaded files (`files`), `traces`, "
            "readings of recorders (`series`), `energy`, how well pages answered and drew (`page_quality`), or "
            "gates and attempts that were stopped (`attempts`).",
            metavar="TABLE",
            show_default="samples",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write to this file instead of standard output.")
    ] = None,
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """List the runs, show the statistics of one, or export its raw samples."""
    store = open_store(out, store_at)
    wanted: Format = "json" if json else format_
    if run is None:
        _list_runs(store, wanted)
    elif wanted == "table":
        _show(store, run, data)
    else:
        _export(store, run, wanted, data or "samples", file)


def _list_runs(store: Store, wanted: Format) -> None:
    runs = store.runs()
    if wanted == "json":
        print_json([info.model_dump(mode="json") for info in runs])
        return
    rows: list[tuple[object, ...]] = [
        (one.id, one.suite, one.status, ", ".join(t.id for t in one.targets), f"{one.created_at:%Y-%m-%d %H:%M}")
        for one in runs
    ]
    columns = ["run", "suite", "status", "targets", "begun (UTC)"]
    if any(one.imports for one in runs):
        columns.append("imported from")
        origins = [(one.imports[-1].source or one.imports[-1].file) if one.imports else None for one in runs]
        rows = [(*row, origin) for row, origin in zip(rows, origins, strict=True)]
    print_table(columns, rows)


def _show(store: Store, run: str, data: TableName | None) -> None:
    from mobilebench.analysis.live_accuracy import live_accuracies
    from mobilebench.analysis.summary import summarise
    from mobilebench.core.errors import BadInput
    from mobilebench.report.compose import result_table
    from mobilebench.results import traces
    from mobilebench.reuse.watched import of_events

    if data:
        raise BadInput(
            f"`--data {data}` holds raw values, which the table of statistics does not show.",
            hint="Add `--format csv`, `json` or `parquet`.",
        )
    loaded = store.load(run)
    live = live_accuracies(of_events(store.stored_events(loaded.info.id)), resamples=0)
    summary = summarise(loaded, live)
    for one in loaded.info.imports:
        say(one.describe())
    console().print(result_table(summary))
    if live:
        say(f"`mobilebench report {loaded.info.id}` adds the 95 % intervals.")
    for sentence in summary.rules:
        say(sentence)
    found = traces.stored(loaded, store.run_folder(loaded.info.id))
    say_where_traces_are(found)
    for trace in found:
        say(f"  {trace.path.name} ({decimal_size(trace.file.bytes) if trace.is_there else 'removed or changed since'})")


def say_where_traces_are(found: Sequence[StoredTrace]) -> None:
    """Print in which folder the traces are, and how to open them."""
    if found:
        say(
            f"{len(found)} trace{'' if len(found) == 1 else 's'} can be opened in the Performance panel of Chrome's "
            f"DevTools or in Perfetto (ui.perfetto.dev): {found[0].path.parent}"
        )


def _export(
    store: Store, run: str, wanted: Literal["csv", "json", "parquet"], data: TableName, file: Path | None
) -> None:
    from mobilebench.core.errors import BadInput
    from mobilebench.results import export

    if wanted == "parquet" and file is None and sys.stdout.isatty():
        raise BadInput("Parquet is binary and standard output is a terminal.", hint="Add `--file FILE.parquet`.")
    loaded = store.load(run)
    if file:
        export.write(loaded, file, wanted, data)
    else:
        export.write_to(sys.stdout.buffer, loaded, wanted, data)


def bugreport(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Id of a run, its unique beginning, `last`, or `none` for a report without a run.",
            autocompletion=options.complete_runs,
        ),
    ] = "last",
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Write to this file instead of mobilebench-bugreport-RUN.zip."),
    ] = None,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Pack what a developer needs to understand a failure into one zip file, and list its contents.

    It contains the log, the journal, versions, facts about the devices, and the blocks that are not valid. Serials,
    paths, user names, host names and network addresses are replaced by placeholders. Read it before you send it.

    Examples:

    - `mobilebench bugreport`

    - `mobilebench bugreport last --file report.zip`
    """
    from mobilebench import targets
    from mobilebench.bugreport import collection
    from mobilebench.core.errors import MobilebenchError
    from mobilebench.results.store import Store

    place = place_of_results(out, store_at)
    store = None
    run_id = None
    if run != "none":
        store = Store.existing(place) if run == "last" else Store.open(place, create=False)
        run_id = store.resolve(run) if store else None
    try:
        attached = targets.discover()
    except MobilebenchError as error:
        say(f"The attached phones are left out: {error.message}", err=True)
        attached = targets.select(targets.HOST)
    members, redaction = collection.collect(store, run_id, attached)
    path = file or Path(f"mobilebench-bugreport-{run_id or 'no-run'}.zip")
    collection.write(members, path)
    print_table(
        ["file", "size", "contents"], [(one.name, decimal_size(len(one.text.encode())), one.holds) for one in members]
    )
    replaced = ", ".join(f"{kind} in {count} places" for kind, count in sorted(redaction.counts.items()))
    say(f"Replaced by placeholders: {replaced or 'nothing'}.")
    say(f"{path} was written. Read it before you send it.")
