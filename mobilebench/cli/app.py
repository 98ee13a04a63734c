"""The Typer application, with the handling of errors that reach it."""

from __future__ import annotations

import inspect
import logging
import re
from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import mobilebench
from mobilebench.cli import (
    accuracy,
    compare,
    describe,
    devices,
    doctor,
    explain,
    inject,
    libraries,
    models,
    nightly,
    pasted,
    quarantine,
    rack,
    results,
    run,
    scenario,
    serve,
    site,
    store,
    transfer,
    virtual,
)
from mobilebench.cli.output import harmless
from mobilebench.core import log, old_names, paths
from mobilebench.core.errors import ExitCode, MobilebenchError

EXIT_CODES = """Exit codes: 0 all valid (or unsupported for a stated reason) · 1 some cases failed or are invalid ·
2 bad input · 3 nothing to measure · 4 all measured, some suspect · 5 slower than `--fail-if` allows · 6 worse than the
baseline of `nightly`, 7 phones skipped, 8 night incomplete ·
70 defect in mobilebench · 130 interrupted."""


_VERBOSE = re.compile("--verbose|-v+")
_SETTINGS = {"help_option_names": ["-h", "--help"]}
_ASKED = "Answer with options (see --help), or run it in a terminal."


_COMMANDS: dict[str, Callable[..., None] | typer.Typer] = {
    "devices": devices.devices,
    "doctor": doctor.doctor,
    "quarantine": quarantine.app,
    "rack": rack.app,
    "run": run.run,
    "nightly": nightly.nightly,
    "inject": inject.inject,
    "restore": devices.restore,
    "scenario": scenario.scenario,
    "serve": serve.serve,
    "site": site.site,
    "report": results.report,
    "results": results.results,
    "export": transfer.export,
    "import": transfer.import_,
    "compare": compare.compare,
    "history": compare.history,
    "explain": explain.explain,
    "accuracy": accuracy.accuracy,
    "describe": describe.describe,
    "bugreport": results.bugreport,
    "models": models.app,
    "libraries": libraries.app,
    "store": store.app,
    "virtual": virtual.app,
}


class Commands(UserDict[str, Any]):
    """The commands by name. A command is built from its function on first use: building all takes 60 ms."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            source = _COMMANDS[name]
            if not isinstance(source, typer.Typer):
                single = typer.Typer(rich_markup_mode="markdown", context_settings=_SETTINGS, add_completion=False)
                single.command(name)(source)
                source = single
            self.data[name] = typer.main.get_command(source)
            self.data[name].name = name
        return self.data[name]


class Group(TyperGroup):
    """Turns errors into one sentence, a next step and the documented exit code.

    The logging options may be anywhere on the command line, as in `mobilebench run -v`.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands({**dict.fromkeys(_COMMANDS), **self.commands})

    def list_commands(self, _: typer.Context) -> list[str]:  # type: ignore[override]
        return list(self.commands)

    def get_command(self, _: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """A command with only its name and help, for listings."""
        source = _COMMANDS.get(cmd_name)
        if source is None:
            return self.commands.get(cmd_name)
        text = source.info.help if isinstance(source, typer.Typer) else source.__doc__
        return TyperCommand(cmd_name, help=inspect.cleandoc(str(text)))

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        """The complete command, for running it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.commands[str(name)], rest

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, _logging_options_first(old_names.new_arguments(args)))

    def main(self, *args: Any, **more: Any) -> Any:
        pasted.forget()
        with old_names.notices_shown(lambda text: typer.echo(harmless(text), err=True)):
            return super().main(*args, **more)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except typer.Abort as ended:
            if isinstance(ended.__context__, KeyboardInterrupt):
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            if not isinstance(ended.__context__, EOFError):
                raise  # the user answered no
            _say("Error: This command asks a question, and standard input has no answer.", _ASKED)
            raise typer.Exit(ExitCode.BAD_INPUT) from None
        except typer.TyperException as error:
            error.message = log.without_passwords(error.message)
            raise
        except typer.Exit:
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
    logging.getLogger(__name__).debug("The command ends with an error.", exc_info=error)
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
    typer.echo(typer.style(harmless(log.without_passwords(message)), fg="red"), err=True)
    if hint:
        typer.echo(f"  {harmless(log.without_passwords(pasted.completed(hint)))}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mobilebench {mobilebench.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
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
