"""`mobilebench bugreport`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import print_table, say
from mobilebench.cli.results import Out, results_folder
from mobilebench.core.sizes import decimal_size


def bugreport(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Run id, its unique beginning, `last`, or `none` for a report that concerns no run.",
            autocompletion=complete.runs,
        ),
    ] = "last",
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Write there instead of to mobilebench-bugreport-RUN.zip."),
    ] = None,
    out: Out = None,
) -> None:
    """Pack what a developer needs to understand a failure into one zip file, and print what is in it.

    It holds the log, the journal, versions, facts about the devices, and the blocks that are not valid. Serials, paths,
    user names, host names and network addresses are replaced by placeholders. Read it before you send it.

    Examples:

    - `mobilebench bugreport`

    - `mobilebench bugreport last --file report.zip`
    """
    from mobilebench import targets
    from mobilebench.bugreport import collection
    from mobilebench.core.errors import MobilebenchError
    from mobilebench.results.store import FILE_NAME, Store

    folder = results_folder(out)
    store = None
    run_id = None
    if run != "none" and (run != "last" or (folder / FILE_NAME).is_file()):
        store = Store.open(folder, create=False)
        run_id = store.resolve(run)
    try:
        attached = targets.discover()
    except MobilebenchError as error:
        say(f"The attached phones are left out: {error.message}", err=True)
        attached = targets.select(targets.HOST)
    members, redaction = collection.collect(store, run_id, attached)
    path = file or Path(f"mobilebench-bugreport-{run_id or 'no-run'}.zip")
    collection.write(members, path)
    print_table(
        ["file", "size", "holds"], [(one.name, decimal_size(len(one.text.encode())), one.holds) for one in members]
    )
    replaced = ", ".join(f"{kind} in {count} places" for kind, count in sorted(redaction.counts.items()))
    say(f"Replaced by placeholders: {replaced or 'nothing'}.")
    say(f"Wrote {path}. Read it before you send it.")
