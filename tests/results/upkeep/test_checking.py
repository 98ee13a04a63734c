from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.results import tables
from mobilebench.results.places import Place
from mobilebench.results.store import FILE_NAME, Store
from mobilebench.results.transfer import importing, writing
from mobilebench.results.upkeep import checking, copying
from tests.results.making import measured, planned, run_info

from .test_copying import RUNS, fill


@pytest.fixture
def filled(place: Place) -> Iterator[Store]:
    with Store.open(place) as store:
        fill(store)
        yield store


def test_a_whole_store_has_no_findings(filled: Store) -> None:
    assert checking.of_database(filled) == []
    runs = list(checking.runs(filled))
    assert [(one.run_id, one.findings) for one in runs] == [(run_id, ()) for run_id in RUNS]
    assert runs[0].contents.rows["blocks"] == 2
    assert len({one.contents.sha256 for one in runs}) == 2


def test_copies_have_the_same_digests(filled: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "copy") as other:
        list(copying.copy(filled, other))
        assert [one.contents for one in checking.runs(other)] == [one.contents for one in checking.runs(filled)]


def test_one_changed_sample_changes_the_digest(filled: Store) -> None:
    before = [one.contents.sha256 for one in checking.runs(filled)]
    with filled.database.writing() as connection:
        one = (tables.samples.c.run_id == RUNS[0]) & (tables.samples.c.stage == "warmup")
        connection.execute(tables.samples.update().where(one).values(value_ms=9.5))
    after = [one.contents.sha256 for one in checking.runs(filled)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True]


def test_impossible_values_are_found(filled: Store) -> None:
    with filled.database.writing() as connection:
        connection.execute(tables.samples.update().where(tables.samples.c.run_id == RUNS[0]).values(value_ms=-1.0))
    first, second = checking.runs(filled)
    assert "impossible values" in first.findings[0]
    assert second.findings == ()


def test_rows_that_belong_to_nothing(tmp_path: Path) -> None:
    """Only in SQLite, whose other clients need not enforce foreign keys."""
    with Store.open(tmp_path) as store:
        fill(store)
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            connection.execute('DELETE FROM blocks WHERE run_id = ? AND "index" = 0', (RUNS[0],))
        found = checking.of_database(store)
    assert any("rows of `samples` belong to no row of `blocks`" in words for words in found)
    assert any("rows of `series` belong to no row of `blocks`" in words for words in found)


def test_a_column_that_is_missing(filled: Store) -> None:
    with filled.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE blocks DROP COLUMN scenario")
    assert checking.of_database(filled) == ["The schema is not that of this version: add column blocks scenario."]


def test_an_imported_run_is_compared_with_its_file(filled: Store, tmp_path: Path) -> None:
    writing.write(filled, [RUNS[0]], tmp_path / "a.zip", writing.Wanted())
    importing.import_runs(tmp_path / "there", [tmp_path / "a.zip"], None)
    with Store.open(tmp_path / "there") as there:
        assert [one.findings for one in checking.runs(there)] == [()]
        there.append(RUNS[0], measured(planned(2, 1)))
        assert "not that of a.zip" in next(checking.runs(there)).findings[0]


def test_a_changed_trace_is_found(filled: Store) -> None:
    run_id, name, content = "20261123-120000-ef56", "000000.json.gz", b"a trace"
    trace = {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    trace |= {"json_bytes": 9, "complete": True, "marks": [], "categories": []}
    block = planned(0).model_copy(update={"pass_": "trace"})

    def findings() -> tuple[str, ...]:
        return next(one.findings for one in checking.runs(filled) if one.run_id == run_id)

    filled.create_run(run_info(run_id), [block])
    filled.append(run_id, measured(block, trace=trace, **{"pass": "trace"}))
    filled.add_trace(run_id, name, content)
    assert findings() == ()
    filled.add_trace(run_id, name, b"A TRACE")
    assert findings() == (f"1 of its 1 traces are not in {filled.folder}, or were changed: {name}.",)
