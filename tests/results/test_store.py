from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import Block, ModelFacts, Series
from mobilebench.results import quarantine, tables
from mobilebench.results.databases import schema, sqlite
from mobilebench.results.places import Place
from mobilebench.results.store import FILE_NAME, Store, StoreError
from tests.pinning import Pinned

from .making import (
    START,
    blocks_of,
    case,
    errors_of_opening_at_once,
    failed,
    host,
    measured,
    phone,
    planned,
    planned_blocks,
    run_info,
    unsupported,
)

RUN = "20261121-120000-ab12"
SAMPLE = {"index": [0], "value": [1.0]}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def kept_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """One of each kind for all tests that do not mind what else is in it."""
    folder = tmp_path_factory.mktemp("kept")
    is_file = request.param == "sqlite"
    with Store.open(folder if is_file else Place(request.getfixturevalue("server").create(), folder)) as opened:
        yield opened


@pytest.fixture
def store(place: Place):
    """In each kind of database."""
    with Store.open(place) as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path: Path, empty_store: Path):
    shutil.copy(empty_store, tmp_path)
    with Store.open(tmp_path) as opened:
        yield opened


def raw(blocks: Sequence[Block]) -> list[Block]:
    """Blocks as they are stored: verdicts are computed on reading."""
    return [block.model_copy(update={"verdict": None}) for block in blocks]


def test_what_was_requested_is_there_before_anything_is_measured(store: Store) -> None:
    plan = [planned(0), planned(1, target="R58M"), planned(2, round=1)]
    store.create_run(run_info(RUN, host(), phone()), plan)

    run = store.load(RUN)

    assert run.info == run_info(RUN, host(), phone())
    assert run.planned == plan
    assert run.blocks == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.slow
def test_every_block_comes_back_as_it_was_stored(kept_store: Store, data: st.DataObject) -> None:
    plan = [data.draw(planned_blocks(index)) for index in range(3)]
    blocks = [data.draw(blocks_of(block)) for block in plan]
    # What becomes of NUL in PostgreSQL is tested there.
    assume(kept_store.database.kind == "SQLite" or "\\x00" not in repr(blocks))
    run_id = uuid.uuid4().hex
    kept_store.create_run(run_info(run_id), plan)
    for block in reversed(blocks):
        kept_store.append(run_id, block)
    stored = kept_store.load(run_id)
    loaded = raw(stored.blocks)

    assert stored.planned == plan
    assert loaded == blocks
    for mine, theirs in zip(blocks, loaded, strict=True):
        if mine.measurement and theirs.measurement:
            assert list(mine.measurement.setup_ms) == list(theirs.measurement.setup_ms)


def test_it_outlives_the_process_that_wrote_it(store: Store) -> None:
    store.create_run(run_info(RUN), [planned(0)])
    store.append(RUN, measured(planned(0)))
    store.close()

    with Store.open(store.place, create=False) as again:
        assert raw(again.load(RUN).blocks) == raw([measured(planned(0))])


def test_a_plan_can_be_extended_by_blocks_of_its_cases(store: Store) -> None:
    store.create_run(run_info(RUN), [planned(0)])
    store.append(RUN, measured(planned(0)))
    store.extend_plan(RUN, [planned(1, 1), planned(2, 2)])

    assert store.load(RUN).planned == [planned(0), planned(1, 1), planned(2, 2)]
    store.append(RUN, measured(planned(2, 2)))
    assert [block.planned.index for block in store.load(RUN).blocks] == [0, 2]


def test_a_block_is_stored_once(file_store: Store, pinned: Pinned) -> None:
    file_store.create_run(run_info(RUN), [planned(0)])
    file_store.append(RUN, measured(planned(0)))

    with pinned.raises(StoreError):
        file_store.append(RUN, failed(planned(0)))

    assert raw(file_store.load(RUN).blocks) == raw([measured(planned(0))])


def test_a_block_of_no_plan_is_refused(store: Store) -> None:
    store.create_run(run_info(RUN), [planned(0)])
    with pytest.raises(StoreError):
        store.append(RUN, measured(planned(99)))


