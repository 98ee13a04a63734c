"""Finds and summarises stored runs by name and case, for what looks at several runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilebench.analysis.comparability import engine_name
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Case, RunInfo
from mobilebench.results.places import Place, Where, place_of
from mobilebench.results.store import Store

Wanted = Callable[[Case], bool]
MOST_EARLIER = 20
"""Only the newest of so many earlier runs tell how much a case varies from run to run."""


@dataclass(frozen=True)
class StoredRun:
    """A run of a store."""

    place: Place
    """Where the store is."""
    id: str

    def summary(self, wanted: Wanted) -> RunSummary:
        """The summary of its wanted cases."""
        with Store.open(self.place, create=False) as store:
            keys = [key for key, case in store.cases().get(self.id, {}).items() if wanted(case)]
            return summarise(store.load(self.id, cases=keys))


def find(name: str, where: Where) -> StoredRun:
    """The run with this name in the store there, or in another one: `FOLDER:RUN` or `URL:RUN`.

    Raises:
        BadInput: there is no such store or run.
    """
    other, colon, run = _split(name)
    place = place_of(_expanded(other) if colon else where)
    if colon and isinstance(place.database, Path) and not place.database.is_dir():
        raise BadInput(
            f"There is no folder {other} for the run {name}.",
            hint="Name a run by its id, `last`, `last~1`, FOLDER:RUN for the store in another folder, or URL:RUN.",
        )
    if isinstance(place.database, Path):
        place = Place(place.database.resolve(), place.folder.resolve())
    with Store.open(place, create=False) as store:
        return StoredRun(place, store.resolve(run or "last"))


def _split(name: str) -> tuple[str, str, str]:
    """Store, colon and run. The port of a URL is none of a run's name."""
    other, colon, run = name.rpartition(":")
    return (name, ":", "") if "://" in name and "/" in run else (other, colon, run)


def _expanded(store: str) -> Path | str:
    return store if "://" in store else Path(store).expanduser()


def earlier(runs: Sequence[StoredRun], wanted: Wanted) -> list[RunSummary]:
    """The newest runs of the same stores, older than the newest of these runs, that have a wanted case of theirs."""
    found: list[tuple[RunInfo, Place, frozenset[str]]] = []
    for place in dict.fromkeys(run.place for run in runs):
        with Store.open(place, create=False) as store:
            infos = {info.id: info for info in store.runs()}
            cases = store.cases()
            own = [run.id for run in runs if run.place == place]
            keys = {key for run in own for key, case in cases.get(run, {}).items() if wanted(case)}
            found += [
                (info, place, frozenset(keys & cases.get(info.id, {}).keys()))
                for info in infos.values()
                if info.id not in own
            ]
    newest = _newest(runs)
    chosen = sorted((one for one in found if one[2] and one[0].created_at < newest.created_at), key=_when)
    return [_summary(info, place, keys) for info, place, keys in chosen[-MOST_EARLIER:]]


def _when(one: tuple[RunInfo, Place, frozenset[str]]) -> str:
    return one[0].created_at.isoformat()


def _newest(runs: Sequence[StoredRun]) -> RunInfo:
    infos = []
    for run in runs:
        with Store.open(run.place, create=False) as store:
            infos += [info for info in store.runs() if info.id == run.id]
    return max(infos, key=lambda info: info.created_at)


def _summary(info: RunInfo, place: Place, keys: Collection[str]) -> RunSummary:
    with Store.open(place, create=False) as store:
        return summarise(store.load(info.id, cases=keys))


def filters(
    *, engine: Collection[str] = (), model: Collection[str] = (), target: Collection[str] = (), key: str | None = None
) -> Wanted:
    """Whether a case has one of the values of each filter; an empty filter takes all.

    An engine without a release takes all its releases; `ortjs@current` takes only the current one.
    """

    def wanted(case: Case) -> bool:
        return (
            (key is None or case.key == key)
            and (not engine or any(_is_engine(case.engine, name) for name in engine))
            and (not model or case.model in model)
            and (not target or case.target in target)
        )

    return wanted


def _is_engine(engine: str, name: str) -> bool:
    return engine == name.removesuffix("@current") if "@" in name else engine_name(engine) == name
