"""`mobilebench nightly`: suites by one configuration, compared with a baseline, and reported."""

from __future__ import annotations

import io
import json as json_text
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mobilebench.cli.output import Json, duration, print_json, print_table, say
from mobilebench.cli.results import Out, StoreAt, place_of_results
from mobilebench.core.errors import BadInput, ExitCode, MobilebenchError, NothingToMeasure, as_clause

if TYPE_CHECKING:
    from mobilebench.core.records import Quarantine, TargetInfo
    from mobilebench.nights.conduct import Ended
    from mobilebench.nights.config import Config, Step
    from mobilebench.nights.records import Night, Phone
    from mobilebench.results.places import Place
    from mobilebench.session.events import Event
    from mobilebench.suite.loading import Document


def nightly(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="The configuration, a YAML file.", show_default=False)
    ] = None,
    example: Annotated[
        bool,
        typer.Option(
            "--example", help="Write a configuration with comments to CONFIG, or print it.", show_default=False
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the targets, the suites and their estimated time; measure nothing."),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the last night, which was interrupted; nothing is measured twice."),
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="NIGHT",
            help="Let this night (its id, or `last`) be a baseline although something got worse. Needs --reason.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="With --accept: why, in a few words.")
    ] = None,
    out: Out = None,
    store_at: StoreAt = None,
    json: Json = False,
) -> None:
    """Measure suites by a configuration, compare them with earlier nights, and report what got worse.

    The doctor examines the phones first; one that it finds unfit is skipped and reported. Then the suites are measured
    in order within the night's budget, as `mobilebench run` does, and compared with the baseline: times, and energy and
    memory where a suite measures them. The night's folder
    gets `night.md`, `junit.xml`, `night.json` and `night.prom`; webhooks and further files are told as configured.
    docs/nightly.md describes every key.

    Exit code 0: nothing got worse · 6: something got worse · 8: not everything was measured · 7: phones were skipped ·
    2: bad input · 130: interrupted.

    Examples:

    - `mobilebench nightly night.yaml --example`

    - `mobilebench nightly night.yaml --dry-run`

    - `mobilebench nightly night.yaml`

    - `mobilebench nightly night.yaml --resume`

    - `mobilebench nightly night.yaml --accept last --reason "new model files"`
    """
    from mobilebench.nights import config as configs
    from mobilebench.nights import past

    if example:
        _write_example(config, configs.EXAMPLE.read_text(encoding="utf-8"))
        return
    if config is None:
        raise BadInput(
            "No configuration is named.", hint="`mobilebench nightly night.yaml --example` writes one to begin with."
        )
    loaded, document = configs.load(config.expanduser())
    run = _Run()
    _check(loaded, document, run)
    place = place_of_results(out, store_at)
    folder = place.folder
    if accept is not None:
        _accept(folder, past.find(folder, loaded.name, accept), reason)
        return
    typed_out = (
        *(() if out is None else ("--out", str(folder))),
        *(() if store_at is None else ("--store", store_at)),
    )
    with ExitStack() as held:
        if loaded.rack is not None and not loaded.on_rack:
            from mobilebench.targets import rack as racks

            held.enter_context(racks.using(Path(loaded.rack)))
        if dry_run:
            _print_plan(loaded, document, run, place, typed_out, as_json=json)
            return
        night = _conducted(loaded, place, run, typed_out, resume=resume)
    _told(loaded, night, folder, as_json=json)
    raise typer.Exit(int(night.exit_code or 0))


def _write_example(file: Path | None, text: str) -> None:
    """Print the example, or write it to a file that does not exist yet."""
    if file is None:
        say(text.rstrip())
        return
    try:
        with file.expanduser().open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise BadInput(f"{file} exists, and is not overwritten.", hint="Name another file.") from error
    except OSError as error:
        raise BadInput(f"{file} could not be written: {error.strerror or error}.", hint="Name another file.") from error
    say(f"{file} was written. `mobilebench nightly {file} --dry-run` shows what it measures.")


def _conducted(config: Config, place: Place, run: _Run, out: tuple[str, ...], *, resume: bool) -> Night:
    from mobilebench.nights import conduct, past

    folder = place.folder
    with conduct.alone(folder, config):
        nights = past.nights(folder, config.name)
        night = conduct.interrupted(config, nights) if resume else conduct.begin(config)
        earlier = [one for one in nights if one.id != night.id]
        means = conduct.Means(
            folder=folder,
            store=place,
            run=run,
            say=lambda line: say(line, err=True),
            out=out,
            examine=_examining(config),
        )
        return conduct.conduct(config, night, earlier, means)


