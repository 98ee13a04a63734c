"""The Typer application, and what happens to an error that reaches it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import mobilebench
from mobilebench.cli import describe, devices, libraries, models, restore, results, run, serve, virtual
from mobilebench.cli.output import harmless
from mobilebench.core import paths
from mobilebench.core.errors import ExitCode, MobilebenchError

EXIT_CODES = """Exit codes: 0 all valid (or unsupported for a stated reason) · 1 some cases failed or are invalid ·
2 bad input · 3 nothing to measure · 4 all measured, some suspect · 70 defect in mobilebench · 130 interrupted."""


_ASKED = "Answer with options (see --help), or run it in a terminal."


class Group(TyperGroup):
    """Turns errors into one sentence, a next step and the documented exit code."""

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
    debug: Annotated[
        bool, typer.Option("--debug", envvar="MOBILEBENCH_DEBUG", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Inference latency on phones and PCs, native and in the browser, with proof of what ran.

    Start with `mobilebench devices`, then `mobilebench run --serial all --suite quick`.
    """


app.command("devices")(devices.devices)
app.command("run")(run.run)
app.command("restore")(restore.restore)
app.command("serve")(serve.serve)
app.command("report")(results.report)
app.command("results")(results.results)
app.command("describe")(describe.describe)
app.add_typer(models.app, name="models")
app.add_typer(libraries.app, name="libraries")
app.add_typer(virtual.app, name="virtual")
