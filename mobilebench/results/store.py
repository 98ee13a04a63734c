"""The store: a database with raw samples and proof of every block. Each run has only one writer.

Each block is stored in one transaction: it survives `kill -9` once `append` has returned. Verdicts are computed on
read; statistics too, in another package.
"""

from __future__ import annotations

import difflib
import gc
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import ValidationError
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from mobilebench.core.errors import BadInput, ExitCode, MobilebenchError, first_problem
from mobilebench.core.records import (
    Block,
    Case,
    Import,
    ModelFacts,
    Pass,
    PlannedBlock,
    Quarantine,
    Run,
    RunInfo,
    StoredEvent,
    TargetInfo,
)
from mobilebench.results import tables, traces
from mobilebench.results.databases import database_of
from mobilebench.results.databases.base import Database
from mobilebench.results.places import FILE_NAME as FILE_NAME
from mobilebench.results.places import Place, Where, place_of
from mobilebench.verdicts.reading import judge_run

_LAST = re.compile(r"last(?:~(\d{1,6}))?")
_INDICES_AT_ONCE = 500
"""Fewer than the variables that any SQLite allows in one statement."""
_ROWS_AT_ONCE = 5_000
_BLOCKS_AT_ONCE = 100


class StoreError(MobilebenchError):
    """Something could not be stored (full disk, lock, damage). Earlier data stays."""

    exit_code = ExitCode.CASES_FAILED
    run_can_be_resumed = True


