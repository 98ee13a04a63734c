from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.results.places import Place
from mobilebench.results.store import Store
from mobilebench.results.upkeep import pruning, rows
from tests.results.making import START, host, measured, phone, planned, run_info

IDS = [f"2026112{day}-120000-ab12" for day in range(1, 6)]
LATER = START + timedelta(days=100)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """Five runs, a day apart: the second of another suite, the fourth on a phone, the fifth interrupted."""
    with Store.open(place) as opened:
        for day, run_id in enumerate(IDS):
            info = run_info(run_id, *([phone()] if day == 3 else [host()]), at=START + timedelta(days=day))
            plan = [planned(0), planned(1, engine="onnxruntime")]
            opened.create_run(info.model_copy(update={"suite": "other" if day == 1 else "quick"}), plan)
            opened.append(run_id, measured(plan[0]))
            opened.finish(run_id, "interrupted" if day == 4 else "finished", at=START)
            opened.run_folder(run_id).mkdir(parents=True)
            (opened.run_folder(run_id) / "run.log").write_text("a log")
        yield opened


def going(store: Store, *keep: str, days: float = 100) -> list[str]:
    chosen = pruning.choose(store, START + timedelta(days=days), keep)
    return [one.info.id for one in chosen if one.kept is None]


def test_runs_that_are_older_go(store: Store) -> None:
    assert going(store) == IDS
    assert going(store, days=2) == IDS[:2]
    assert going(store, days=0) == []


def test_baselines_stay(store: Store) -> None:
    assert going(store, "baselines") == [IDS[0], IDS[4]]
    kept = {one.info.id: one.kept for one in pruning.choose(store, LATER, ["baselines"]) if one.kept}
    assert kept[IDS[3]] == "the newest of suite quick on R58M"


def test_named_runs_and_suites_stay(store: Store) -> None:
    assert going(store, "suite:other", IDS[0][:9]) == IDS[2:]
    assert going(store, "last") == IDS[:4]
    with pytest.raises(BadInput, match="no run nothing"):
        going(store, "nothing")


def test_a_removed_run_leaves_nothing(store: Store) -> None:
    pruning.remove(store, IDS[0])
    assert [info.id for info in store.runs()] == IDS[1:]
    assert not store.run_folder(IDS[0]).exists()
    assert store.run_folder(IDS[1]).exists()
    assert len(store.load(IDS[1]).blocks) == 1
    with store.reading() as connection:
        assert sum(rows.contents(connection, IDS[0]).rows.values()) == 0


def test_a_folder_that_is_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    store.run_folder(IDS[0]).rename(elsewhere)
    store.run_folder(IDS[0]).symlink_to(elsewhere)
    with pytest.raises(BadInput, match="is a link"):
        pruning.remove(store, IDS[0])
    assert (elsewhere / "run.log").exists()


@pytest.mark.database
def test_a_run_that_is_being_written_stays(on_server: Place) -> None:
    with Store.open(on_server) as opened, Store.open(on_server) as other:
        opened.create_run(run_info(IDS[0]), [planned(0)])
        with opened.owning(IDS[0]), pytest.raises(BadInput, match="is being written"):
            pruning.remove(other, IDS[0])
        assert [info.id for info in opened.runs()] == [IDS[0]]
