"""What is exported and imported again is the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilebench.core.records import Block, Run, Series
from mobilebench.results.store import FILE_NAME, Store
from mobilebench.results.transfer import importing, reading, writing
from mobilebench.results.transfer.content import content_sha256
from mobilebench.session import journal
from tests.analysis.example import example_run
from tests.results import before_axes
from tests.results.making import blocks_of, host, measured, phone, planned, planned_blocks, run_info

from .conftest import RUN, TRACE, TRACE_NAME, fill, stored

Fresh = Callable[[str], Store]


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Stores that are not empty, for tests whose runs have ids of their own."""
    with Store.open(tmp_path_factory.mktemp("a")) as one, Store.open(tmp_path_factory.mktemp("b")) as other:
        yield one, other


def test_a_run_is_the_same_in_the_other_store(fresh: Fresh, exported_run: Path) -> None:
    with Store.open(exported_run.parent) as before:
        store = fresh("there")
        (outcome,) = importing.import_runs(store.folder, [exported_run], "Lab A")

        assert (outcome.run_id, outcome.same_as, outcome.blocks, outcome.traces) == (RUN, None, 4, 1)
        assert stored(store.load(RUN)) == stored(before.load(RUN))
        assert store.events(RUN) == before.events(RUN)
        assert (store.run_folder(RUN) / "traces" / TRACE_NAME).read_bytes() == TRACE


def test_it_shows_where_it_came_from(fresh: Fresh, exported_run: Path) -> None:
    store = fresh("there")
    importing.import_runs(store.folder, [exported_run], "Lab A")

    (origin,) = store.load(RUN).info.imports
    with reading.opened(exported_run) as export:
        assert (origin.source, origin.file, origin.file_sha256) == ("Lab A", "runs.zip", export.sha256)
        assert origin.written_by == export.manifest.mobilebench_version
        assert origin.content_sha256 == export.runs[0].content_sha256 == content_sha256(store.load(RUN))
    assert store.runs()[0].imports == [origin]


def test_a_second_import_adds_where_it_came_from_next(fresh: Fresh, exported_run: Path, tmp_path: Path) -> None:
    second, third = fresh("second"), fresh("third")
    importing.import_runs(second.folder, [exported_run], "Lab A")
    writing.write(second, [RUN], tmp_path / "again.zip", writing.Wanted())
    importing.import_runs(third.folder, [tmp_path / "again.zip"], "Lab B")

    assert [(one.source, one.file) for one in third.load(RUN).info.imports] == [
        ("Lab A", "runs.zip"),
        ("Lab B", "again.zip"),
    ]
    assert content_sha256(third.load(RUN)) == content_sha256(second.load(RUN))


@pytest.mark.slow
def test_the_example_run(fresh: Fresh, tmp_path: Path) -> None:
    run = example_run()
    store, there = fresh("here"), fresh("there")
    store.create_run(run.info, run.planned, run.models)
    for block in run.blocks:
        store.append(run.info.id, block)
    writing.write(store, [run.info.id], tmp_path / "x.zip", writing.Wanted())
    importing.import_runs(there.folder, [tmp_path / "x.zip"], None)
    assert stored(there.load("last")) == stored(run)


def _usable(block: Block) -> Block:
    """The block, without series that no recorder writes."""

    def kept(series: list[Series]) -> list[Series]:
        return [one for one in series if len(one.times_ms) == len(one.values) and min(one.times_ms, default=0) >= 0]

    stopped = [one.model_copy(update={"series": kept(one.series)}) for one in block.stopped]
    return block.model_copy(update={"series": kept(block.series), "stopped": stopped})


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.slow
def test_any_run(two_stores: tuple[Store, Store], tmp_path: Path, data: st.DataObject) -> None:
    here, there = two_stores
    plan = [data.draw(planned_blocks(index)) for index in range(3)]
    run = Run(
        info=run_info(uuid.uuid4().hex, host()),
        planned=plan,
        blocks=[_usable(data.draw(blocks_of(one))) for one in plan],
    )
    here.create_run(run.info, plan)
    for block in run.blocks:
        here.append(run.info.id, block)
    file = tmp_path / f"{run.info.id}.zip"
    writing.write(here, [run.info.id], file, writing.Wanted())
    (outcome,) = importing.import_runs(there.folder, [file], None)

    assert outcome.same_as is None or there.load(outcome.same_as).info.created_at == run.info.created_at
    assert stored(there.load(outcome.same_as or run.info.id)).blocks == stored(run).blocks


