"""Runs by name, and the earlier runs of their cases, from real stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.analysis.stored import StoredRun, earlier, filters, find
from mobilebench.core.errors import BadInput
from mobilebench.results.places import place_of
from tests.analysis.runs import ORT, SIMD, TFLITE, stored, times
from tests.pinning import Pinned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("store"), *({TFLITE: times()} for _ in range(3)), {ORT: times()})


@pytest.mark.parametrize(
    ("name", "run"),
    [("last", "run-4"), ("last~0", "run-4"), ("last~1", "run-3"), ("last~3", "run-1"), ("run-2", "run-2")],
)
def test_runs_by_name(folder: Path, name: str, run: str) -> None:
    assert find(name, folder) == StoredRun(place_of(folder), run)


def test_a_run_of_another_store(folder: Path, tmp_path: Path) -> None:
    assert find(f"{folder}:last~1", tmp_path / "elsewhere") == StoredRun(place_of(folder), "run-3")
    assert find(f"{folder}:", tmp_path / "elsewhere") == StoredRun(place_of(folder), "run-4")


@pytest.mark.parametrize("name", ["last~4", "nothing", "last~x"])
def test_a_run_that_is_not_there(folder: Path, name: str) -> None:
    with pytest.raises(BadInput):
        find(name, folder)


def test_a_folder_that_is_not_there(folder: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        find("no-such-folder:last", folder)
    with pytest.raises(BadInput):
        find(f"{folder.parent}:last", folder)


def test_earlier_runs_have_a_wanted_case_and_are_older(folder: Path) -> None:
    runs = [StoredRun(place_of(folder), "run-2"), StoredRun(place_of(folder), "run-3")]
    assert [one.info.id for one in earlier(runs, filters())] == ["run-1"]
    assert [one.info.id for one in earlier([StoredRun(place_of(folder), "run-4")], filters())] == []
    assert earlier(runs, filters(engine=["tfjs"])) == []


def test_a_summary_has_only_the_wanted_cases(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times(), ORT: times(), SIMD: times()})
    summary = find("last", folder).summary(filters(engine=["tflite", "tfjs"]))
    assert {case.case for target in summary.targets for case in target.cases} == {TFLITE, SIMD}
    assert all(len(case.blocks) == 5 for target in summary.targets for case in target.cases)


def test_an_engine_without_a_release_is_every_release() -> None:
    old = replace(SIMD, engine="tfjs@4.2")
    cases = (SIMD, old, ORT)
    assert [one for one in cases if filters(engine=["tfjs"])(one)] == [SIMD, old]
    assert [one for one in cases if filters(engine=["tfjs@4.2"])(one)] == [old]
    assert [one for one in cases if filters(engine=["tfjs@current"])(one)] == [SIMD]
    assert [one for one in cases if filters(model=["resnet50"])(one)] == []
    assert [one for one in cases if filters(target=["host"], key=ORT.key)(one)] == [ORT]
