"""Which results may be compared: the table, and that docs/method.md has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.analysis.comparability import (
    FIELDS,
    KINDS,
    Kind,
    Side,
    axes_without_field,
    differences,
    refusal,
)
from mobilebench.core.records import DeviceCondition, DeviceConditions, PlannedBlock, RecordRequest
from scripts import comparability_table
from tests.analysis import example
from tests.analysis.runs import SIMD, TFLITE, answer
from tests.pinning import Pinned

ROOT = Path(__file__).parents[2]


def side(case: Any = SIMD, **proof: Any) -> Side:
    plan = PlannedBlock(index=0, round=1, case=case, rule=example.RULE)
    return Side(case, answer(case, 3, **proof), plan, example.host(), example.info([example.host()]))


def test_the_documentation_has_the_table() -> None:
    text = (ROOT / comparability_table.DOCUMENT).read_text(encoding="utf-8")
    assert comparability_table.with_table(text) == text, "run `python scripts/comparability_table.py`"
    assert text.count(comparability_table.BEGIN) == text.count(comparability_table.END) == 1


def test_every_axis_of_a_case_has_a_field() -> None:
    assert axes_without_field() == set()


def test_names_are_unique_and_every_rule_is_for_a_known_kind() -> None:
    assert len({one.name for one in FIELDS}) == len(FIELDS)
    assert {kind for one in FIELDS for kind in one.others} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_may_always_be_compared(kind: Kind) -> None:
    assert refusal(kind, side(), side()) is None
    assert differences(kind, side(), side()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_virtual_and_real_are_never_compared(kind: Kind) -> None:
    phone = replace(side(), target=example.host().model_copy(update={"virtual": True}))
    assert refusal(kind, side(), phone) == "virtual: no against yes."


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("native and web", "rungs")])
def test_pages_with_and_without_isolation_are_never_compared(kind: Kind) -> None:
    assert refusal(kind, side(), side(cross_origin_isolated=False)) == "cross-origin isolation: yes against no."


def test_rungs_of_a_ladder_may_differ_in_isolation_and_otherwise_follow_native_and_web() -> None:
    assert refusal("rungs", side(), side(cross_origin_isolated=False)) is None
    assert {one.name for one in FIELDS if one.rule("rungs") != one.rule("native and web")} == {
        "precision",
        "isolation",
        "cross-origin isolation",
    }


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("SoC", {"target": example.host().model_copy(update={"soc": "Another CPU"})}),
        ("machine", {"target": example.host().model_copy(update={"machine": "ba9876543210"})}),
        (
            "context",
            {
                "planned": PlannedBlock.model_validate(
                    {"index": 0, "round": 1, "case": SIMD, "rule": {}, "conditions": {"context": "manual"}}
                )
            },
        ),
        ("weights", {"run": example.info([example.host()]).model_copy(update={"weights": {"mobilenet_v2": "a1b2"}})}),
    ],
)
def test_a_refusal_names_the_fact(name: str, changed: dict[str, Any], pinned: Pinned) -> None:
    found = refusal("runs", side(), replace(side(), **changed))
    assert found is not None
    assert found.startswith(f"{name}: ")
    pinned(found)


def test_a_recorder_within_timing_is_refused() -> None:
    plan = side().planned
    assert plan is not None
    recording = plan.conditions.model_copy(update={"record": [RecordRequest(recorder="load", interval_ms=500)]})
    watched = replace(side(), planned=plan.model_copy(update={"conditions": recording}))
    assert refusal("runs", side(), watched) == "recorders: none against load every 500 ms."


def test_another_model_file_is_refused_and_only_what_differs_is_named() -> None:
    files = answer(SIMD, 3).proof.files
    other = [file.model_copy(update={"sha256": "f" * 64}) if file.name.endswith("json") else file for file in files]
    own = [file.model_copy(update={"name": "model/net.onnx"}) if file.name.endswith("json") else file for file in files]
    changed = [file.model_copy(update={"name": "model/net.onnx"}) if file in other else file for file in other]
    changed = [*changed[:-1], own[-1].model_copy(update={"sha256": "f" * 64})]
    found = refusal("runs", side(files=own), side(files=changed))
    assert found is not None
    assert found.startswith("model file: net.onnx ")
    assert found.endswith(" against net.onnx ffffffffffff.")


@pytest.mark.parametrize("kind", KINDS)
def test_natural_and_fixed_clocks_are_never_compared(kind: Kind) -> None:
    natural, fixed = (DeviceConditions(asked="strict", regime=regime) for regime in ("natural", "fixed"))
    assert refusal(kind, side(device=natural), side(device=fixed)) == "regime: natural against fixed."


def test_a_condition_that_only_one_side_held_is_named() -> None:
    held, refused = (
        DeviceConditions(asked="default", conditions=[DeviceCondition(name="brightness", state=state)])
        for state in ("already", "refused")
    )
    assert refusal("runs", side(device=held), side(device=refused)) is None
    (found,) = differences("runs", side(device=held), side(device=refused))
    assert found.change == "conditions brightness → none"


def test_what_is_not_known_on_one_side_is_not_compared() -> None:
    assert refusal("runs", side(), side(cross_origin_isolated=None)) is None


def test_versions_between_runs_are_named_and_between_releases_compared() -> None:
    newer = replace(side(), measurement=answer(SIMD, 3).model_copy(update={"version": "9.9.9"}))
    assert refusal("runs", side(), newer) is None
    assert [one.change for one in differences("runs", side(), newer)] == ["engine version 4.22.0 → 9.9.9"]
    assert refusal("browsers", side(), newer) == "engine version: 4.22.0 against 9.9.9."
    older = replace(side(replace(SIMD, engine="tfjs@4.2")), measurement=newer.measurement)
    assert refusal("releases", older, side()) is None
    assert [one.field for one in differences("releases", older, side())] == ["release", "engine version"]
    assert refusal("runs", older, side()) == "release: tfjs@4.2 against tfjs."


def test_another_number_of_threads_than_asked_is_refused() -> None:
    assert refusal("runs", side(), side(threads=3)) == "threads: tfjs was asked for 1 and ran on 3."


def test_text_from_a_device_cannot_command_a_terminal() -> None:
    strange = replace(side(), target=example.host().model_copy(update={"soc": "CPU\x1b[31m"}))
    found = refusal("runs", side(), strange)
    assert found is not None
    assert "\x1b" not in found


def test_native_and_web_may_differ_in_what_makes_them_so() -> None:
    assert refusal("native and web", side(), side(TFLITE)) is None
