"""The only place in which nights open the store of runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from mobilebench.analysis.stored import StoredRun
from mobilebench.analysis.summary import RunSummary
from mobilebench.core.records import Case, Quarantine, Run
from mobilebench.results import quarantine
from mobilebench.results.places import Where, place_of
from mobilebench.results.store import Store


def _existing(where: Where) -> Store | None:
    return Store.existing(where)


def summary(where: Where, run: str, cases: Collection[str] | None = None) -> RunSummary:
    """The summary of a run; of these cases only, by key, if they are given."""
    return StoredRun(place_of(where), run).summary(_wanted(cases))


def _wanted(cases: Collection[str] | None) -> Callable[[Case], bool]:
    return lambda case: cases is None or case.key in cases


def load(where: Where, run: str) -> Run:
    """A whole run. Raises `BadInput` if it is not stored."""
    with Store.open(where, create=False) as store:
        return store.load(run)


def resolve(where: Where, run: str) -> str:
    """The id of the run that this names. Raises `BadInput` if there is none."""
    with Store.open(where, create=False) as store:
        return store.resolve(run)


def begun(where: Where) -> dict[str, datetime]:
    """The id of every run that is stored to when it began; retention may have removed some."""
    store = _existing(where)
    if store is None:
        return {}
    with store:
        return {info.id: info.created_at for info in store.runs()}


def in_quarantine(where: Where) -> list[Quarantine]:
    """The quarantines that hold now."""
    store = _existing(where)
    if store is None:
        return []
    with store:
        return quarantine.in_force(store)
