"""The Typer application, and what happens to an error that reaches it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import mobilebench
from mobilebench.cli import bugreport, describe, devices, libraries, models, restore, results, run, serve, virtual
from mobilebench.cli.output import harmless
from mobilebench.core import log, paths
from mobilebench.core.errors import ExitCode, MobilebenchError

EXIT_CODES = """Exit codes: 0 all valid (or unsupported for a stated reason) · 1 some cases failed or are invalid ·
2 bad input · 3 nothing to measure · 4 all measured, some suspect · 70 defect in mobilebench · 130 interrupted."""


_VERBOSE = re.compile("--verbose|-v+")
_ASKED = "Answer with options (see --help), or run it in a terminal."


class Group(TyperGroup):
    """Turns errors into one sentence, a next step and the documented exit code.

    The options for logging may stand anywhere in the command line, as in `mobilebench run -v`.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, _logging_options_first(args))

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except typer.Abort as ended:
            if isinstance(ended.__context__, KeyboardInterrupt):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            if not isinstance(ended.__context__, EOFError):
                raise  # somebody answered no
            _say("Error: This command asks a question, and standard input has no answer.", _ASKED)
            raise typer.Exit(ExitCode.BAD_INPUT) from None
        except (typer.Exit, typer.TyperException):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise typer.Exit(_explain(error)) from error


def _logging_options_first(args: list[str]) -> list[str]:
    first: list[str] = []
    rest: list[str] = []
    left = iter(args)
    for one in left:
        if one == "--":
            rest += [one, *left]
        elif _VERBOSE.fullmatch(one) or one.startswith("--log-file="):
            first.append(one)
        elif one == "--log-file":
            first += [one, *(value for value in [next(left, None)] if value is not None)]
        else:
            rest.append(one)
    return [*first, *rest]


def _explain(error: Exception) -> ExitCode:
    if isinstance(error, MobilebenchError):
        _say(f"Error: {error.message}", error.hint)
        return error.exit_code
    if isinstance(error, EOFError):
        _say("Error: This command asks a question, and standard input has no answer.", _ASKED)
        return ExitCode.BAD_INPUT
    if isinstance(error, OSError):
        _say(f"Error: {error}", paths.advice(error.filename) or "Check the path, its permissions and the free space.")
        return ExitCode.BAD_INPUT
    _say(
        f"Defect in mobilebench: {type(error).__name__}: {error}",
        "Run it again as `mobilebench --debug …` and report what it prints.",
    )
    return ExitCode.INTERNAL


def _say(message: str, hint: str | None) -> None:
    typer.echo(typer.style(harmless(message), fg="red"), err=True)
    if hint:
        typer.echo(f"  {harmless(hint)}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mobilebench {mobilebench.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


@app.callback()
def root(
    debug: Annotated[  # noqa: ARG001 - `Group.invoke` reads it
        bool, typer.Option("--debug", envvar="MOBILEBENCH_DEBUG", help="Show the traceback of an error.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help="Log each step to standard error; -vv also logs adb commands and browser traffic.",
        ),
    ] = 0,
    log_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Append the log of -vv to this file."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Inference latency on phones and PCs, native and in the browser, with proof of what ran.

    Start with `mobilebench devices`, then `mobilebench run --serial all --suite quick`.
    """
    log.show(verbose)
    if log_file is not None:
        log.write_to(log_file)


app.command("devices")(devices.devices)
app.command("run")(run.run)
app.command("restore")(restore.restore)
app.command("serve")(serve.serve)
app.command("report")(results.report)
app.command("results")(results.results)
app.command("describe")(describe.describe)
app.command("bugreport")(bugreport.bugreport)
app.add_typer(models.app, name="models")
app.add_typer(libraries.app, name="libraries")
app.add_typer(virtual.app, name="virtual")
