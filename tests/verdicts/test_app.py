from __future__ import annotations

from typing import Any

import pytest

from mobilebench.core.records import AppProof, BlockRule, Case, Measurement, PlannedBlock, Proof, TargetInfo
from mobilebench.verdicts.app import judge_app
from mobilebench.verdicts.findings import Evidence, Findings

PHONE = TargetInfo(
    id="R5",
    kind="android",
    machine="R5",
    name="a phone",
    soc="an SoC",
    os="Android 14",
    abi="arm64-v8a",
    runner="android-arm64-v8a",
    cores=8,
)
SEEN = AppProof(context="app-foreground", visible=True, low_memory=False)


def codes(app: AppProof | None, context: Any = "app-foreground") -> list[str]:
    case = Case(target="R5", engine="onnxruntime", backend="cpu", threads=1, model="mobilenet_v2", context=context)
    measurement = Measurement.model_validate(
        {
            "schema": "mobilebench/measurement/1",
            "status": "ok",
            "engine": "onnxruntime",
            "proof": Proof(app=app).model_dump(by_alias=True),
        }
    )
    found = Findings()
    judge_app(Evidence(PlannedBlock(index=0, round=0, case=case, rule=BlockRule()), measurement, PHONE), found)
    return found.verdict(1).codes


def test_an_app_in_front_and_a_shell_have_no_reason() -> None:
    assert codes(SEEN) == []
    assert codes(None, "shell") == []
    assert codes(SEEN.model_copy(update={"context": "app-service", "visible": False}), "app-service") == []


def test_another_context_is_invalid() -> None:
    assert codes(SEEN, "app-service") == ["wrong-context"]


def test_an_app_that_was_hidden_is_suspect() -> None:
    assert codes(SEEN.model_copy(update={"visible": False})) == ["app-hidden"]


def test_an_app_with_low_memory_is_suspect() -> None:
    assert codes(SEEN.model_copy(update={"low_memory": True})) == ["app-low-memory"]


@pytest.mark.parametrize("app", [None, SEEN.model_copy(update={"visible": None})])
def test_an_app_without_proof_is_suspect(app: AppProof | None) -> None:
    assert codes(app) == ["unproven-app"]


def test_a_jvm_has_no_activity_to_see() -> None:
    assert codes(AppProof(context="app-foreground", jvm="OpenJDK 17", virtual=True)) == []