class TestModels:
    FACTS = ModelFacts(
        model="m",
        precision="fp32",
        batch=1,
        reference=[{"name": "y", "shape": [1], "l1": 1, "l2": 1, "max": 1, "digest": "0", "sample": SAMPLE}],
        tolerance=1e-4,
        half_precision_tolerance=2e-2,
        stateful=True,
    )

    def test_what_is_known_of_them_is_kept_with_the_run(self, store: Store) -> None:
        store.create_run(run_info(RUN), [planned(0)], [self.FACTS])
        assert store.load(RUN).models == [self.FACTS]

    def test_a_later_sitting_adds_models_and_changes_none(self, store: Store) -> None:
        store.create_run(run_info(RUN), [planned(0)], [self.FACTS])
        changed, other = (self.FACTS.model_copy(update=one) for one in ({"tolerance": 0.5}, {"batch": 8}))
        store.keep_models(RUN, [changed, other])
        assert store.load(RUN).models == [self.FACTS, other]


def test_how_long_storing_took_is_stored_with_the_next_block_or_the_end(store: Store) -> None:
    store.create_run(run_info(RUN), [planned(0), planned(1)])
    blocks = [measured(planned(0)), measured(planned(1))]
    timed = [
        block.model_copy(update={"spent_ms": {**block.spent_ms, "store": took}})
        for block, took in zip(blocks, (1.625, 2.5), strict=True)
    ]
    store.append(RUN, blocks[0])
    assert raw(store.load(RUN).blocks) == raw(blocks[:1])
    store.append(RUN, blocks[1], completed=timed[0])
    assert raw(store.load(RUN).blocks) == raw([timed[0], blocks[1]])
    store.finish(RUN, "finished", completed=timed[1])
    assert raw(store.load(RUN).blocks) == raw(timed)


def test_how_a_run_ended(store: Store) -> None:
    store.create_run(run_info(RUN), [])
    store.finish(RUN, "interrupted", at=START)
    assert (store.load(RUN).info.status, store.load(RUN).info.finished_at) == ("interrupted", START)
    store.finish(RUN, "running")
    assert (store.load(RUN).info.status, store.load(RUN).info.finished_at) == ("running", None)


def test_events_are_kept_in_order(store: Store) -> None:
    store.create_run(run_info(RUN), [])
    store.add_event(RUN, "TargetLost", at=START, target="R58M", data={"reason": "unplugged"})
    store.add_event(RUN, "RunFinished", at=START, target=None, data={})

    assert store.events(RUN) == [
        {"at": START, "kind": "TargetLost", "target": "R58M", "reason": "unplugged"},
        {"at": START, "kind": "RunFinished", "target": None},
    ]


def test_the_state_is_another_one_after_each_change_and_the_same_without(store: Store) -> None:
    seen = [store.state()]

    def changed() -> None:
        assert store.state() != seen[-1]
        assert store.state() == store.state()
        seen.append(store.state())

    store.create_run(run_info(RUN), [planned(0), planned(1)])
    changed()
    store.append(RUN, failed(planned(0)))
    changed()
    store.add_event(RUN, "Told", at=START, target=None, data={})
    changed()
    store.finish(RUN, "finished", at=START)
    changed()
    store.finish(RUN, "running")
    changed()
    store.append(RUN, failed(planned(0), "again"), instead_of=store.load(RUN).blocks[0])
    changed()
    one = quarantine.add(store, phone("R58M"), START + timedelta(hours=1), "its cable", now=START)
    changed()
    store.lift_quarantines([one], START)
    changed()


