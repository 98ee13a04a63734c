"""`mobilebench models verify`: what it refuses, prints and answers to the shell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mobilebench.models import registry
from mobilebench.verification import matrix, verifier
from mobilebench.verification.records import Activations, ModelMatrix, OutputFacts, ReferenceFacts, WorstLayer
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned
from tests.verification.answers import answered, cell, difference

FACTS = ReferenceFacts(
    engine="tensorflow",
    version="2",
    stamp="now",
    outputs=[OutputFacts(name="logits", scale=3.0, least_change=0.31)],
    activations=Activations(
        layers=82,
        worst=[WorstLayer(what="zero", layer="conv_3/Relu", operation="Relu", share=0.6)],
        complaints=[],
    ),
)
AGREES = matrix.judge(answered(), 1e-4)
KNOWN = matrix.judge(answered(), 1e-4, before=True)
DIFFERS = matrix.judge(answered(differences=[difference("upper", 0.2)]), 1e-4)
LACKS = matrix.unsupported(cell("tfjs", "wasm", "simd", "tfjs"), 1e-4, "no 8-bit arithmetic [at all]")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[verifier.Request]]:
    """Has `verify` find these rows, and tells what was asked for."""

    def find(*rows: Any, stop: bool = False, complaints: tuple[str, ...] = ()) -> list[verifier.Request]:
        asked: list[verifier.Request] = []

        def verify(request: verifier.Request, here: Any, tell: Any, cancel: Any) -> Iterator[ModelMatrix]:
            asked.append(request)
            for number, row in enumerate(rows, 1):
                tell(verifier.Begun(row.cell, number, len(rows), "published"))
                tell(verifier.Ended(row, number, len(rows)))
            yield ModelMatrix(
                model="bert_small", reference=FACTS, complaints=list(complaints), notes=["a note"], cells=list(rows)
            )
            if stop:
                raise verifier.Stopped

        monkeypatch.setattr(verifier, "verify", verify)
        return asked

    return find


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("", "--all"),
        ("bert_small --all", "--all"),
        ("resnet18", "resnet18"),
        ("'nothing_*'", "nothing_*"),
        ("bert_small --precision fp8", "fp8"),
        ("bert_small --engine caffe", "caffe"),
        ("bert_small --backend cuda", "cuda"),
        ("bert_small --inputs random", "random"),
    ],
)
def test_what_cannot_be_verified_is_bad_input(arguments: str, wrong: str) -> None:
    code, out, err = mobilebench(f"models verify {arguments}")
    assert (code, out) == (2, "")
    assert wrong in err


def test_agreement_is_printed_with_what_it_is_worth(finds: Callable[..., list[verifier.Request]]) -> None:
    finds(AGREES, LACKS)
    code, out, err = mobilebench("models verify bert_small")
    assert code == 0
    assert "3.00e-06" in out
    assert "pass" in out
    assert "  fp32 tfjs: unsupported: no 8-bit arithmetic [at all]" in out
    assert "Can fail: fp32: yes, another input differs by 0.4 of the scale or more, tolerance 0.0001." in out
    assert "worst of 82 layers: zero 60.0% (`conv_3/Relu`)" in out
    assert "1 of 1 model: 1 pass, 1 unsupported" in out
    assert "[1/2] bert_small fp32 onnx ortjs" in err.replace("net ", "bert_small ")


def test_what_is_from_before_says_when(finds: Callable[..., list[verifier.Request]], pinned: Pinned) -> None:
    finds(KNOWN, AGREES)
    code, out, _ = mobilebench("models verify bert_small")
    assert code == 0
    assert f"{KNOWN.answered.at:%Y-%m-%d %H:%M} UTC" in out if KNOWN.answered else False
    assert "now" in out
    pinned(out.splitlines()[-1])


def test_a_reason_names_the_engines_that_it_holds_for(finds: Callable[..., list[verifier.Request]]) -> None:
    finds(AGREES, LACKS, matrix.judge(answered(cell=cell("tfjs", "webgl", "software", "tfjs")), 1e-4))
    assert "  fp32 tfjs tfjs wasm simd: unsupported: no 8-bit arithmetic" in mobilebench("models verify bert_small").out


@pytest.mark.parametrize("rows", [(AGREES, DIFFERS), (matrix.judge(answered(failure="it crashed"), 1e-4),)])
def test_a_cell_that_fails_ends_with_1(rows: Any, finds: Callable[..., list[verifier.Request]], pinned: Pinned) -> None:
    finds(*rows)
    code, out, _ = mobilebench("models verify bert_small")
    assert code == 1
    pinned(out.splitlines()[-1])


def test_a_model_that_proves_nothing_ends_with_1(finds: Callable[..., list[verifier.Request]]) -> None:
    finds(AGREES, complaints=("Output `logits` is constant.",))
    code, out, _ = mobilebench("models verify bert_small")
    assert (code, "FAIL: Output `logits` is constant." in out) == (1, True)


def test_a_stop_keeps_what_is_there_and_ends_with_130(
    finds: Callable[..., list[verifier.Request]], pinned: Pinned
) -> None:
    finds(AGREES, stop=True)
    code, out, _ = mobilebench("models verify bert_small squeezenet")
    assert code == 130
    pinned("\n".join(out.splitlines()[-2:]))


def test_json_holds_every_number(finds: Callable[..., list[verifier.Request]]) -> None:
    finds(AGREES, DIFFERS)
    code, out, _ = mobilebench("models verify bert_small --json")
    told = json.loads(out)
    assert code == 1
    assert told["counts"] == {"pass": 1, "FAIL": 1, "unchecked": 0, "unsupported": 0, "failed": 0}
    assert told["complete"] is True
    (model,) = told["models"]
    assert model["passes"] is False
    assert model["cells"][1]["answered"]["differences"][0]["relative"] == 0.2
    assert model["reference"]["outputs"][0]["least_change"] == 0.31


def test_options_choose_what_is_verified(finds: Callable[..., list[verifier.Request]]) -> None:
    asked = finds(AGREES)
    mobilebench("models verify 'bert_*' --precision int8,fp16 --engine ortjs --inputs upper --again")
    assert asked == [
        verifier.Request(
            models=("bert_base", "bert_small"),
            precisions=("int8", "fp16"),
            engines=("ortjs",),
            inputs=("upper",),
            again=True,
        )
    ]


def test_all_means_every_model_that_can_be_had(finds: Callable[..., list[verifier.Request]]) -> None:
    asked = finds(AGREES)
    mobilebench("models verify --all")
    assert asked[0].models == tuple(name for name in registry.names() if registry.why_not(name) is None)
    assert asked[0].precisions == ()
