"""`mobilebench models fetch`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli import complete
from mobilebench.cli.output import harmless, say, split
from mobilebench.core.sizes import decimal_size

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from mobilebench.models.spec import Pretrained
    from mobilebench.models.weights.download import Watcher


def fetch(
    names: Annotated[list[str], typer.Argument(metavar="MODEL…", help="Which models.", autocompletion=complete.models)],
    url: Annotated[str | None, typer.Option(help="Where the weights are: https://, http:// or file:///.")] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="SUM", help="Of the file at --url.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the weights at --url.")] = None,
    source: Annotated[str | None, typer.Option(help="Who trained the weights at --url on what.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Go back to seeded weights.")] = False,
) -> None:
    """Download pretrained weights, verified by their sha256: the next build uses them instead of seeded ones.

    With --url and --sha256 you name weights of your own for one model. An interrupted download goes on where it was.
    HTTP_PROXY, HTTPS_PROXY and NO_PROXY are respected.
    """
    wanted = split(names)
    given = _given(wanted, url, sha256, licence, source, forget)
    if forget:
        for name in wanted:
            _forget(name)
        return
    known = [(name, given or _named(name)) for name in wanted]
    for name, weights in known:
        _fetch(name, weights)
        if given:
            _keep(name, given)
        say(f"  The next build of {name} uses them, and every record says `weights: pretrained: {weights.sha256}`.")


def _given(
    names: tuple[str, ...],
    url: str | None,
    sha256: str | None,
    licence: str | None,
    source: str | None,
    forget: bool,
) -> Pretrained | None:
    from pydantic import ValidationError

    from mobilebench.core.errors import BadInput
    from mobilebench.core.validation import first_problem
    from mobilebench.models import registry
    from mobilebench.models.spec import Pretrained

    for name in names:
        if reason := registry.why_not(name):
            raise BadInput(f"{reason}.", hint="`mobilebench models list` shows what can be built.")
    options = {"url": url, "sha256": sha256, "licence": licence, "source": source}
    stated = {key: value for key, value in options.items() if value is not None}
    if not stated:
        return None
    if forget:
        raise BadInput("--forget goes back to seeded weights; it takes no other option.")
    if url is None or sha256 is None:
        raise BadInput("--url and --sha256 belong together.", hint="`sha256sum FILE` prints a file's sum.")
    if len(names) != 1:
        raise BadInput(f"--url names the weights of one model, not of {len(names)}.")
    try:
        return Pretrained.model_validate(stated)
    except ValidationError as error:
        first = first_problem(error)
        raise BadInput(f"--{first.path[0]} is not valid: {first.text}.") from error


def _named(name: str) -> Pretrained:
    from mobilebench.core.errors import BadInput
    from mobilebench.models.weights import sources

    weights = sources.named(name)
    if weights is None:
        raise BadInput(
            f"No pretrained weights are named for {name}: it is built from seeded ones.",
            hint=f"Name some by --url, --sha256 and --licence, or in {sources.file()}.",
        )
    return weights


def _fetch(name: str, weights: Pretrained) -> None:
    from mobilebench.models.weights import fetch as room

    say(f"{name}: {weights.url}")
    say(f"  licence: {weights.licence}")
    if weights.source:
        say(f"  source: {weights.source}")
    folder = room.weights_folder()
    try:
        with _watching(name) as watcher:
            path = room.fetch(weights, folder, watcher)
    except KeyboardInterrupt:
        if kept := room.kept(weights, folder):
            say(f"Interrupted. {decimal_size(kept)} are kept; the same command goes on there.", err=True)
        raise
    say(f"  here: {decimal_size(path.stat().st_size)}, sha256 {weights.sha256}")


def _keep(name: str, weights: Pretrained) -> None:
    from mobilebench.models.weights import sources

    sources.put(name, weights)
    say(f"  named for {name} in {sources.file()}")


def _forget(name: str) -> None:
    from mobilebench.models.weights import fetch as room

    if room.forget(name):
        say(f"{name}: the next build uses seeded weights again.")
    else:
        say(f"{name}: no pretrained weights were in use.")


@contextmanager
def _watching(name: str) -> Iterator[Watcher]:
    """Shows progress as a bar on a terminal and as plain lines elsewhere, on standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield DownloadLines(console, name)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    with Progress(
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield DownloadBar(progress, name)


class DownloadBar:
    """A progress bar with bytes, speed and time left."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name
        self._task = progress.add_task(name, total=None, visible=False)
        self._begun = False

    def say(self, text: str) -> None:
        """Print a line above the bar; timing starts again."""
        self._progress.console.print(harmless(f"  {text}"), markup=False, soft_wrap=True)
        self._begun = False

    def at(self, done: int, total: int | None) -> None:
        """Move the bar."""
        if not self._begun:
            self._progress.reset(self._task, total=total, completed=done, visible=True)
            self._begun = True
        self._progress.update(self._task, completed=done, total=total)


class DownloadLines:
    """Prints a line every few seconds, for logs."""

    EVERY_S = 5.0

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._said = self._since = time.monotonic()
        self._from: int | None = None

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(harmless(f"{self._name}: {text}"), markup=False, soft_wrap=True)
        self._from = None

    def at(self, done: int, total: int | None) -> None:
        """Print a line, if the last one is some seconds old."""
        now = time.monotonic()
        if self._from is None:
            self._from, self._since = done, now
        if now - self._said >= self.EVERY_S and now > self._since:
            speed = (done - self._from) / (now - self._since)
            share = f"of {decimal_size(total)} ({done / total:.0%}), " if total else ""
            line = f"{self._name}: {decimal_size(done)} {share}{decimal_size(speed)}/s"
            self._console.print(line, markup=False, soft_wrap=True)
            self._said = now
