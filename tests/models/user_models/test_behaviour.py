"""Models that are no pure functions of their input: found out by their own engine when they are added."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from mobilebench.engines.registry import engines
from mobilebench.models import behaviour, user_store
from mobilebench.models.inspection.inspecting import OperatorCount
from mobilebench.models.manifest import AddedManifest, Behaviour, Manifest
from mobilebench.models.user_models import converting, importer, reference_client, reference_worker
from tests.pinning import Pinned

from ...engines.web_cases import target_info, web_case
from .making_onnx import save

FILES = Path(__file__).parent / "behaving"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


def added_as(file: Path) -> tuple[Behaviour, Manifest]:
    manifest = importer.add(file).files.manifest
    return behaviour.of(manifest), manifest


def drawing(path: Path, nodes: list[Any], **weights: Any) -> Path:
    """A model from `x` (1 x 64) to `y`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return save(path, nodes, [x], [y], weights)


@pytest.mark.slow
def test_a_model_that_counts_is_stateful_and_its_first_answer_is_the_reference(tmp_path: Path, pinned: Pinned) -> None:
    found, manifest = added_as(shutil.copy(FILES / "resource_variable.tflite", tmp_path / "s.tflite"))
    assert found == Behaviour(stateful=True, operators=["ASSIGN_VARIABLE"])
    assert manifest.reference[0].max == pytest.approx(1.0, abs=1e-3)
    assert manifest.notes == []
    pinned(behaviour.clause(found) or "")
    again = user_store.find("s")
    assert again is not None
    assert behaviour.of(user_store.whole(again).manifest) == found


@pytest.mark.slow
def test_a_recurrent_layer_with_a_variable_tensor_is_stateful_and_refused_by_litertjs(tmp_path: Path) -> None:
    found, manifest = added_as(shutil.copy(FILES / "variable_tensor.tflite", tmp_path / "v.tflite"))
    assert found == Behaviour(stateful=True, operators=["UNIDIRECTIONAL_SEQUENCE_RNN"])
    assert behaviour.in_variable_tensors(manifest) == ["UNIDIRECTIONAL_SEQUENCE_RNN"]
    page = web_case("litertjs", "wasm", "simd", model="v")
    assert engines()["litertjs"].supports(target_info(), page) == (
        "LiteRT.js has no variable tensors, in which v keeps its state (UNIDIRECTIONAL_SEQUENCE_RNN)"
    )
    assert engines()["litertjs"].supports(target_info(), web_case("litertjs", "wasm", "simd")) is None


@pytest.mark.parametrize("seed", ["random", "seeded"])
@pytest.mark.slow
def test_random_numbers_of_tensorflow_lite_are_random_whatever_their_seed(seed: str, tmp_path: Path) -> None:
    found, _ = added_as(shutil.copy(FILES / f"{seed}_uniform.tflite", tmp_path / f"{seed}.tflite"))
    assert found == Behaviour(random=True, operators=["RANDOM_UNIFORM"])


@pytest.mark.slow
def test_dropout_in_training_mode_is_random(tmp_path: Path, pinned: Pinned) -> None:
    found, manifest = added_as(shutil.copy(FILES / "dropout_training.onnx", tmp_path / "r.onnx"))
    assert found == Behaviour(random=True, operators=["Dropout"])
    pinned(behaviour.clause(found) or "")
    assert manifest.notes == []


@pytest.mark.slow
def test_no_conversion_is_held_against_a_random_model(tmp_path: Path, pinned: Pinned) -> None:
    taken = importer.add(shutil.copy(FILES / "dropout_training.onnx", tmp_path / "r.onnx"))
    manifest = converting.convert(taken, lambda step: None).files.manifest
    assert set(manifest.formats) == {"onnx"}
    pinned(manifest.unsupported["tflite"])
    assert behaviour.of(manifest).random


def _inner() -> Any:
    """A graph inside If that draws numbers."""
    drawn = helper.make_tensor_value_info("drawn", TensorProto.FLOAT, [1, 64])
    node = helper.make_node("RandomUniform", [], ["drawn"], shape=[1, 64], high=1.0, low=0.0)
    return helper.make_graph([node], "inner", [], [drawn])


RANDOM = {
    "a seeded generator": [
        helper.make_node("RandomNormal", [], ["n"], shape=[1, 64], seed=5.0),
        helper.make_node("Add", ["x", "n"], ["y"]),
    ],
    "numbers in the shape of another tensor": [
        helper.make_node("RandomUniformLike", ["x"], ["n"]),
        helper.make_node("Add", ["x", "n"], ["y"]),
    ],
    "one coin": [
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["z"]),
        helper.make_node("Add", ["z", "half"], ["p"]),
        helper.make_node("Bernoulli", ["p"], ["y"]),
    ],
    "classes": [
        helper.make_node("Multinomial", ["x"], ["c"], sample_size=3),
        helper.make_node("Cast", ["c"], ["y"], to=TensorProto.FLOAT),
    ],
    "shapes": [
        helper.make_node("RandomUniformLike", ["x"], ["n"]),
        helper.make_node("Greater", ["n", "half"], ["heads"]),
        helper.make_node("NonZero", ["heads"], ["places"]),
        helper.make_node("Cast", ["places"], ["y"], to=TensorProto.FLOAT),
    ],
    "a graph inside an operator": [
        helper.make_node("ReduceMax", ["x"], ["m"], keepdims=0),
        helper.make_node("Greater", ["m", "zero"], ["any"]),
        helper.make_node("If", ["any"], ["y"], then_branch=_inner(), else_branch=_inner()),
    ],
}
CONSTANTS = {"zero": np.float32(0), "half": np.float32(0.5)}