class TestNames:
    @pytest.fixture(autouse=True)
    def three_runs(self, file_store: Store) -> None:
        for days, run_id in enumerate(["20261121-120000-ab12", "20261121-130000-cd34", "20261122-120000-ef56"]):
            file_store.create_run(run_info(run_id, at=START + timedelta(days=days)), [])

    def test_last_is_the_newest(self, file_store: Store) -> None:
        assert file_store.load("last").info.id == "20261122-120000-ef56"

    def test_a_unique_beginning_is_enough(self, file_store: Store) -> None:
        assert file_store.resolve("20261122") == "20261122-120000-ef56"

    def test_an_ambiguous_beginning_lists_the_runs(self, file_store: Store, pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            file_store.resolve("20261121")

    def test_an_unknown_run_suggests_close_ones(self, file_store: Store, pinned: Pinned) -> None:
        with pinned.raises(BadInput) as raised:
            file_store.resolve("20261121-120000-ab13")
        assert "20261121-120000-ab12" in str(raised.value.hint)

    def test_runs_are_listed_oldest_first(self, file_store: Store) -> None:
        assert [info.id[:8] for info in file_store.runs()] == ["20261121", "20261121", "20261122"]
        assert file_store.runs()[0].targets == [host()]


def test_no_run_at_all(file_store: Store, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        file_store.load("last")


def test_earlier_blocks_tell_how_long_a_case_takes_without_the_gate(store: Store) -> None:
    store.create_run(run_info(RUN), [planned(0), planned(1, batch=2), planned(2, batch=3)])
    store.append(RUN, measured(planned(0)))
    store.append(RUN, unsupported(planned(1, batch=2)))

    keys = [case().key, case(batch=2).key, case(batch=3).key]
    assert store.block_seconds(keys) == {(case().key, "timing"): [1.5]}


def test_passes_of_a_case_take_times_of_their_own(store: Store) -> None:
    watched = planned(1).model_copy(update={"pass_": "kernels"})
    store.create_run(run_info(RUN), [planned(0), watched])
    store.append(RUN, measured(planned(0)))
    store.append(RUN, measured(watched).model_copy(update={"ended_at": START + timedelta(seconds=4)}))

    assert store.block_seconds([case().key]) == {(case().key, "timing"): [1.5], (case().key, "kernels"): [3.5]}


class TestSchema:
    def test_the_tables_are_those_of_the_migrations(self, store: Store) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        with store.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []

    def test_the_newest_migration_is_the_schema(self) -> None:
        from alembic.script import ScriptDirectory

        assert ScriptDirectory(str(schema.MIGRATIONS)).get_heads() == [schema.SCHEMA]

    def test_a_store_from_before_there_were_passes_is_brought_up_to_date(self, tmp_path: Path) -> None:
        _as_it_was(tmp_path)

        with Store.open(tmp_path) as store:
            run = store.load(RUN)
            store.append(RUN, failed(run.planned[1]))

        assert run.planned == [planned(0), planned(1, round=1)]
        assert raw(run.blocks) == raw([measured(planned(0))])

    def test_a_store_from_before_faults_had_names_keeps_its_sentences(self, tmp_path: Path) -> None:
        _as_it_was(tmp_path, "0002")
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            connection.execute(
                "UPDATE blocks SET outcome = 'failed', reason = 'it died', verdict = NULL, measurement = NULL"
            )

        with Store.open(tmp_path) as store:
            run = store.load(RUN)
            store.append(RUN, failed(run.planned[1], fault="hang"))
            found = [(block.fault, block.reason) for block in store.load(RUN).blocks]

        assert found == [(None, "it died"), ("hang", "the runner died")]

    def test_series_of_a_store_that_called_recorders_probes_are_kept(self, tmp_path: Path) -> None:
        _as_it_was(tmp_path, "0006")
        _execute(
            tmp_path,
            'INSERT INTO series (run_id, "index", position, probe, name, unit, times_ms, "values")'
            " VALUES (?, 0, 0, 'load', 'load_1min', 'processes', '[0.0, 900.5]', '[1.5, 1.25]')",
            (RUN,),
        )

        with Store.open(tmp_path) as store:
            found = store.load(RUN).blocks[0].series

        expected = Series(
            recorder="load", name="load_1min", unit="processes", times_ms=[0.0, 900.5], values=[1.5, 1.25]
        )
        assert found == [expected]

    def test_an_upgrade_that_was_cut_short_leaves_the_old_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _as_it_was(tmp_path)

        def cut(connection: object) -> None:
            _upgrade(connection)
            raise KeyboardInterrupt

        _upgrade = schema._upgrade
        monkeypatch.setattr(schema, "_upgrade", cut)
        with pytest.raises(KeyboardInterrupt):
            Store.open(tmp_path)
        assert _execute(tmp_path, "SELECT version_num FROM alembic_version") == [("0001",)]

        monkeypatch.undo()
        with Store.open(tmp_path) as store:
            assert raw(store.load(RUN).blocks) == raw([measured(planned(0))])

    def test_a_newer_schema_is_refused_and_left_alone(self, tmp_path: Path, pinned: Pinned) -> None:
        Store.open(tmp_path).close()
        _execute(tmp_path, "UPDATE alembic_version SET version_num = '0042'")

        with pinned.raises(BadInput) as raised:
            Store.open(tmp_path)

        assert raised.value.exit_code == ExitCode.BAD_INPUT
        assert _execute(tmp_path, "SELECT version_num FROM alembic_version") == [("0042",)]

    def test_opening_at_the_same_time_creates_one_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 60.0)  # how long the first one takes is not looked at
        assert errors_of_opening_at_once(tmp_path) == []

    def test_a_creation_that_was_cut_short_leaves_no_half_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cut(connection: object) -> None:
            _upgrade(connection)
            raise KeyboardInterrupt

        _upgrade = schema._upgrade
        monkeypatch.setattr(schema, "_upgrade", cut)
        with pytest.raises(KeyboardInterrupt):
            Store.open(tmp_path)
        assert _execute(tmp_path, "SELECT name FROM sqlite_master") == []

        monkeypatch.undo()
        with Store.open(tmp_path) as store:
            assert store.runs() == []


class TestBadFiles:
    def test_no_results(self, tmp_path: Path, pinned: Pinned) -> None:
        with pinned.raises(BadInput):
            Store.open(tmp_path, create=False)
        assert list(tmp_path.iterdir()) == []

    def test_not_a_database(self, tmp_path: Path, pinned: Pinned) -> None:
        (tmp_path / FILE_NAME).write_text("these are not the results that you are looking for\n" * 100)
        with pinned.raises(BadInput):
            Store.open(tmp_path)

    def test_a_truncated_store(self, file_store: Store) -> None:
        file_store.create_run(run_info(RUN), [planned(index) for index in range(400)])
        file_store.close()
        whole = (file_store.folder / FILE_NAME).read_bytes()
        (file_store.folder / FILE_NAME).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadInput, match="damaged"), Store.open(file_store.place) as again:
            again.load(RUN)

    @pytest.mark.parametrize("value", ["9e999", "'NaN'", "-1"])
    def test_an_impossible_time_spoils_only_its_block(self, file_store: Store, value: str) -> None:
        file_store.create_run(run_info(RUN), [planned(0), planned(1)])
        file_store.append(RUN, measured(planned(0)))
        file_store.append(RUN, measured(planned(1)))
        file_store.close()
        _execute(file_store.folder, f'UPDATE samples SET value_ms = {value} WHERE "index" = 0')
        with Store.open(file_store.place) as again:
            spoilt, other = again.load(RUN).blocks
            assert (spoilt.outcome, spoilt.planned) == ("failed", planned(0))
            assert "impossible" in (spoilt.reason or "")
            assert raw([other]) == raw([measured(planned(1))])
            with pytest.raises(BadInput, match="Block 0"):
                again.load(RUN, strict=True)

    def test_a_database_of_something_else(self, tmp_path: Path, pinned: Pinned) -> None:
        _execute(tmp_path, "CREATE TABLE recipes (name TEXT)")
        with pinned.raises(BadInput):
            Store.open(tmp_path)

    def test_a_folder_that_is_a_file(self, tmp_path: Path, pinned: Pinned) -> None:
        (tmp_path / "out").write_text("")
        with pinned.raises(BadInput):
            Store.open(tmp_path / "out")

    def test_locked_by_another_program(
        self, file_store: Store, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
    ) -> None:
        file_store.close()
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
        other = sqlite3.connect((file_store.folder / FILE_NAME), isolation_level=None)
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        try:
            with pinned.raises(BadInput):
                Store.open(file_store.place)
        finally:
            other.close()

    @pytest.mark.slow
    def test_reading_does_not_wait_for_a_run_that_writes(
        self, file_store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file_store.create_run(run_info(RUN), [planned(0)])
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.0)
        with _other_process(_WRITES, (file_store.folder / FILE_NAME)) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "writing\n"
            with Store.open(file_store.place, create=False) as again:
                assert again.resolve("last") == RUN
                assert again.load(RUN).planned == [planned(0)]
                with pytest.raises(StoreError, match="locked"):
                    again.append(RUN, measured(planned(0)))

    @pytest.mark.slow
    def test_a_run_does_not_wait_for_one_who_reads(self, file_store: Store) -> None:
        file_store.create_run(run_info(RUN), [planned(0)])
        with (
            Store.open(file_store.place, create=False) as reader,
            reader.reading() as connection,
            _other_process(_FINISHES, (file_store.folder / FILE_NAME)) as other,
        ):
            before = connection.exec_driver_sql("SELECT status FROM runs").scalar()
            assert other.wait(timeout=60) == 0
            assert (before, connection.exec_driver_sql("SELECT status FROM runs").scalar()) == ("running", "running")
        assert file_store.load(RUN).info.status == "finished"

    @pytest.mark.slow
    def test_a_full_disk_loses_only_the_block_in_hand(self, file_store: Store, pinned: Pinned) -> None:
        file_store.create_run(run_info(RUN), [planned(0), planned(1, batch=2)])
        file_store.append(RUN, measured(planned(0)))
        _limit_pages(file_store)

        with pinned.raises(StoreError) as raised:
            file_store.append(RUN, measured(planned(1, batch=2), prediction_ms=[1.0] * 50_000))

        assert raised.value.run_can_be_resumed
        with Store.open(file_store.place) as again:
            assert raw(again.load(RUN).blocks) == raw([measured(planned(0))])


