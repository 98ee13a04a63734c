"""What is known, what can be built, and how a wrong name is answered."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.models import pins, registry
from tests.pinning import Pinned

CHECKOUT = Path(__file__).parents[2]


def test_the_papers_nine_models_are_known() -> None:
    labels = [registry.get(name).label for name in registry.names()]
    assert labels[:9] == [f"M{number}" for number in range(1, 10)]
    assert set(labels[9:]) <= {""}


@pytest.mark.parametrize("name", registry.names())
def test_every_entry_is_whole(name: str) -> None:
    entry = registry.get(name)
    assert entry.name == name
    assert entry.title and entry.task and entry.citation and entry.outputs
    assert entry.tolerance["fp32"] == 1e-4
    specs = entry.input_specs(3)
    assert len({spec.name for spec in specs}) == len(specs) > 0
    assert all(spec.shape[0] == 3 and min(spec.shape) > 0 and spec.fill.low < spec.fill.high for spec in specs)


def test_the_two_models_of_quick_can_be_built() -> None:
    assert registry.why_not("mobilenet_v2") is None
    assert registry.why_not("bert_small", "fp32") is None
    assert registry.get("mobilenet_v2").input_specs(1)[0].shape == [1, 224, 224, 3]
    bert = registry.get("bert_small").input_specs(2)
    assert [spec.name for spec in bert] == ["input_ids", "attention_mask", "token_type_ids"]
    assert {(spec.dtype, *spec.shape) for spec in bert} == {("int32", 2, 128)}


def test_what_cannot_be_built_says_why_not(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setitem(registry.MODELS, "vgg16", replace(registry.get("vgg16"), definition=None))
    pinned(registry.why_not("vgg16") or "")
    monkeypatch.setitem(
        registry.MODELS, "mobilenet_v2", replace(registry.get("mobilenet_v2"), tolerance={"fp32": 1e-4})
    )
    reason = registry.why_not("mobilenet_v2", "int8")
    pinned(reason or "")


@pytest.mark.parametrize(
    ("wrong", "close"), [("mobilenetv2", "mobilenet_v2"), ("BERT-small", "bert_small"), ("resnet", "resnet50")]
)
def test_a_wrong_name_gets_the_closest(wrong: str, close: str) -> None:
    with pytest.raises(BadInput) as caught:
        registry.get(wrong)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert wrong in caught.value.message
    assert all(name in caught.value.message for name in registry.names())
    assert caught.value.hint == f"Did you mean `{close}`?"


def test_a_name_like_none_gets_the_list(pinned: Pinned) -> None:
    with pytest.raises(BadInput) as caught:
        registry.why_not("qqqq")
    pinned(caught.value.hint or "")


def test_an_unknown_precision_is_bad_input(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        registry.why_not("mobilenet_v2", "fp64")


@pytest.mark.slow
def test_the_registry_is_light() -> None:
    code = (
        "import sys, mobilebench.models.registry, mobilebench.models.obtain, mobilebench.core.agreement\n"
        "print([m for m in ('numpy', 'tensorflow', 'onnx', 'onnxruntime', 'pandas') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_pins_are_those_of_the_package_and_its_locks() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["models"]]
    declared = dict(requirement.split("==") for requirement in needed if "==" in requirement)
    locked = (CHECKOUT / "requirements" / "tensorflowjs.txt").read_text().split()[0]
    declared |= dict([locked.split("==")])
    assert {name: declared[name] for name in pins.CONVERTERS} == pins.CONVERTERS