@pytest.mark.build
@pytest.mark.parametrize("what", RANDOM)
def test_random_operators_are_found_wherever_they_are(what: str, tmp_path: Path) -> None:
    found, _ = added_as(drawing(tmp_path / "r.onnx", RANDOM[what], **CONSTANTS))
    assert found.random
    assert not found.stateful
    assert len(found.operators) == 1
    assert found.sizes_vary == (what == "shapes")


PURE = {
    "dropout when nothing is trained": [helper.make_node("Dropout", ["x"], ["y"])],
    "numbers that are multiplied by nothing": [
        helper.make_node("RandomUniformLike", ["x"], ["n"]),
        helper.make_node("Mul", ["n", "zero"], ["o"]),
        helper.make_node("Add", ["x", "o"], ["y"]),
    ],
    "answers that are no numbers": [helper.make_node("Log", ["x"], ["y"])],
}


@pytest.mark.build
@pytest.mark.parametrize("what", PURE)
def test_the_same_answers_are_those_of_a_pure_function(what: str, tmp_path: Path) -> None:
    found, manifest = added_as(drawing(tmp_path / "p.onnx", PURE[what], **CONSTANTS))
    assert found == Behaviour()
    assert behaviour.clause(found) is None
    assert bool(manifest.notes) == (what == "answers that are no numbers")


def answer(repeated: float = 0.0, renewed: float = 0.0) -> reference_client.ReferenceAnswer:
    return reference_client.ReferenceAnswer([], [], repeated, renewed)


@pytest.mark.parametrize(
    ("repeated", "renewed", "random_operators", "state_operators", "tolerance", "expected"),
    [
        (0.0, 0.0, [], [], 1e-4, (False, False)),
        (0.0, 0.0, ["Dropout"], ["ASSIGN_VARIABLE"], 1e-4, (False, False)),
        (9e-5, 9e-5, [], [], 1e-4, (False, False)),  # the noise of sums in another order
        (0.1, 0.0, [], [], 1e-4, (True, False)),  # an operator that nobody knows
        (0.1, 0.0, ["RandomNormal"], [], 1e-4, (False, True)),  # a fixed seed
        (0.0, 0.1, [], [], 1e-4, (False, True)),  # a seed for each session
        (0.1, 0.1, ["RandomUniform"], ["AssignAddVariableOp"], 1e-4, (True, True)),
        (1e-3, 0.0, [], ["SVDF"], 0.15, (True, False)),  # state that a coarse tolerance would hide
        (1e-3, 1e-3, [], [], 0.15, (False, False)),
    ],
)
def test_what_a_model_is_follows_from_its_answers(
    repeated: float,
    renewed: float,
    random_operators: list[str],
    state_operators: list[str],
    tolerance: float,
    expected: tuple[bool, bool],
) -> None:
    found = reference_client.behaviour(
        answer(repeated), answer(renewed=renewed), tolerance, random_operators, state_operators
    )
    assert (found.stateful, found.random) == expected


def test_answers_are_as_far_from_each_other_as_their_worst_output() -> None:
    def distance(one: Any, other: Any) -> float:
        return reference_worker.distance({"y": np.asarray(one, np.float32)}, {"y": np.asarray(other, np.float32)})

    nan, inf = np.nan, np.inf
    assert distance([1, 2], [1, 2]) == 0
    assert distance([1, 2], [1, 3]) == pytest.approx(0.5)
    assert distance([nan, inf, -inf, 2], [nan, inf, -inf, 2]) == 0
    assert distance([nan, 2], [nan, 1]) == pytest.approx(0.5)
    assert distance([nan, 2], [2, nan]) == inf
    assert distance([inf, 2], [-inf, 2]) == inf
    assert distance([1, 2], [[1, 2]]) == inf
    assert distance([0, 0], [0, 1]) == inf
    assert distance([nan], [1]) == inf
    assert distance([], []) == 0


def test_operators_are_known_by_name_in_every_format() -> None:
    def counted(kind: str, domain: str = "") -> list[OperatorCount]:
        return [OperatorCount(type="Add", count=1), OperatorCount(type=kind, domain=domain, count=1)]

    random, state = behaviour.random_operators, behaviour.state_operators
    assert random(counted("Bernoulli"), "onnx") == ["Bernoulli"]
    assert random(counted("BiasDropout", "com.microsoft"), "onnx") == ["BiasDropout"]
    assert random(counted("RANDOM_STANDARD_NORMAL"), "tflite") == ["RANDOM_STANDARD_NORMAL"]
    assert random(counted("FlexRandomUniform", "flex"), "tflite") == ["FlexRandomUniform"]
    assert random(counted("StatelessRandomUniformV2"), "saved_model") == []
    assert random(counted("RandomStandardNormal"), "tfjs") == ["RandomStandardNormal"]
    assert state(counted("UNIDIRECTIONAL_SEQUENCE_LSTM"), "tflite") == ["UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert state(counted("AssignAddVariableOp"), "saved_model") == ["AssignAddVariableOp"]
    assert state(counted("LSTM"), "onnx") == []


def test_a_manifest_of_before_reads_as_that_of_a_pure_function() -> None:
    stored = {"source": "added", "model": "n", "precision": "fp32", "batch": 1, "weights": "added: 0", "seed": None}
    stored |= {"inputs": [], "outputs": [], "formats": {}, "reference": [], "tolerance": 1e-4, "parameters": 0}
    assert behaviour.of(AddedManifest.model_validate({**stored, "built_with": {}})) == Behaviour()
    assert behaviour.in_a_word(Behaviour()) is None
    assert behaviour.in_a_word(Behaviour(random=True, stateful=True)) == "random and stateful"
