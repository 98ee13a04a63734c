"""Copies between the two kinds of databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Quarantine, Series
from mobilebench.results.places import Place
from mobilebench.results.store import Store, StoreError
from mobilebench.results.upkeep import copying, rows
from tests.results.making import START, case, failed, host, measured, phone, planned, run_info

RUNS = ("20261121-120000-ab12", "20261122-120000-cd34")


def fill(store: Store) -> None:
    """Two runs with every kind of row, and a file each."""
    series = Series(recorder="load", name="load_1min", unit="processes", times_ms=[0.0, 900.5], values=[1.5, 1.25])
    for day, run_id in enumerate(RUNS):
        plan = [planned(index, index // 2, engine=("tflite", "onnxruntime")[index % 2]) for index in range(4)]
        info = run_info(run_id, host(), phone(), at=START + timedelta(days=day))
        store.create_run(info, plan)
        store.append(run_id, measured(plan[0]).model_copy(update={"series": [series]}))
        store.append(run_id, failed(plan[1]))
        store.append(run_id, measured(plan[1]), instead_of=failed(plan[1]))
        store.finish(run_id, "finished", at=START)
        store.run_folder(run_id).mkdir(parents=True)
        (store.run_folder(run_id) / "run.log").write_text(f"log of {run_id}")
    store.add_quarantine(
        Quarantine(serial="R58M", added_at=START, until=START + timedelta(hours=1), reason="its cable is loose")
    )


@pytest.fixture
def filled(place: Place) -> Any:
    with Store.open(place) as store:
        fill(store)
        yield store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty store of each kind, which keeps files elsewhere."""
    folder = tmp_path / "other"
    url = folder if request.param == "sqlite" else request.getfixturevalue("server").create("empty_store")
    with Store.open(Place(url, folder)) as store:
        yield store


def outcomes(source: Store, target: Store) -> list[str]:
    return [one.outcome for one in copying.copy(source, target)]


def test_a_copy_is_whole(filled: Store, other: Store) -> None:
    assert outcomes(filled, other) == ["copied", "copied"]
    for run_id in RUNS:
        assert other.load(run_id) == filled.load(run_id)
        assert other.events(run_id) == filled.events(run_id)
        assert (other.run_folder(run_id) / "run.log").read_text() == f"log of {run_id}"
    assert other.quarantines() == filled.quarantines()
    assert other.block_seconds([case(engine="tflite").key]) == filled.block_seconds([case(engine="tflite").key])


def test_it_can_be_repeated(filled: Store, other: Store) -> None:
    outcomes(filled, other)
    assert outcomes(filled, other) == ["already there", "already there"]
    assert len(other.quarantines()) == 1
    assert len(other.runs()) == 2


def test_it_goes_on_after_an_interruption(filled: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = rows.batches

    def cut(connection: Any, table: Any, run_id: str) -> Any:
        if (table.name, run_id) == ("samples", RUNS[1]):
            raise KeyboardInterrupt
        return batches(connection, table, run_id)

    monkeypatch.setattr(rows, "batches", cut)
    with pytest.raises(KeyboardInterrupt):
        outcomes(filled, other)
    assert [info.id for info in other.runs()] == [RUNS[0]]
    monkeypatch.undo()
    assert outcomes(filled, other) == ["already there", "copied"]


def test_something_else_under_the_same_id_is_left_alone(filled: Store, other: Store) -> None:
    other.create_run(run_info(RUNS[0]), [planned(0)])
    assert outcomes(filled, other) == ["differs", "copied"]
    assert other.load(RUNS[0]).blocks == []


def test_what_is_stored_is_compared_with_what_was_read(
    filled: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = other.database.insert

    def losing(connection: Any, table: Any, found: Any) -> None:
        insert(connection, table, found[1:] if table.name == "samples" else found)

    monkeypatch.setattr(other.database, "insert", losing)
    with pytest.raises(StoreError, match="would hold something else"):
        outcomes(filled, other)
    assert other.runs() == []


def test_a_store_is_not_copied_to_itself(filled: Store) -> None:
    with pytest.raises(BadInput, match="to itself"):
        outcomes(filled, filled)


def test_an_id_is_never_a_path(filled: Store, other: Store) -> None:
    filled.create_run(run_info("../../elsewhere"), [planned(0)])
    with pytest.raises(BadInput, match="no id of a run"):
        outcomes(filled, other)