class Store:
    """Results in one place: a database, and `runs/<run id>/` in a folder for files that belong to a run."""

    def __init__(self, place: Place, database: Database) -> None:
        self.place = place
        self.database = database

    @classmethod
    def open(cls, where: Where, *, create: bool = True) -> Store:
        """Open the store in a folder (SQLite) or at a URL (PostgreSQL), and bring an older schema up to date.

        A store that is up to date is only read, so opening it neither waits for a run that writes nor holds one up.

        Raises:
            BadInput: it does not exist (with `create=False`), cannot be reached, is damaged or locked, or belongs to a
                newer mobilebench.
        """
        place = place_of(where)
        database = database_of(place)
        try:
            if not create and not database.exists():
                raise BadInput(
                    f"There are no results in {place}.",
                    hint="Measure first (`mobilebench run`), or name the folder with --out, or the store with --store.",
                )
            if isinstance(place.database, Path):
                _make(place.database)
            database.bring_up_to_date()
        except DBAPIError as error:
            database.close()
            why, hint = database.explain(error)
            raise BadInput(f"{why}.", hint=hint) from error
        except BaseException:
            database.close()
            raise
        return cls(place, database)

    @classmethod
    def existing(cls, where: Where) -> Store | None:
        """The store in a place, opened, or None if there is none. Raises `BadInput` as `open` does."""
        place = place_of(where)
        database = database_of(place)
        try:
            if not database.exists():
                return None
        except DBAPIError as error:
            why, hint = database.explain(error)
            raise BadInput(f"{why}.", hint=hint) from error
        finally:
            database.close()
        return cls.open(place, create=False)

    @property
    def folder(self) -> Path:
        """The folder for the files of runs."""
        return self.place.folder

    @property
    def name(self) -> str:
        """The folder or the masked URL."""
        return self.place.name

    def run_folder(self, run_id: str) -> Path:
        """The folder for the files of a run, such as journal and report."""
        return self.folder / "runs" / run_id

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def owning(self, run_id: str, cancel: threading.Event | None = None) -> Iterator[None]:
        """Be the only writer of a run.

        Until the end, writing waits some minutes for a database server that went away, or until `cancel` is set.

        Raises:
            BadInput: another process is writing the run, or the database cannot be reached.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self.database.owning(run_id, cancel or threading.Event()))
            except DBAPIError as error:
                why, hint = self.database.explain(error)
                raise BadInput(f"{why}.", hint=hint) from error
            yield

    # -- writing ---------------------------------------------------------------------------------------------------

    def create_run(self, info: RunInfo, planned: Sequence[PlannedBlock], models: Iterable[ModelFacts] = ()) -> None:
        """Record the request and the known facts about its models, before anything is measured."""
        self.write(
            "the run could not be recorded",
            lambda connection: self._insert_request(connection, info, planned, models),
        )

    def add(self, runs: Iterable[tuple[Run, Sequence[StoredEvent]]], write_files: Callable[[], None]) -> None:
        """Store whole runs of another store with their events, in one transaction: all of them or none.

        Args:
            runs: the runs, whose ids are new here.
            write_files: writes the files of these runs. When it raises, no run is stored.

        Raises:
            StoreError: they could not be stored, or a run of this id is stored already.
        """

        def work(connection: Connection) -> None:
            for run, happened in runs:
                self._insert_request(connection, run.info, run.planned, run.models)
                self._insert_blocks(connection, run.info.id, run.blocks)
                self._insert(connection, tables.events, [tables.event_row(run.info.id, one) for one in happened])
            write_files()

        self.write("nothing was imported", work, repeatable=False)

    def extend_plan(self, run_id: str, further: Sequence[PlannedBlock]) -> None:
        """Record further blocks of a run's cases, before they are measured."""
        self.write(
            "the further rounds could not be recorded", lambda connection: self._plan(connection, run_id, further)
        )

    def keep_models(self, run_id: str, models: Iterable[ModelFacts]) -> None:
        """Record facts about further models of a run. Facts that are already recorded stay."""
        known = list(models)
        self.write(
            "what is known of the models could not be recorded",
            lambda connection: self._keep_models(connection, run_id, known),
        )

    def append(
        self, run_id: str, block: Block, *, instead_of: Block | None = None, completed: Block | None = None
    ) -> None:
        """Store one block in one transaction.

        Args:
            run_id: id of the run.
            block: the block.
            instead_of: the stored block that is replaced; its outcome is kept as an event.
            completed: an earlier block whose `spent_ms` is written again, now with the time that storing it took.

        Raises:
            StoreError: the block could not be stored, or is stored already.
        """

        def work(connection: Connection) -> None:
            if instead_of is not None:
                connection.execute(delete(tables.blocks).where(_is_block(run_id, block)))
                replaced = tables.replaced_event(instead_of, block.ended_at)
                self._insert(connection, tables.events, [tables.event_row(run_id, replaced)])
            self._insert_blocks(connection, run_id, [block])
            _complete(connection, run_id, completed)

        self.write(f"block {block.planned.index} could not be stored", work)

    def add_trace(self, run_id: str, name: str, content: bytes) -> None:
        """Write the file of a trace pass to the run's folder."""
        try:
            traces.write_trace(self.run_folder(run_id), name, content)
        except OSError as error:
            raise StoreError(
                f"Trace {name} could not be stored in {self.run_folder(run_id)}: {error.strerror or error}.",
                hint="Free some space. What was stored stays.",
            ) from error

    def add_event(self, run_id: str, kind: str, *, at: datetime, target: str | None, data: Mapping[str, Any]) -> None:
        """Store an event that the blocks do not show, such as a lost target or a retry."""
        event = StoredEvent(at=at, kind=kind, target=target, data=dict(data))
        self.write(
            f"event {kind} could not be stored",
            lambda connection: self._insert(connection, tables.events, [tables.event_row(run_id, event)]),
        )

    def finish(
        self,
        run_id: str,
        status: Literal["running", "finished", "interrupted"],
        *,
        at: datetime | None = None,
        completed: Block | None = None,
    ) -> None:
        """Set how a run ended, or `running` when it is resumed. `completed` is as for `append`."""
        finished_at = None if status == "running" else at or datetime.now(UTC)

        def work(connection: Connection) -> None:
            query = update(tables.runs).where(tables.runs.c.id == run_id)
            connection.execute(query.values(status=status, finished_at=finished_at))
            _complete(connection, run_id, completed)

        self.write("the run's end could not be recorded", work)

    def add_quarantine(self, one: Quarantine) -> None:
        """Record that a phone is left out (see `results.quarantine`)."""
        self.write(
            "the quarantine could not be recorded",
            lambda connection: self._insert(connection, tables.quarantines, [one.model_dump()]),
        )

    def lift_quarantines(self, lifted: Collection[Quarantine], at: datetime) -> None:
        """Record that these quarantines were ended early."""
        of = tables.quarantines.c

        def work(connection: Connection) -> None:
            for one in lifted:
                same = (of.serial == one.serial) & (of.added_at == one.added_at) & (of.until == one.until)
                connection.execute(update(tables.quarantines).where(same).values(lifted_at=at))

        self.write("the quarantine could not be lifted", work)

    # -- reading ---------------------------------------------------------------------------------------------------

    def runs(self) -> list[RunInfo]:
        """Every run, oldest first."""
        with self.reading() as connection:
            infos = connection.execute(select(tables.runs).order_by(tables.runs.c.created_at, tables.runs.c.id)).all()
            found = connection.execute(select(tables.targets).order_by(tables.targets.c.position)).all()
            imported = connection.execute(select(tables.imports).order_by(tables.imports.c.position)).all()
        targets: dict[str, list[TargetInfo]] = defaultdict(list)
        for row in found:
            targets[row.run_id].append(TargetInfo.model_validate(row.info))
        imports: dict[str, list[Import]] = defaultdict(list)
        for row in imported:
            imports[row.run_id].append(tables.to_import(row))
        return [tables.to_run_info(row, targets[row.id], imports[row.id]) for row in infos]

    def state(self) -> tuple[object, ...]:
        """What is stored, in few rows: it is another one when a run was added, began again, ended or was removed, a
        running one got a block or an event, or a quarantine was added or lifted.
        """
        of, running = tables.runs.c, select(tables.runs.c.id).where(tables.runs.c.status == "running")
        kept = tables.quarantines.c
        with self.reading() as connection:
            runs = connection.execute(select(of.id, of.status, of.finished_at).order_by(of.id)).all()
            grown = [
                connection.execute(select(func.count()).select_from(one).where(one.c.run_id.in_(running))).scalar_one()
                for one in (tables.blocks, tables.events)
            ]
            quarantines = connection.execute(select(kept.id, kept.lifted_at).order_by(kept.id)).all()
        return tuple(map(tuple, runs)), *grown, tuple(map(tuple, quarantines))

    def resolve(self, name: str) -> str:
        """The id of a run that is named by its id, a unique beginning of it, `last`, or `last~1` (the one before).

        Raises:
            BadInput: the name fits no run or several.
        """
        if self._has(name):
            return name
        known = [info.id for info in self.runs()]
        if not known:
            raise BadInput(f"There is no run in {self.name} yet.", hint="Measure first: `mobilebench run`.")
        if counted := _LAST.fullmatch(name):
            back = int(counted[1] or 0)
            if back < len(known):
                return known[-1 - back]
            raise BadInput(
                f"There is no run {name} in {self.name}: it has {len(known)} run{'' if len(known) == 1 else 's'}.",
                hint="`mobilebench results` lists all runs.",
            )
        matches = [run_id for run_id in known if name and run_id.startswith(name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise BadInput(
                f"Several runs begin with {name}: {', '.join(matches[-5:])}.", hint="Give more of the run's id."
            )
        close = difflib.get_close_matches(name, known, n=3) or known[-3:]
        raise BadInput(
            f"There is no run {name} in {self.name}.",
            hint=f"Did you mean {' or '.join(close)}? `mobilebench results` lists all runs; `last` is the newest one.",
        )

    def _has(self, run_id: str) -> bool:
        with self.reading() as connection:
            found = connection.execute(select(tables.runs.c.id).where(tables.runs.c.id == run_id))
            return found.first() is not None

    def cases(self) -> dict[str, dict[str, Case]]:
        """Run id to the planned cases by key, for every run, oldest first."""
        query = (
            select(tables.cases)
            .join(tables.runs, tables.runs.c.id == tables.cases.c.run_id)
            .order_by(tables.runs.c.created_at, tables.runs.c.id, tables.cases.c.id)
        )
        found: dict[str, dict[str, Case]] = {}
        with self.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.run_id, {})[row.key] = tables.to_case(row)
        return found

    def load(self, run_id: str, *, cases: Collection[str] | None = None, strict: bool = False) -> Run:
        """A run with all its blocks, in the order of the plan, judged by the rules of this version.

        A block of which the store holds impossible values, such as a time that is not a number, is a failed block with
        this reason.

        Args:
            run_id: anything that `resolve` understands.
            cases: keys of the cases whose blocks the run has; None for all.
            strict: refuse a run with such a block, because it is to be copied without loss.

        Raises:
            BadInput: there is no such run, or `strict` and a block has impossible values.
        """
        run_id = self.resolve(run_id)
        with _without_garbage_collection(), self.reading() as connection:
            info = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).one()
            targets = _of_run(connection, tables.targets, run_id, "position")
            imports = _of_run(connection, tables.imports, run_id, "position")
            by_id = {row.id: row for row in _of_run(connection, tables.cases, run_id, "id")}
            models = sorted(_of_run(connection, tables.models, run_id), key=_key_of_model)
            plan = _of_run(connection, tables.planned, run_id, "index")
            only = None
            if cases is not None:
                plan = [row for row in plan if by_id[row.case_id].key in cases]
                only = [_index(row) for row in plan]
            blocks = _of_blocks(connection, tables.blocks, run_id, only, "index")
            samples = _samples(connection, run_id, only)
            series = _grouped(_of_blocks(connection, tables.series, run_id, only, "index", "position"))
            planned = {_index(row): tables.to_planned(row, by_id[row.case_id]) for row in plan}
            stored = Run(
                info=tables.to_run_info(
                    info, [TargetInfo.model_validate(row.info) for row in targets], list(map(tables.to_import, imports))
                ),
                planned=list(planned.values()),
                blocks=[
                    _block(row, samples[_index(row)], series[_index(row)], planned[_index(row)], strict=strict)
                    for row in blocks
                ],
                models=[tables.to_model(row) for row in models],
            )
            return judge_run(stored)

    def quarantines(self) -> list[Quarantine]:
        """Every quarantine, oldest first, including those that have ended."""
        with self.reading() as connection:
            found = connection.execute(select(tables.quarantines).order_by(tables.quarantines.c.id)).all()
        return [tables.to_quarantine(row) for row in found]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """The events of a run as flat dicts, oldest first."""
        found = self.stored_events(run_id)
        return [{"at": one.at, "kind": one.kind, "target": one.target, **one.data} for one in found]

    def stored_events(self, run_id: str) -> list[StoredEvent]:
        """The events of a run as they are stored, oldest first."""
        with self.reading() as connection:
            return [tables.to_event(row) for row in _of_run(connection, tables.events, self.resolve(run_id), "id")]

    def block_seconds(self, keys: Iterable[str]) -> dict[tuple[str, Pass], list[float]]:
        """How long earlier measured blocks of these case keys took in each pass, without waiting; newest first.

        Imported runs do not count: their targets have the same names, but are other machines.
        """
        chosen: BindParameter[list[str]] = bindparam("keys", sorted(set(keys)), expanding=True)
        query = (
            select(
                tables.cases.c.key,
                tables.planned.c["pass"].label("pass_"),
                tables.blocks.c.started_at,
                tables.blocks.c.ended_at,
                tables.blocks.c.spent_ms,
            )
            .join(tables.planned, tables.planned.c.case_id == tables.cases.c.id)
            .join(
                tables.blocks,
                (tables.blocks.c.run_id == tables.planned.c.run_id) & (tables.blocks.c.index == tables.planned.c.index),
            )
            .where(tables.cases.c.key.in_(chosen), tables.blocks.c.outcome == "measured")
            .where(tables.cases.c.run_id.not_in(select(tables.imports.c.run_id)))
            .order_by(tables.blocks.c.started_at.desc())
        )
        found: dict[tuple[str, Pass], list[float]] = defaultdict(list)
        with self.reading() as connection:
            for row in connection.execute(query):
                seconds = (row.ended_at - row.started_at).total_seconds() - row.spent_ms.get("gate", 0) / 1000
                found[row.key, row.pass_].append(max(seconds, 0.0))
        return dict(found)

    # -- how -------------------------------------------------------------------------------------------------------

    def write(self, failure: str, work: Callable[[Connection], None], *, repeatable: bool = True) -> None:
        """Do work in one transaction; `repeatable` is as for the database.

        Raises:
            StoreError: it failed. `failure` says what was not done, as a clause.
        """
        try:
            self.database.write(work, repeatable=repeatable)
        except DBAPIError as error:
            why, hint = self.database.explain(error)
            raise StoreError(f"{why}: {failure}.", hint=hint) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state of the store. Raises `BadInput` when that fails."""
        try:
            with self.database.reading() as connection:
                yield connection
        except DBAPIError as error:
            why, hint = self.database.explain(error)
            raise BadInput(f"{why}.", hint=hint) from error

    def _insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        self.database.insert(connection, table, rows)

    def _insert_request(
        self, connection: Connection, info: RunInfo, planned: Sequence[PlannedBlock], models: Iterable[ModelFacts]
    ) -> None:
        self._insert(connection, tables.runs, [tables.run_row(info)])
        self._insert(
            connection, tables.targets, [tables.target_row(info.id, *item) for item in enumerate(info.targets)]
        )
        self._insert(connection, tables.imports, list(tables.import_rows(info)))
        self._keep_models(connection, info.id, models)
        distinct = {block.case.key: block.case for block in planned}
        self._insert(connection, tables.cases, [tables.case_row(info.id, case) for case in distinct.values()])
        self._plan(connection, info.id, planned)

    def _plan(self, connection: Connection, run_id: str, planned: Sequence[PlannedBlock]) -> None:
        """Insert planned blocks, whose cases are recorded."""
        ids = {row.key: row.id for row in _of_run(connection, tables.cases, run_id, "id")}
        rows = [tables.planned_row(run_id, ids[block.case.key], block) for block in planned]
        self._insert(connection, tables.planned, rows)

    def _insert_blocks(self, connection: Connection, run_id: str, blocks: Sequence[Block]) -> None:
        for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
            some = blocks[start : start + _BLOCKS_AT_ONCE]
            self._insert(connection, tables.blocks, [tables.block_row(run_id, block) for block in some])
            for table, rows_of in ((tables.samples, tables.sample_rows), (tables.series, tables.series_rows)):
                self._insert(connection, table, [row for block in some for row in rows_of(run_id, block)])

    def _keep_models(self, connection: Connection, run_id: str, models: Iterable[ModelFacts]) -> None:
        known = {(row.model, row.precision, row.batch) for row in _of_run(connection, tables.models, run_id)}
        new = {facts.key: facts for facts in models if facts.key not in known}
        self._insert(connection, tables.models, [tables.model_row(run_id, facts) for facts in new.values()])


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"Results cannot be stored in {folder}: {error.strerror}.",
            hint="Choose a folder that you may write with --out.",
        ) from error


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Reading a large run creates millions of objects that stay; searching them for garbage takes most of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _key_of_model(row: Row[Any]) -> tuple[str, str, int]:
    """Sorts models alike in every database: each has its own order of texts."""
    return row.model, row.precision, row.batch


def _is_block(run_id: str, block: Block) -> ColumnElement[bool]:
    return (tables.blocks.c.run_id == run_id) & (tables.blocks.c.index == block.planned.index)


def _complete(connection: Connection, run_id: str, completed: Block | None) -> None:
    if completed is not None:
        query = update(tables.blocks).where(_is_block(run_id, completed))
        connection.execute(query.values(spent_ms=completed.spent_ms))


def _of_run(connection: Connection, table: Table, run_id: str, *order: str) -> Sequence[Row[Any]]:
    query = select(table).where(table.c.run_id == run_id).order_by(*(table.c[name] for name in order))
    return connection.execute(query).all()


def _of_blocks(
    connection: Connection, table: Table, run_id: str, only: Sequence[int] | None, *order: str
) -> Sequence[Row[Any]]:
    """Rows of a run, or only those of the blocks with these indices."""
    query = select(table).where(table.c.run_id == run_id).order_by(*(table.c[name] for name in order))
    return [row for rows in _rows_of_blocks(connection, query, table, only) for row in rows]


def _block(
    row: Row[Any], times: tables.BlockTimes, series: Sequence[Row[Any]], planned: PlannedBlock, *, strict: bool
) -> Block:
    try:
        return tables.to_block(row, times, series, planned)
    except ValidationError as error:
        reason = f"the store holds impossible values of it ({first_problem(error).sentence()})"
        if strict:
            raise BadInput(
                f"Block {planned.index} of run {row.run_id} cannot be copied: {reason}.",
                hint="The file of the store was damaged or changed; the run's other blocks can still be shown.",
            ) from error
        return Block(planned=planned, outcome="failed", reason=reason, started_at=row.started_at, ended_at=row.ended_at)


def _samples(connection: Connection, run_id: str, only: Sequence[int] | None) -> dict[int, tables.BlockTimes]:
    """Index of a block to its times. Rows are not kept: a run may have millions."""
    of = tables.samples.c
    query = select(of.index, of.stage, of.part, of.value_ms).where(of.run_id == run_id)
    found: dict[int, tables.BlockTimes] = defaultdict(tables.BlockTimes)
    ordered = query.order_by(of.index, of.stage, of.position)
    for rows in _rows_of_blocks(connection, ordered, tables.samples, only):
        for index, stage, part, value in rows:
            if stage == "setup":
                found[index].setup_ms[part] = value
            else:
                found[index].of_inferences[stage].append(value)
    return found


def _rows_of_blocks(
    connection: Connection, query: Select[Any], table: Table, only: Sequence[int] | None
) -> Iterator[Sequence[Any]]:
    """The rows in parts of some thousands."""
    if only is None:
        yield from connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions()
        return
    for start in range(0, len(only), _INDICES_AT_ONCE):
        chosen = only[start : start + _INDICES_AT_ONCE]
        yield from connection.execute(query.where(table.c.index.in_(chosen))).partitions(_ROWS_AT_ONCE)


def _grouped(found: Sequence[Row[Any]]) -> dict[int, list[Row[Any]]]:
    groups: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in found:
        groups[_index(row)].append(row)
    return groups


def _index(row: Row[Any]) -> int:
    return int(row._mapping["index"])  # `row.index` is the tuple's method
