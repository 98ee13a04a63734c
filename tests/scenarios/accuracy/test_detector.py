"""The small detector: trained here, converted, and with answers that mean something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput
from mobilebench.models import user_store
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.steps import detection
from mobilebench.reuse import shapes
from mobilebench.reuse.answers import Answer
from mobilebench.reuse.evaluation import Evaluator, Latency
from mobilebench.reuse.scoring import Metric
from mobilebench.scenarios.accuracy import detector
from mobilebench.scenarios.accuracy.detector import PLACES


def raw(*there: tuple[int, str, tuple[float, float, float, float], float]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Outputs with these objects: place, class, centre and size as shares of the image, logit."""
    encodings = np.zeros((1, PLACES, 4), np.float32)
    logits = np.full((1, PLACES, len(shapes.CLASSES)), -10, np.float32)
    for place, label, box, logit in there:
        encodings[0, place] = detection.encoded(
            np.array([box]), detector.anchors()[place][None], detection.PLAIN_SCALES
        )[0]
        logits[0, place, shapes.CLASSES.index(label)] = logit
    return encodings, logits


def test_outputs_become_boxes_in_pixels() -> None:
    answer = detector.decoded(*raw((40, "cross", (0.25, 0.5, 0.1, 0.2), 2.0)))
    (box,) = answer.boxes
    assert (box.label, answer.label) == ("cross", "cross")
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((38.4, 19.2, 57.6, 28.8), abs=1e-3)
    assert box.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)


def test_overlapping_boxes_of_a_class_are_one_and_the_largest_sure_one_names_the_image() -> None:
    small = (30, "circle", (0.2, 0.2, 0.2, 0.2), 3.0)
    again = (31, "circle", (0.21, 0.2, 0.2, 0.2), 1.0)
    large = (90, "square", (0.7, 0.7, 0.3, 0.3), 1.0)
    unsure = (100, "triangle", (0.7, 0.4, 0.5, 0.5), -1.5)
    answer = detector.decoded(*raw(small, again, large, unsure))
    assert sorted(box.label for box in answer.boxes) == ["circle", "square", "triangle"]
    assert answer.label == "square"


def test_nothing_found_is_an_answer() -> None:
    assert detector.decoded(*raw()) == Answer()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILEBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        steps: list[str] = []
        files = detector.ensure(steps.append)
        assert steps[0].startswith("training")
        steps.clear()
        assert detector.ensure(steps.append) == files
        assert not steps  # it is trained once
        yield files


@pytest.fixture(scope="module")
def found(trained: ModelFiles) -> dict[str, Answer]:
    return detector.answers(trained, shapes.generate().images)


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_finds_what_is_there_and_loses_with_latency(found: dict[str, Answer]) -> None:
    frames = shapes.generate().frames
    evaluator = Evaluator(frames, found, resamples=0)
    outcomes = [evaluator.evaluate(Latency("", ((ms,),))) for ms in (0.0, 80.0, 400.0)]
    least: dict[Metric, float] = {"top-1": 0.7, "mAP@0.5": 0.8, "mAP@[.5:.95]": 0.5}
    for metric, value in least.items():
        none, some, much = (one.losses[metric].with_reuse.value for one in outcomes)
        assert none > value, metric
        assert none > much, metric
        assert metric == "top-1" or none > some > much, metric


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_is_far_better_than_its_answers_to_other_frames(found: dict[str, Answer]) -> None:
    frames = shapes.generate().frames
    names = list(found)
    shuffled = dict(zip(names, np.random.default_rng(0).permutation(names).tolist(), strict=True))
    chance = Evaluator(frames, {name: found[other] for name, other in shuffled.items()}, resamples=0)
    real = Evaluator(frames, found, resamples=0)
    by_chance, really = (one.evaluate(Latency("", ((0.0,),))).losses for one in (chance, real))
    assert really["mAP@0.5"].without.value > by_chance["mAP@0.5"].without.value + 0.5
    assert really["top-1"].without.value > by_chance["top-1"].without.value + 0.3


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_litert_answers_as_onnx_runtime(trained: ModelFiles, found: dict[str, Answer]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    assert set(trained.manifest.formats) >= {"saved_model", "tflite", "onnx", "tfjs"}, trained.manifest.unsupported
    stored = trained.manifest.formats["tflite"]
    interpreter = Interpreter(model_path=str(trained.folder / stored.path))
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    given = {one["name"]: one["index"] for one in interpreter.get_output_details()}
    images = shapes.generate().images
    for name in list(images)[::30]:
        interpreter.set_tensor(taken["index"], detector.scaled(images[name])[None])
        interpreter.invoke()
        outputs = [interpreter.get_tensor(given[stored.outputs[one]]) for one in detector.OUTPUTS]
        answer = detector.decoded(*outputs)
        assert answer.label == found[name].label
        assert [box.label for box in answer.boxes if box.score > 0.3] == [
            box.label for box in found[name].boxes if box.score > 0.3
        ]


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_seed_gives_the_same_training(tmp_path: Path) -> None:
    first, second = (detector.train(tmp_path / name, seed=3, steps=10) for name in ("first", "second"))
    assert first["parameters"] == second["parameters"]
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-4)


@pytest.mark.build
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_another_model_of_its_name_is_refused(trained: ModelFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trained.manifest.model_copy(update={"outputs": ["logits"]})
    monkeypatch.setattr(user_store, "find", lambda name: ModelFiles(trained.folder, other))
    with pytest.raises(BadInput, match="another model"):
        detector.ensure(lambda step: None)
