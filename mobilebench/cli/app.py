"""The Typer application, and what happens to an error that reaches it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import mobilebench
from mobilebench.cli import describe, devices, models, results, run, virtual
from mobilebench.errors import ExitCode, MobilebenchError

if TYPE_CHECKING:
    import click

EXIT_CODES = """Exit codes: 0 all valid (or unsupported for a stated reason) · 1 some cases failed or are invalid ·
2 bad input · 3 nothing to measure · 4 all measured, some suspect · 70 defect in mobilebench · 130 interrupted."""


class Group(TyperGroup):
    """Turns errors into one sentence, a next step and the documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MobilebenchError as error:
            if _debug(ctx):
                raise
            _say(f"Error: {error.message}", error.hint)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            _say("Interrupted.", None)
            ctx.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(ExitCode.OK)
        except OSError as error:
            if _debug(ctx):
                raise
            _say(f"Error: {error}", "Check the path, its permissions and the free space.")
            ctx.exit(ExitCode.BAD_INPUT)
        except (typer.Exit, typer.Abort, _click_exception()):
            raise
        except Exception as error:
            if _debug(ctx):
                raise
            _say(
                f"Defect in mobilebench: {type(error).__name__}: {error}",
                "Run it again as `mobilebench --debug …` and report what it prints.",
            )
            ctx.exit(ExitCode.INTERNAL)


def _click_exception() -> type[Exception]:
    from click import ClickException

    return ClickException


def _debug(ctx: click.Context) -> bool:
    return bool(ctx.params.get("debug"))


def _say(message: str, hint: str | None) -> None:
    typer.echo(typer.style(message, fg="red"), err=True)
    if hint:
        typer.echo(f"  {hint}", err=True)


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
app.command("report")(results.report)
app.command("results")(results.results)
app.command("describe")(describe.describe)
app.add_typer(models.app, name="models")
app.add_typer(virtual.app, name="virtual")