def _examining(config: Config) -> Callable[..., list[Phone]]:
    """What examines the phones of a night: the doctor of this computer, or those of a rack's hosts."""
    from mobilebench.nights import phones as doctor

    if not config.on_rack:
        return doctor.examine

    def examine(words: str, held: Sequence[Quarantine], *, mend: bool = False) -> list[Phone]:  # noqa: ARG001
        from mobilebench.cli import over_rack
        from mobilebench.rack import discovery

        given = next((one for step in config.steps if (one := step.options.get("rack-certificates"))), None)
        with over_rack.connected(config.rack, None if given is None else Path(str(given))) as over:
            assert over is not None
            every = over.targets.every()

            def select(word: str) -> list[TargetInfo]:
                return [one.info for one in discovery.select(word, every, need_ready=False)]

            return doctor.examine(words, held, select=select, doctor=over.examine)

    return examine


def _told(config: Config, night: Night, folder: Path, *, as_json: bool) -> None:
    """Write the reports of a night, tell whom the configuration names, and print what it came to."""
    from mobilebench.nights import past, summary, telling

    own = past.night_folder(folder, night)
    if night.status == "finished":
        night = night.model_copy(update={"told": telling.tell(night, config)})
        past.write(folder, night)
    telling.write_reports(night, own)
    for sentence in telling.problems(night.told):
        say(sentence, err=True)
    if as_json:
        print_json({**night.model_dump(mode="json"), "folder": str(own)})
        return
    say(summary.chat(night))
    say(f"Reports: {own}")


def _accept(folder: Path, night: Night, reason: str | None) -> None:
    from mobilebench.nights import past, telling
    from mobilebench.nights.records import Accepted

    words = " ".join((reason or "").split())[:300]
    if not words:
        raise BadInput("A night is accepted for a reason.", hint='Give it: --reason "new model files".')
    if night.status != "finished":
        raise BadInput(f"Night {night.id} is not finished.", hint="`--resume` goes on with it.")
    accepted = night.model_copy(update={"accepted": Accepted(at=datetime.now(UTC), reason=words)})
    past.write(folder, accepted)
    telling.write_reports(accepted, past.night_folder(folder, accepted))
    say(f"Night {night.id} is a baseline for later nights: {words}")


def _check(config: Config, document: Document, run: _Run) -> None:
    """Check what only the suites and the options of `run` tell.

    Raises:
        BadInput: the message names line, column and key.
    """
    from mobilebench import suite as suites
    from mobilebench.nights.config import OWN_OPTIONS, AbStep, arguments
    from mobilebench.suite.vocabulary import unknown

    for step in config.steps:
        place = config.place_of(step)
        try:
            suites.load(step.suite)
        except BadInput as error:
            raise document.error((*place, "suite"), as_clause(error.message), hint=error.hint) from error
        taken = (*OWN_OPTIONS, *(("blocks",) if isinstance(step, AbStep) else ()))
        for name, value in step.options.items():
            at = (*place, "options", name)
            if name in taken:
                raise document.error(at, f"`{name}` is given by the night itself")
            if name not in run.options:
                problem, hint = unknown(
                    "option of `mobilebench run`", name, [one for one in run.options if one not in taken]
                )
                raise document.error(at, problem, hint=hint)
            if why := run.problem(arguments({name: value})):
                raise document.error(at, as_clause(why))


class _Run:
    """`mobilebench run` in this process, with arguments as they are typed."""

    def __init__(self) -> None:
        from mobilebench.cli import run

        made = typer.Typer(rich_markup_mode="markdown", add_completion=False)
        made.command("run")(run.run)
        self._command: Any = typer.main.get_command(made)

    @property
    def options(self) -> list[str]:
        """The long names of its options."""
        return [name.removeprefix("--") for one in self._command.params for name in one.opts if name.startswith("--")]

    def problem(self, typed: Sequence[str]) -> str | None:
        """Why these arguments cannot be parsed; None if they can."""
        try:
            self._command.make_context("run", list(typed)).close()
        except typer.TyperException as error:
            return error.format_message().replace("Value error, ", "")
        return None

    def planned(self, typed: Sequence[str]) -> dict[str, Any]:
        """What `--dry-run --json` prints.

        Raises:
            MobilebenchError: as `run` does.
        """
        printed = io.StringIO()
        with redirect_stdout(printed):
            self._invoke([*typed, "--dry-run", "--json"])
        found: dict[str, Any] = json_text.loads(printed.getvalue())
        return found

    def _invoke(self, typed: Sequence[str]) -> int:
        try:
            with self._command.make_context("run", list(typed)) as context:
                self._command.invoke(context)
        except typer.Exit as ended:
            return int(ended.exit_code)
        return int(ExitCode.OK)

    def __call__(self, typed: Sequence[str], seconds: float | None, begun: Callable[[str], None]) -> Ended:
        from mobilebench.cli import progress
        from mobilebench.nights.conduct import Ended

        watch = _Watch(seconds, begun)
        problem = None
        with progress.watched(watch), redirect_stdout(sys.stderr):
            try:
                code = self._invoke(typed)
            except MobilebenchError as error:
                code, problem = int(error.exit_code), error.text_with_hint
            except typer.TyperException as error:
                code, problem = int(ExitCode.BAD_INPUT), error.format_message()
            except Exception as error:
                logging.getLogger(__name__).exception("A run of the night ended with a defect.")
                code, problem = int(ExitCode.INTERNAL), f"defect in mobilebench: {type(error).__name__}: {error}"
        if problem:
            say(problem, err=True)
        stopped = watch.stopped or ("person" if code == ExitCode.INTERRUPTED else None)
        return Ended(code, stopped, problem, tuple(watch.skipped))


