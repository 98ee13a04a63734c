"""Seeded weights prove something: every layer has work, and every output follows the input.

Here for the light models and those that needed care; `models verify` looks at all of them.
"""

from __future__ import annotations

import importlib
from itertools import combinations

import pytest

from mobilebench.models import registry

CHANGE = 0.2
"""Of an output's scale, between any two of the seeded inputs: quantised precisions may differ by several per cent."""

LIGHT = [
    *("mobilenet_v2", "bert_small", "squeezenet", "shufflenet_v2", "inception_v3", "pggan"),
    *("mlp_1x64", "mlp_16x256", "cnn_6x200", "cnn_15x200", "cnn_27x200", "rnn_1x8", "rnn_3x4"),
]


@pytest.mark.build
@pytest.mark.parametrize("name", LIGHT)
def test_every_layer_has_work_and_outputs_follow_the_input(name: str) -> None:
    import numpy as np
    import tensorflow as tf

    from mobilebench.models import synthetic_inputs
    from mobilebench.models.zoo.blocks import Weights
    from mobilebench.verification import activations

    entry = registry.get(name)
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    network = definition.network(weights, 1, **entry.options)
    specs = entry.input_specs(1)
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs}
    serve = tf.function(lambda **inputs: network(inputs)).get_concrete_function(**signature)

    answers = []
    for one in synthetic_inputs.SEEDED:
        feed = synthetic_inputs.seeded_feed(specs, one)
        assert activations.complaints(activations.shares(serve, feed)) == []
        outputs = serve(**{name: tf.constant(values) for name, values in feed.items()})
        answers.append({name: tensor.numpy() for name, tensor in outputs.items()})
    for left, right in combinations(answers, 2):
        for output in entry.outputs:
            scale = max(np.abs(left[output]).max(), np.abs(right[output]).max())
            assert np.abs(left[output] - right[output]).max() >= CHANGE * scale
