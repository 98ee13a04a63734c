"""Imports whole runs into a store, from exports and from other stores: all of them, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import Import, Run
from mobilebench.results.databases import sqlite
from mobilebench.results.places import Where
from mobilebench.results.store import FILE_NAME, Store, StoreError
from mobilebench.results.transfer import reading, writing
from mobilebench.results.transfer.content import content_sha256
from mobilebench.results.transfer.reading import Arrived, Export


@dataclass(frozen=True)
class Outcome:
    """What became of one run of a file."""

    run_id: str
    file: str
    same_as: str | None
    """Id of the run in the store that has the same content, so that it was not imported; None: it was imported."""
    blocks: int
    traces: int
    left_out: list[str]
    """What the exporting store held and the file does not."""


@dataclass(frozen=True)
class _Source:
    """An open export, with the facts of what it was made from."""

    export: Export
    file: str
    sha256: str
    written_by: str | None


def import_runs(where: Where, paths: Sequence[Path], source: str | None) -> list[Outcome]:
    """Import all runs of these exports and folders of stores, in one transaction.

    A run whose content the store has already is left as it is.

    Args:
        where: the store, which is created if there is none.
        paths: files of `mobilebench export`, and folders with a store.
        source: who measured these runs, in the user's words.

    Raises:
        BadInput: a file cannot be imported, or a run's id belongs to other content. Nothing was imported.
        StoreError: the runs could not be stored. Nothing was imported.
    """
    with ExitStack() as stack:
        sources = [stack.enter_context(_opened(path)) for path in dict.fromkeys(paths)]
        store = stack.enter_context(Store.open(where))
        known = _Known(store)
        found = [(one, run, known.same_as(run, one.file)) for one in sources for run in one.export.runs]
        _store(store, [(one, run) for one, run, same_as in found if same_as is None], source)
        return [_outcome(*each) for each in found]


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    if not path.exists():
        raise BadInput(f"There is no {path}.", hint="Name a file of `mobilebench export`, or a folder with results.")
    if not path.is_dir():
        with reading.opened(path) as export:
            yield _Source(export, path.name, export.sha256, export.manifest.mobilebench_version)
        return
    if not (path / FILE_NAME).is_file():
        raise BadInput(f"There are no results in {path}: it has no {FILE_NAME}.", hint="Name the other data folder.")
    with tempfile.TemporaryDirectory(prefix="mobilebench-") as folder:
        copy = Path(folder)
        sqlite.copy(path / FILE_NAME, copy / FILE_NAME)
        sha256 = sha256_of(copy / FILE_NAME)
        with Store.open(copy, create=False) as other:
            (copy / "runs").symlink_to((path / "runs").absolute())
            file = copy / "runs.zip"
            writing.write(other, [info.id for info in other.runs()], file, writing.Wanted())
        with reading.opened(file) as export:
            yield _Source(export, path.resolve().name, sha256, None)


class _Known:
    """The runs of a store and those that are about to be imported, by their content."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun = {info.id: info.created_at for info in store.runs()}
        self._content: dict[str, str] = {}

    def same_as(self, arrived: Arrived, file: str) -> str | None:
        """The id of a run with the same content; None for a run that is new, which is known from now on.

        Raises:
            BadInput: another run has its id.
        """
        info, content = arrived.run.info, arrived.content_sha256
        alike = [run_id for run_id, at in self._begun.items() if run_id == info.id or at == info.created_at]
        for run_id in alike:
            if self._content_of(run_id) == content:
                return run_id
        if info.id in self._begun:
            raise BadInput(
                f"Run {info.id} in {file} has other content than the run of this id in {self._store.name}.",
                hint="Nothing was imported. It may have been resumed since: import it into another folder with --out.",
            )
        self._begun[info.id], self._content[info.id] = info.created_at, content
        return None

    def _content_of(self, run_id: str) -> str:
        if run_id not in self._content:
            self._content[run_id] = content_sha256(self._store.load(run_id, strict=True))
        return self._content[run_id]


def _store(store: Store, new: Sequence[tuple[_Source, Arrived]], source: str | None) -> None:
    now = datetime.now(UTC)
    runs = [(_with_origin(one, arrived, source, now), arrived.events) for one, arrived in new]
    with ExitStack() as undo:

        def write_files() -> None:
            for one, arrived in new:
                for name, member in arrived.files.items():
                    _write(one.export, member, store.run_folder(arrived.run.info.id) / name, undo)

        store.add(runs, write_files)
        undo.pop_all()


def _with_origin(one: _Source, arrived: Arrived, source: str | None, now: datetime) -> Run:
    origin = Import(
        source=source,
        file=one.file,
        file_sha256=one.sha256,
        content_sha256=arrived.content_sha256,
        imported_at=now,
        written_by=one.written_by,
    )
    info = arrived.run.info.model_copy(update={"imports": [*arrived.run.info.imports, origin]})
    return arrived.run.model_copy(update={"info": info})


def _write(export: Export, member: str, target: Path, undo: ExitStack) -> None:
    if target.exists():
        raise BadInput(
            f"{target} exists already, without a run in the store.", hint="Move it away. Nothing was imported."
        )
    try:
        for folder in [one for one in reversed(target.parents) if not one.exists()]:
            folder.mkdir()
            undo.callback(_remove_empty, folder)
        undo.callback(target.unlink, missing_ok=True)
        export.copy(member, target)
    except OSError as error:
        raise StoreError(
            f"{target} could not be written: {error.strerror or error}. Nothing was imported.",
            hint="Free some space, or choose another folder with --out.",
        ) from error


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _outcome(one: _Source, arrived: Arrived, same_as: str | None) -> Outcome:
    traces = sum(name.endswith(".json.gz") for name in arrived.files)
    return Outcome(arrived.run.info.id, one.file, same_as, len(arrived.run.blocks), traces, arrived.left_out)
