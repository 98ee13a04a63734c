"""`mobilebench compare` and `mobilebench history`: what changed between runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mobilebench.cli import options
from mobilebench.cli.output import Json, console, print_json, print_table, say, split
from mobilebench.cli.results import Out, StoreAt, draw_figures, place_of_results

if TYPE_CHECKING:
    from datetime import datetime

    from mobilebench.core.records import Case

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, its unique beginning, `last`, `last~1` (the one before), FOLDER:RUN or URL:RUN.",
        autocompletion=options.complete_runs,
    ),
]
Engine = Annotated[
    list[str] | None, typer.Option("--engine", metavar="NAME", help="Only these engines; `ortjs` has every release.")
]
Model = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Only these models.", autocompletion=options.complete_models),
]
Target = Annotated[list[str] | None, typer.Option("--target", metavar="SERIAL", help="Only these targets.")]


def compare(
    before: RunName,
    after: RunName,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            metavar="setup|warmup|prediction|all",
            help="The stages to compare. Each more makes the correction for many comparisons stricter.",
            show_default="prediction",
        ),
    ] = None,
    across: Annotated[
        str | None,
        typer.Option(
            "--across",
            metavar="engine|browser|target",
            help="Compare cases that differ in the release of the engine, the browser or the target, and in nothing "
            "else. Both runs may be the same one.",
        ),
    ] = None,
    engine: Engine = None,
    model: Model = None,
    target: Target = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="'STAGE > PERCENT%'",
            help="End with exit code 5 if a case is slower by more than this for sure: its change is called one, and "
            "the lower end of its interval is above the limit.",
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML to this file.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write GitHub-flavoured Markdown to this file.")
    ] = None,
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Compare two runs: which cases became slower or faster, with 95 % intervals.

    A change is called one only if the blocks of both runs say so, after a correction for many cases, and beyond what
    the same case varies from run to run.

    Examples:

    - `mobilebench compare last~1 last`

    - `mobilebench compare baseline:last last --fail-if "prediction > 5%" --junit compare.xml`

    - `mobilebench compare last last --across engine --engine tfjs`
    """
    from mobilebench.analysis import compare as comparing
    from mobilebench.analysis import stored
    from mobilebench.core.errors import ExitCode
    from mobilebench.report import comparison as shown
    from mobilebench.report import markdown as as_markdown
    from mobilebench.report import terminal

    limits = [comparing.limit(text) for text in fail_if or ()]
    stages = comparing.stages_of(split(stage), limits)
    chosen = comparing.across(across)
    wanted = stored.filters(engine=split(engine), model=split(model), target=split(target))
    left, right = (stored.find(name, place_of_results(out, store_at)) for name in (before, after))
    found = comparing.compare(
        left.summary(wanted),
        right.summary(wanted),
        stages=stages,
        across=chosen,
        earlier=[] if left == right else stored.earlier([left, right], wanted),
    )
    judged = [limit.on(found) for limit in limits]
    document = shown.document(found, judged)
    if junit:
        _write(junit, shown.junit(found, judged))
    if markdown:
        _write(markdown, as_markdown.render(document))
    if json:
        print_json(shown.as_json(found, judged))
    else:
        console().print(terminal.render(document))
    if any(limit.broken for limit in judged):
        raise typer.Exit(ExitCode.SLOWER)


def _write(file: Path, text: str) -> None:
    from mobilebench.core import atomic_files
    from mobilebench.core.errors import BadInput

    try:
        atomic_files.write_text(file.expanduser(), text)
    except OSError as error:
        raise BadInput(f"{file} could not be written: {error.strerror or error}.", hint="Name another file.") from error


def history(
    case: Annotated[
        str | None,
        typer.Argument(
            metavar="[CASE]",
            help="Key of a case, such as host/tflite/cpu/xnnpack/t1/bert_small/fp32/b1. Without it and without "
            "filters, the cases are listed.",
        ),
    ] = None,
    engine: Engine = None,
    model: Model = None,
    target: Target = None,
    stage: Annotated[str, typer.Option("--stage", metavar="setup|warmup|prediction", help="The stage.")] = "prediction",
    format_: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How to print it.")] = "table",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write to this file instead of standard output.")
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option(
            "--figures",
            metavar="FORMATS",
            help="Also draw each case over its runs, as `svg`, `png` or `pdf`, in the folder `history` of the results.",
        ),
    ] = None,
    json: Json = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Show a case over all runs, oldest first: time, interval, verdict, versions, and what changed.

    Examples:

    - `mobilebench history --engine tflite --model mobilenet_v2`

    - `mobilebench history host/tflite/cpu/xnnpack/t1/bert_small/fp32/b1 --format csv --file history.csv`

    - `mobilebench history --engine ortjs --model bert_small --figures svg`
    """
    from mobilebench.analysis import compare as comparing
    from mobilebench.analysis import history as over_runs
    from mobilebench.analysis import stored
    from mobilebench.report import figure_files
    from mobilebench.report import history as shown

    pictures = figure_files.formats(split(figures)) if figures else ()
    place = place_of_results(out, store_at)
    wanted_format = "json" if json else format_
    (chosen,) = comparing.stages_of([stage])[:1]
    if case is None and not (engine or model or target):
        _list_cases(over_runs.planned_cases(place), wanted_format == "json")
        return
    wanted = stored.filters(engine=split(engine), model=split(model), target=split(target), key=case)
    found = over_runs.history(place, wanted, chosen, case)
    if wanted_format == "csv":
        _print_or_write(shown.as_csv(found), file)
    elif wanted_format == "json":
        print_json(shown.as_json(found))
    else:
        for one in found:
            print_table(shown.COLUMNS, shown.table(one), title=shown.title(one))
    if pictures:
        drawn = draw_figures(shown.figures(found), place.folder / "history", pictures)
        say(drawn or "No run of these cases has a time that a figure could show.", err=wanted_format != "table")


def _print_or_write(text: str, file: Path | None) -> None:
    if file:
        _write(file, text)
    else:
        sys.stdout.buffer.write(text.encode())


def _list_cases(cases: dict[Case, tuple[int, datetime]], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"case": one.key, "runs": count, "last": f"{last:%Y-%m-%dT%H:%M:%SZ}"}
                for one, (count, last) in cases.items()
            ]
        )
        return
    print_table(
        ["case", "runs", "last (UTC)"],
        [(one.key, count, f"{last:%Y-%m-%d %H:%M}") for one, (count, last) in cases.items()],
    )
