"""`mobilebench explain`: the measured steps from a native engine to a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, console, print_json, say
from mobilebench.cli.results import Out, RunArgument, StoreAt, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilebench.analysis.explain import Explained
    from mobilebench.analysis.summary import RunSummary

Format = Literal["table", "markdown", "json"]


def explain(
    run: RunArgument = "last",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="The model; may be left out if the run has only one.",
            autocompletion=options.complete_models,
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="ID", help="Only this target of the run (serial or `host`).")
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", metavar="FORMAT", help="Number format of the ladder's model.")
    ] = "fp32",
    format_: Annotated[
        Format, typer.Option("--format", help="`table` for the terminal, `markdown` or `json`.")
    ] = "table",
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Explain the gap between native and web by measured steps: threads, engine, Node, page, isolation, build, GPU.

    The steps come from the cases of a run, best of `mobilebench run --suite ladder`. Each has its factor with a 95 %
    interval; rungs that were not measured are named with the reason.

    Examples:

    - `mobilebench explain last --model bert_small`

    - `mobilebench explain last --model bert_small --format markdown`
    """
    from mobilebench.analysis.explain import as_data, select
    from mobilebench.analysis.summary import summarise

    store = open_store(out, store_at)
    summary = summarise(store.load(run))
    found = select(summary, model=model, target=target, precision=precision)
    wanted: Format = "json" if json else format_
    if wanted == "json":
        print_json({"run": summary.info.id, "ladders": [as_data(one) for one in found]})
        return
    _show(summary, found, wanted)


def _show(summary: RunSummary, found: Sequence[Explained], wanted: Format) -> None:
    from mobilebench.report import markdown, terminal
    from mobilebench.report.sections import explain as section

    document = section.document(summary, found)
    if wanted == "markdown":
        say(markdown.render(document).rstrip())
    else:
        console().print(terminal.render(document))
