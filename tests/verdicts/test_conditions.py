"""The rule about conditions that a phone refused, and the verdict on attempts that were stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mobilebench.core.records import BlockRule, DeviceCondition, DeviceConditions, PlannedBlock, Stopped, Verdict
from mobilebench.models.registry import facts
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verdicts.next_steps import next_step
from mobilebench.verdicts.rules import RULES_VERSION, judge
from mobilebench.verdicts.stopped import judge_stopped

from ..results.making import START, measurement, phone
from .test_rules import ANSWER, MANIFEST, NATIVE, tflite


def judged(*conditions: DeviceCondition) -> Verdict:
    planned = PlannedBlock(index=0, round=0, case=replace(tflite(), target="R58M"), rule=BlockRule())
    device = DeviceConditions(asked="default", conditions=list(conditions))
    made = measurement(
        engine="tflite",
        output=[summarise("logits", ANSWER)],
        proof={**NATIVE, "device": device},
        setup_ms={"library_load": 1.0},
        warmup_ms=[1.0],
        prediction_ms=[10.0] * 5,
    )
    return judge(planned, made, phone(), facts(MANIFEST))


def test_conditions_that_hold_or_that_the_phone_does_not_have_are_no_reason() -> None:
    found = judged(
        DeviceCondition(name="stay-awake", state="set"),
        DeviceCondition(name="rotation", state="already"),
        DeviceCondition(name="do-not-disturb", state="unavailable", reason="needs Android 11"),
    )
    assert (found.status, found.codes) == ("valid", [])


def test_what_the_phone_refused_is_named_once_for_each_reason() -> None:
    refused = [DeviceCondition(name=name, state="refused", reason="denied") for name in ("brightness", "rotation")]
    found = judged(*refused, DeviceCondition(name="screen-on", state="refused", reason="a lock screen"))
    assert (found.status, found.codes) == ("suspect", ["condition-refused"])
    assert found.sentences == [
        "it was measured without brightness, rotation, which the phone refused: denied",
        "it was measured without screen-on, which the phone refused: a lock screen",
    ]
    assert "doctor" in (next_step("condition-refused") or "")


def test_a_stopped_attempt_is_invalid() -> None:
    attempt = Stopped(started_at=START, ended_at=START + timedelta(seconds=12), source="skin", celsius=51.2, limit=50.0)
    found = judge_stopped(attempt)
    assert (found.status, found.codes, found.rules) == ("invalid", ["stopped-hot"], RULES_VERSION)
    assert "skin 51.2 °C, limit 50 °C, after 12 s" in found.sentences[0]
    assert next_step("stopped-hot")
