"""Members of the families: shapes and parameters, counted by hand, of small and of large ones."""

from __future__ import annotations

import importlib

import pytest

from mobilebench.models import registry

MEMBERS = {
    "mlp_1x64": ([2, 784], 784 * 64 + 64 + 64 * 10 + 10, [2, 10]),
    "mlp_16x512": ([2, 784], 784 * 512 + 512 + 15 * (512 * 512 + 512) + 512 * 10 + 10, [2, 10]),
    # Two convolutions, 14 x 14 places left, and two dense layers.
    "cnn_6x200": (
        [2, 28, 28, 1],
        (9 * 200 + 200) + (9 * 200 * 200 + 200) + (14 * 14 * 200 * 128 + 128) + (128 * 10 + 10),
        [2, 10],
    ),
    # Sixteen convolutions; eight poolings leave one place.
    "cnn_27x200": (
        [2, 28, 28, 1],
        (9 * 200 + 200) + 15 * (9 * 200 * 200 + 200) + (200 * 128 + 128) + (128 * 10 + 10),
        [2, 10],
    ),
    # As Keras counts an LSTM: four gates, each with weights for the input and for the state, and a bias.
    "rnn_1x4": ([2, 40, 57], 4 * (4 * (57 + 4) + 4) + 4 * 57 + 57, [2, 57]),
    "rnn_3x256": (
        [2, 40, 57],
        4 * (256 * (57 + 256) + 256) + 2 * 4 * (256 * 512 + 256) + 256 * 57 + 57,
        [2, 57],
    ),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_the_registry_counts_what_the_layers_hold(name: str) -> None:
    shape, parameters, _ = MEMBERS[name]
    entry = registry.get(name)
    assert [spec.shape for spec in entry.input_specs(2)] == [shape]
    assert entry.parameters == parameters


@pytest.mark.build
@pytest.mark.parametrize("name", [*MEMBERS, "cnn_9x200", "cnn_15x400", "rnn_2x64", "mlp_4x256"])
def test_shapes_and_parameters_are_those_of_the_registry(name: str) -> None:
    import tensorflow as tf

    from mobilebench.models.zoo.blocks import Weights

    entry = registry.get(name)
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    network = definition.network(weights, 2, **entry.options)
    assert weights.count == entry.parameters

    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in entry.input_specs(2)}
    function = tf.function(lambda **inputs: network(inputs)).get_concrete_function(**signature)
    assert [list(tensor.shape) for tensor in function.structured_outputs.values()] == [
        [2, 57 if name.startswith("rnn") else 10]
    ]
    operators = function.graph.get_operations()
    assert "While" not in {op.type for op in operators}
    # TensorFlow's quantiser leaves such a split in float, now and then: the same model became different files.
    assert not [op.name for op in operators if op.type == "Split" and not all(part.consumers() for part in op.outputs)]


@pytest.mark.build
def test_a_step_of_a_cell_is_that_of_the_literature() -> None:
    """One cell by hand (Gers et al., 2000): what enters, what is kept, what leaves."""
    import numpy as np
    import tensorflow as tf

    from mobilebench.models.zoo import rnn
    from mobilebench.models.zoo.blocks import Weights

    weights = Weights(1)
    network = rnn.network(weights, 1, depth=1, width=3)
    matrix, bias, answer, shift = (variable.numpy().astype(np.float64) for variable in weights.variables)
    characters = np.random.default_rng(2).uniform(-1, 1, (1, 40, 57)).astype(np.float32)
    state, memory = np.zeros(3), np.zeros(3)
    for x in characters[0]:
        enter, keep, candidate, leave = np.split(np.concatenate([x, state]) @ matrix + bias, 4)
        memory = _sigmoid(keep) * memory + _sigmoid(enter) * np.tanh(candidate)
        state = _sigmoid(leave) * np.tanh(memory)
    found = network({"characters": tf.constant(characters)})["logits"].numpy()[0]
    assert found == pytest.approx(state @ answer + shift, abs=1e-5)


def _sigmoid(x):  # type: ignore[no-untyped-def]
    import numpy as np

    return 1 / (1 + np.exp(-x))
