"""`mobilebench site`: the history of a store as static pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli.output import say, split
from mobilebench.cli.results import Out, StoreAt, open_store

if TYPE_CHECKING:
    from mobilebench.analysis.over_nights import Night
    from mobilebench.results.store import Store

Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", metavar="NAME", help="Only runs of these suites; by default of all."),
]
Newest = Annotated[
    int | None,
    typer.Option("--nights", min=1, metavar="N", help="Only the newest N of these runs; by default all."),
]
Anonymise = Annotated[
    bool,
    typer.Option(
        "--anonymise",
        help="Put pseudonyms such as phone-1 in place of serials, addresses, host and user names.",
    ),
]


def site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the pages; it is created.")],
    suite: Suites = None,
    newest: Newest = None,
    anonymise: Anonymise = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Write the history of all runs as pages: curves over nights, changes of level, and what changed in that night.

    The pages need no server and no other file: open index.html, or put the folder on any web server. A second call
    writes only the pages that changed. A folder with other files is refused.

    Examples:

    - `mobilebench site history`

    - `mobilebench site /srv/www/bench --suite nightly --anonymise`

    - `mobilebench site history --store postgresql://lab@db.example/bench`
    """
    from mobilebench.core.sizes import decimal_size
    from mobilebench.site import folder as pages
    from mobilebench.site import names
    from mobilebench.site.contents import Contents

    with open_store(out, store_at) as store, _counted("runs are read") as shown:
        nights = Reader(store, split(suite), newest, anonymise=anonymise, progress=shown)({})
    folder = folder.expanduser()
    with _counted("pages are looked at") as shown:
        written = pages.write(Contents(nights), folder, shown)
    say(folder / names.START)
    say(
        f"{written.written} pages were written ({decimal_size(written.bytes)}), {written.unchanged} did not change, "
        f"{written.removed} were removed."
    )


@contextmanager
def _counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yields a function that shows how many were done, of how many, while a person watches."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _done, _all: None
        return
    with console.status("") as status:
        yield lambda done, count: status.update(f"{done} of {count} {what}")


class Reader:
    """Reads the nights of a store, given those that are known, with the phones that nights of its folder skipped."""

    def __init__(
        self,
        store: Store,
        suites: Sequence[str],
        newest: int | None,
        *,
        anonymise: bool,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> None:
        from mobilebench.nights.skipped import SkippedPhones

        self._store = store
        self._suites = suites
        self._newest = newest
        self._anonymise = anonymise
        self._progress = progress
        self._skipped = SkippedPhones(store.folder)

    def state(self) -> object:
        """What there is to read: as long as it is equal, nothing changed."""
        return self._store.state(), self._skipped.state()

    def __call__(self, known: Mapping[str, Night]) -> tuple[Night, ...]:
        from mobilebench.analysis.over_nights import LeftOut, nights

        anonymiser = None
        if self._anonymise:
            from mobilebench.results.anonymous import Anonymiser

            anonymiser = Anonymiser(self._store.runs())
        skipped = {
            run: [LeftOut(one.id, _WHAT.get(one.outcome, one.outcome), one.words or _UNKNOWN) for one in phones]
            for run, phones in self._skipped.by_run().items()
        }
        return nights(
            self._store,
            suites=self._suites,
            newest=self._newest,
            known=known,
            anonymiser=anonymiser,
            skipped=skipped,
            progress=self._progress,
        )


_WHAT = {"quarantined": "in quarantine"}
_UNKNOWN = "no reason is known"
