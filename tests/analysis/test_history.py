"""A case over the runs of a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.analysis.history import history, planned_cases
from mobilebench.analysis.stored import filters
from mobilebench.core.errors import BadInput
from mobilebench.results.store import Store
from tests.analysis import runs
from tests.analysis.runs import ORT, SIMD, TFLITE, run_of, stored, times
from tests.pinning import Pinned


def add(folder: Path, *more: object) -> None:
    with Store.open(folder) as store:
        for run in more:
            runs.add(store, run)  # type: ignore[arg-type]


@pytest.mark.slow
def test_points_are_oldest_first_and_changes_are_called(tmp_path: Path) -> None:
    folder = stored(tmp_path, *({TFLITE: times(factor)} for factor in (1, 1.01, 1, 2)), {ORT: times()})
    (found,) = history(folder, filters(engine=["tflite"]), "prediction")
    assert found.case == TFLITE
    assert [point.run.id for point in found.points] == ["run-1", "run-2", "run-3", "run-4"]
    assert [point.change.call if point.change else None for point in found.points] == [
        None,
        "no change",
        "no change",
        "slower",
    ]
    assert [point.value_ms for point in found.points] == [pytest.approx(10 * f, rel=0.01) for f in (1, 1.01, 1, 2)]
    assert all(point.interval and point.blocks == 5 for point in found.points)
    last = found.points[-1].change
    assert last is not None
    assert last.between is not None
    assert last.between.runs == 3


def test_versions_that_changed_are_named(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times()})
    add(folder, run_of(2, {TFLITE: times()}, version="9.9.9", mobilebench_version="7.0.0"))
    (found,) = history(folder, filters(), "prediction")
    assert [one.change for one in found.points[1].differences] == [
        "engine version 2.18.0 → 9.9.9",
        "mobilebench 0.1.0 → 7.0.0",
    ]
    assert found.points[1].engine_version == "9.9.9"


def test_a_run_without_a_time_is_shown_and_skipped_as_a_base(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times()})
    add(folder, run_of(2, {TFLITE: times()}).model_copy(update={"blocks": []}), run_of(3, {TFLITE: times(2)}))
    (found,) = history(folder, filters(), "prediction")
    assert [(point.status, point.value_ms is None) for point in found.points] == [
        ("valid", False),
        ("not measured", True),
        ("valid", False),
    ]
    assert found.points[1].change is None
    assert found.points[2].change is not None
    assert found.points[2].change.ratio == pytest.approx(2)


def test_a_run_on_another_machine_is_not_compared(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times()})
    other = runs.example.host().model_copy(update={"machine": "ba9876543210"})
    add(folder, run_of(2, {TFLITE: times(2)}, target=other))
    (found,) = history(folder, filters(), "prediction")
    assert found.points[1].change is None
    assert found.points[1].refusal == "machine: 0123456789ab against ba9876543210."


def test_each_case_has_its_own_history_and_stage(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times(), ORT: times()}, {ORT: times(), SIMD: times()})
    found = history(folder, filters(), "setup")
    assert [(one.case.engine, len(one.points)) for one in found] == [("onnxruntime", 2), ("tflite", 1), ("tfjs", 1)]
    assert found[0].points[0].value_ms == pytest.approx(30, rel=0.01)


def test_an_unknown_case_is_refused_with_those_that_are_close(tmp_path: Path, pinned: Pinned) -> None:
    folder = stored(tmp_path, {TFLITE: times(), ORT: times()})
    wrong = TFLITE.key.replace("tflite", "tfite")
    with pytest.raises(BadInput) as raised:
        history(folder, filters(key=wrong), "prediction", wrong)
    pinned(str(raised.value.hint))
    with pytest.raises(BadInput) as raised:
        history(folder, filters(model=["resnet50"]), "prediction")
    pinned(str(raised.value.hint))


def test_cases_are_listed_with_the_number_of_their_runs(tmp_path: Path) -> None:
    folder = stored(tmp_path, {TFLITE: times()}, {TFLITE: times(), ORT: times()})
    assert {case: count for case, (count, _) in planned_cases(folder).items()} == {TFLITE: 2, ORT: 1}
    assert planned_cases(folder)[TFLITE][1] == planned_cases(folder)[ORT][1]