class TestContent:
    def run(self, run_id: str = RUN, **changes: object) -> Run:
        return Run(info=run_info(run_id), planned=[planned(0)], blocks=[measured(planned(0), **changes)])

    def test_a_sample_changes_it(self) -> None:
        assert content_sha256(self.run()) != content_sha256(self.run(warmup_ms=[9.000001]))

    def test_an_id_does_not(self) -> None:
        assert content_sha256(self.run()) == content_sha256(self.run("other"))

    def test_it_stays_as_it_was_published(self) -> None:
        """Another value means that files of earlier releases cannot be imported, and copies are not recognised."""
        assert content_sha256(self.run()).startswith("94e2fbead1c51b12")


class TestWhatTravels:
    def test_traces_that_were_removed_are_said_to_be_left_out(self, fresh: Fresh, tmp_path: Path) -> None:
        store = fresh("here")
        fill(store)
        (store.run_folder(RUN) / "traces" / TRACE_NAME).unlink()
        manifest = writing.write(store, [RUN], tmp_path / "x.zip", writing.Wanted())
        assert manifest.runs[0].left_out == [f"traces/{TRACE_NAME}"]
        assert importing.import_runs(fresh("there").folder, [tmp_path / "x.zip"], None)[0].left_out == [
            f"traces/{TRACE_NAME}"
        ]

    @pytest.mark.parametrize("logs", [False, True])
    def test_journal_and_log_only_if_asked_for(self, fresh: Fresh, tmp_path: Path, logs: bool) -> None:
        here, there = fresh("here"), fresh("there")
        fill(here)
        names = (journal.FILE_NAME, journal.LOG_NAME)
        for name in names:
            (here.run_folder(RUN) / name).write_text(f"this is {name}")
        writing.write(here, [RUN], tmp_path / "x.zip", writing.Wanted(logs=logs))
        (outcome,) = importing.import_runs(there.folder, [tmp_path / "x.zip"], None)

        found = {name: (there.run_folder(RUN) / name).is_file() for name in names}
        assert found == dict.fromkeys(names, logs)
        assert outcome.left_out == ([] if logs else list(names))

    def test_times_of_other_machines_do_not_count_for_estimates(self, fresh: Fresh, exported_run: Path) -> None:
        store = fresh("there")
        importing.import_runs(store.folder, [exported_run], None)
        assert store.block_seconds([planned(0).case.key]) == {}


class TestFolders:
    def test_the_runs_of_another_store(self, fresh: Fresh) -> None:
        here, there = fresh("here"), fresh("there")
        fill(here)
        here.create_run(run_info("second", phone(), at=run_info().created_at.replace(hour=1)), [])
        outcomes = importing.import_runs(there.folder, [here.folder], "the other PC")

        assert [(one.run_id, one.same_as) for one in outcomes] == [("second", None), (RUN, None)]
        assert stored(there.load(RUN)) == stored(here.load(RUN))
        assert (there.run_folder(RUN) / "traces" / TRACE_NAME).read_bytes() == TRACE
        (origin,) = there.load(RUN).info.imports
        assert (origin.file, origin.written_by) == ("here", None)

    def test_a_store_of_an_earlier_release_is_upgraded_in_a_copy(self, fresh: Fresh, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir()
        before_axes.unpack_store(tmp_path / "old")
        before = (tmp_path / "old" / FILE_NAME).read_bytes()
        there = fresh("there")
        (outcome,) = importing.import_runs(there.folder, [tmp_path / "old"], None)

        assert (tmp_path / "old" / FILE_NAME).read_bytes() == before
        with Store.open(tmp_path / "old") as upgraded:
            assert stored(there.load(outcome.run_id)) == stored(upgraded.load("last"))

    def test_a_store_that_is_in_use(self, fresh: Fresh) -> None:
        here, there = fresh("here"), fresh("there")
        fill(here)
        with here.database.writing():
            assert importing.import_runs(there.folder, [here.folder], None)[0].same_as is None


def test_an_export_of_the_first_schema_can_still_be_imported(fresh: Fresh) -> None:
    """`schema_1.zip` was written by the release that introduced the format."""
    store = fresh("there")
    (outcome,) = importing.import_runs(store.folder, [Path(__file__).parent / "schema_1.zip"], None)
    run = store.load(RUN)
    assert (outcome.blocks, outcome.traces, len(run.planned), run.info.status) == (4, 1, 5, "interrupted")
    assert run.blocks[0].measurement is not None
    assert run.blocks[0].measurement.prediction_ms == [4.0, 3.75, 4.25]
