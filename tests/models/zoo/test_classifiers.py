"""The classifiers are those of the literature: what they take and give, and their parameters to the last one."""

from __future__ import annotations

import importlib

import pytest

from mobilebench.models import registry

CLASSIFIERS = {
    "resnet50": (25_557_032, 26_560),
    "vgg16": (138_357_544, 0),
    "alexnet": (61_100_840, 0),
    "squeezenet": (1_248_424, 0),
    "shufflenet_v2": (2_278_604, 8_090),
    "densenet121": (7_978_856, 7_488),
    "xception": (22_855_952, 27_264),
    "inception_v3": (23_817_352, 0),
}
"""Trainable parameters in the literature, and how many of them are batch norm scales that folding takes away.

Every channel that is normalised behind a convolution has one scale and one shift; the scale vanishes into the filters,
the shift stays as bias. VGG-16, AlexNet and SqueezeNet have no batch norm; Inception v3's has only shifts. DenseNet's
is folded where it stands behind a convolution (the first one, and the narrow one of each of its 58 layers).
"""


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_takes_an_image_and_gives_raw_scores(name: str) -> None:
    entry = registry.get(name)
    side = 299 if name in {"xception", "inception_v3"} else 224
    assert registry.why_not(name) is None
    assert entry.task == "image classification"
    assert [(spec.name, spec.dtype, spec.shape) for spec in entry.input_specs(2)] == [
        ("image", "float32", [2, side, side, 3])
    ]
    assert entry.outputs == ("logits",)
    assert entry.parameters == CLASSIFIERS[name][0]


@pytest.mark.build
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_shapes_and_parameters_are_those_of_the_literature(name: str) -> None:
    import tensorflow as tf

    from mobilebench.models.zoo.blocks import Weights

    definition = importlib.import_module(registry.get(name).definition or "")
    weights = Weights(definition.SEED)
    network = definition.network(weights, 2)
    published, folded = CLASSIFIERS[name]
    assert weights.count + folded == published

    specs = registry.get(name).input_specs(2)
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs}
    outputs = tf.function(lambda **inputs: network(inputs)).get_concrete_function(**signature).structured_outputs
    assert {name: list(tensor.shape) for name, tensor in outputs.items()} == {"logits": [2, 1000]}
