"""Pooling of several phones with one SoC, and what is never pooled."""

from __future__ import annotations

import math

import pytest

from mobilebench.analysis.by_soc import GroupSummary, Pooled, by_group, engines, task_of
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Conditions, Run
from tests.analysis.phones import phones_run

TFLITE = ("tflite", "cpu")
MODEL = ("mobilenet_v2", "fp32", 1)
pytestmark = pytest.mark.slow


def grouped(run: Run, by: str = "soc") -> dict[str, GroupSummary]:
    return {one.group.name: one for one in by_group(summarise(run), by)}


def ways(group: GroupSummary, engine: tuple[str, str] = TFLITE) -> list[Pooled]:
    return [one for one in group.pooled if one.model == MODEL and one.engine == engine]


def test_two_phones_of_one_soc_have_a_mean_and_a_spread() -> None:
    (one,) = ways(grouped(phones_run())["Snapdragon 8 Gen 2"])
    assert [target.info.id for target, _ in one.members] == ["A1", "A2"]
    assert one.mean == pytest.approx(math.sqrt(one.spread.low * one.spread.high))
    assert one.spread.high / one.spread.low == pytest.approx(1.5, rel=0.1)


def test_the_computer_is_beside_the_phones() -> None:
    found = grouped(phones_run())
    assert len(found) == 4
    assert all(len(ways(group)) == 1 for group in found.values())
    (mine,), (theirs,) = ways(found["Example CPU E-1000 @ 2.50GHz"]), ways(found["Tensor G3"])
    assert mine.way == theirs.way
    assert theirs.mean / mine.mean == pytest.approx(4, rel=0.1)


def test_other_conditions_are_not_pooled() -> None:
    found = grouped(phones_run(conditions={"A2": Conditions(model_access="mapped")}))
    assert [len(one.members) for one in ways(found["Snapdragon 8 Gen 2"])] == [1, 1]


def test_another_context_is_not_pooled() -> None:
    found = grouped(phones_run(conditions={"A2": Conditions(context="app-service")}))
    assert [len(one.members) for one in ways(found["Snapdragon 8 Gen 2"])] == [1, 1]


def test_another_version_of_the_engine_is_not_pooled() -> None:
    found = grouped(phones_run(versions={"A2": "9.9.9"}))
    assert [one.version for one in ways(found["Snapdragon 8 Gen 2"])] == ["2.18.0", "9.9.9"]


def test_grouped_by_instruction_set_all_real_phones_are_pooled_and_no_virtual_one() -> None:
    (one,) = ways(grouped(phones_run(), "isa")["arm64-v8a"])
    assert [target.info.id for target, _ in one.members] == ["A1", "A2", "B1"]


def test_the_fastest_model_of_each_task() -> None:
    found = grouped(phones_run())["Tensor G3"].fastest_by_task()
    assert {task: one.case.model for task, one in found.items()} == {
        "image classification": "mobilenet_v2",
        "language understanding": "bert_small",
    }
    assert all(one.engine == TFLITE for one in found.values())


def test_engines_in_the_order_of_the_report() -> None:
    assert engines(list(grouped(phones_run()).values())) == [TFLITE, ("tfjs", "wasm")]


def test_a_model_that_the_registry_lacks_has_no_task() -> None:
    assert task_of("no_such_model") is None
    assert task_of("mobilenet_v2") == "image classification"