class _Watch:
    """Follows a run of a night: its id, the targets that it leaves out, and the end of its time."""

    def __init__(self, seconds: float | None, begun: Callable[[str], None]) -> None:
        self.stopped: Literal["budget"] | None = None
        self.skipped: list[Phone] = []
        self._begun = begun
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def begin(self, cancel: threading.Event) -> None:
        if self._seconds is not None:
            self._timer = threading.Timer(self._seconds, self._stop, [cancel])
            self._timer.daemon = True
            self._timer.start()

    def _stop(self, cancel: threading.Event) -> None:
        if not cancel.is_set():
            self.stopped = "budget"
            cancel.set()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def __call__(self, event: Event) -> None:
        from mobilebench.nights.records import Phone
        from mobilebench.session import events

        if isinstance(event, events.RunStarted):
            self._begun(event.run_id)
        elif isinstance(event, events.TargetSkipped):
            words = as_clause(event.reason)
            self.skipped.append(Phone(id=event.target, name=event.target, outcome="away", words=words))


def _print_plan(
    config: Config, document: Document, run: _Run, place: Place, out: tuple[str, ...], *, as_json: bool
) -> None:
    """Print what a night would measure.

    Raises:
        BadInput: a suite of it cannot be planned; the message names its place in the file.
    """
    from mobilebench.nights import stored

    found = _examining(config)(config.phones, stored.in_quarantine(place))
    words = ",".join(one.id for one in found if not one.skipped)
    rows = [_planned(config, document, step, run, words, out) for step in config.steps]
    seconds = sum(row["estimated_seconds"] or 0.0 for row in rows)
    if as_json:
        plan = {"name": config.name, "baseline": config.baseline, "budget_seconds": config.budget}
        targets = [one.model_dump(mode="json") for one in found]
        print_json({**plan, "estimated_seconds": seconds, "targets": targets, "suites": rows})
        return
    if found:
        print_table(["target", "name", "doctor", ""], [(one.id, one.name, one.outcome, one.words) for one in found])
    print_table(
        ["suite", "what", "blocks", "about", ""],
        [(row["name"], row["what"], row["blocks"], _about(row["estimated_seconds"]), row["problem"]) for row in rows],
    )
    say(f"Compared with: {config.baseline}.")
    if config.budget is None:
        say(f"About {duration(seconds)}, and no budget.")
    else:
        enough = "enough" if seconds <= config.budget else "not enough; what is then left is not measured"
        say(f"About {duration(seconds)}; the budget is {duration(config.budget)}: {enough}.")


def _about(seconds: float | None) -> str | None:
    return None if seconds is None else duration(seconds)


def _planned(
    config: Config, document: Document, step: Step, run: _Run, words: str, out: tuple[str, ...]
) -> dict[str, Any]:
    from mobilebench.nights import ab
    from mobilebench.nights.config import AbStep, arguments

    typed = ["--suite", step.suite, *arguments(step.options)]
    what, times = Path(step.suite).stem, 1
    if isinstance(step, AbStep):
        what = f"{what}: {' → '.join(ab.sides_of(step))}"
        times = 2 * step.rounds if step.engine_library else 1
        typed = ab.arguments_of(step, "before" if step.engine_library else None, 0)
    row: dict[str, Any] = {"name": step.title, "what": what, "blocks": 0, "estimated_seconds": None, "problem": None}
    if not words:
        return {**row, "problem": "no target that is selected can be measured"}
    rack = () if config.rack is None else ("--rack", config.rack)
    try:
        plan = run.planned([*typed, "--serial", words, *rack, *out])
    except NothingToMeasure as error:
        return {**row, "problem": error.message}
    except BadInput as error:
        raise document.error(config.place_of(step), as_clause(error.message), hint=error.hint) from error
    return {**row, "blocks": len(plan["blocks"]) * times, "estimated_seconds": plan["estimated_seconds"] * times}