_WRITES = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET seed = 99")
print("writing", flush=True)
sys.stdin.read()
"""
"""Holds a transaction that writes until its input ends."""
_FINISHES = """
import sys
from pathlib import Path
from mobilebench.results.databases import sqlite
from mobilebench.results.store import Store
sqlite.BUSY_SECONDS = 0.0
with Store.open(Path(sys.argv[1]).parent) as store:
    store.finish(store.resolve("last"), "finished")
"""


@contextmanager
def _other_process(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _as_it_was(folder: Path, to: str = "0001") -> None:
    """A store of schema 0001 with one block measured and one to go, brought up to a later schema."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))

    def upgrade(version: str) -> None:
        with sqlite.SQLite(folder / FILE_NAME).writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, version)

    upgrade("0001")
    statements = json.loads((Path(__file__).parent / "schema_0001.json").read_text())
    for statement, values in statements:
        _execute(folder, statement, values)
    upgrade(to)


def _limit_pages(store: Store) -> None:
    """SQLite's own page limit raises the very error of a full disk."""
    from sqlalchemy import event

    store.close()

    @event.listens_for(store.database.engine, "connect")
    def limit(connection: sqlite3.Connection, record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")


def _execute(folder: Path, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        return list(connection.execute(statement, values))


def test_only_some_cases_of_a_run_are_loaded(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        plan = [planned(index, index // 2, engine=("tflite", "onnxruntime")[index % 2]) for index in range(4)]
        store.create_run(run_info(), plan)
        whole_run = [measured(block) for block in plan]
        for block in whole_run:
            store.append(RUN, block)
        key = plan[0].case.key
        some = store.load(RUN, cases=[key])
        whole = store.load(RUN)
        assert some.blocks == [block for block in whole.blocks if block.planned.case.key == key]
        assert 0 < len(some.planned) < len(whole.planned)
        assert store.load(RUN, cases=[]).blocks == []
        assert store.cases() == {RUN: {block.case.key: block.case for block in plan}}
