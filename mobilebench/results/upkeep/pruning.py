"""Removes old runs from a store, with their files."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, delete

from mobilebench.core.errors import BadInput
from mobilebench.core.records import RunInfo
from mobilebench.results.store import Store, StoreError
from mobilebench.results.upkeep import rows

BASELINES = "baselines"
_SUITE = "suite:"


@dataclass(frozen=True)
class Choice:
    """A run that is old enough to go."""

    info: RunInfo
    kept: str | None
    """Why it stays, as a clause; None: it goes."""


def choose(
    store: Store, before: datetime, keep: Collection[str], *, baselines: Mapping[str, str] = MappingProxyType({})
) -> list[Choice]:
    """The runs that were begun before a time, oldest first, with those that stay nevertheless.

    Args:
        store: the store.
        before: runs that were begun at this time or later are not among them.
        keep: what stays: `baselines` (the newest finished run of each suite on each target, with which the next one
            is compared), `suite:NAME`, and names of runs.
        baselines: further runs that `baselines` means, with the reason for each.

    Raises:
        BadInput: a name to keep fits no run.
    """
    infos = store.runs()
    reasons: dict[str, str] = {}
    for word in keep:
        if word == BASELINES:
            reasons |= baselines
            for info, why in _baselines(infos):
                reasons.setdefault(info.id, why)
        elif word.startswith(_SUITE):
            suite = word.removeprefix(_SUITE)
            reasons |= {info.id: f"suite {suite} is kept" for info in infos if info.suite == suite}
        else:
            reasons[store.resolve(word)] = "it was named"
    return [Choice(info, reasons.get(info.id)) for info in infos if info.created_at < before]


def _baselines(infos: Sequence[RunInfo]) -> list[tuple[RunInfo, str]]:
    newest: dict[tuple[str, str], RunInfo] = {}
    for info in infos:
        if info.status == "finished":
            newest |= {(info.suite, target.id): info for target in info.targets}
    return [(info, f"the newest of suite {suite} on {target}") for (suite, target), info in newest.items()]


def remove(store: Store, run_id: str) -> None:
    """Remove a run in one transaction, and then its files.

    Raises:
        BadInput: another process is writing the run.
        StoreError: it could not be removed.
    """
    folder = rows.folder_of(store, run_id)

    def work(connection: Connection) -> None:
        for table in reversed(rows.TABLES):
            connection.execute(delete(table).where(rows.of_run(table) == run_id))

    with store.owning(run_id):
        store.write(f"run {run_id} was not removed", work)
    if folder.is_symlink():
        raise BadInput(f"{folder} is a link, and was left there.", hint="Remove it yourself; its run is gone.")
    if folder.is_dir():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StoreError(
                f"Run {run_id} was removed, but not all its files in {folder}: {error.strerror or error}.",
                hint="Remove that folder yourself.",
            ) from error
