"""BERT's two sizes are one definition with the parameters of the literature."""

from __future__ import annotations

import pytest

from mobilebench.models import registry

SIZES = {"bert_base": (12, 768, 12), "bert_small": (2, 128, 2)}
"""Layers, hidden size, heads (Devlin et al., section 3; Turc et al., table 1)."""


def parameters(layers: int, hidden: int) -> int:
    """Embeddings with their normalisation, layers (attention, feed-forward, two normalisations) and the pooler."""

    def dense(given: int, made: int) -> int:
        return given * made + made

    embeddings = (30522 + 512 + 2) * hidden + 2 * hidden
    layer = 4 * dense(hidden, hidden) + dense(hidden, 4 * hidden) + dense(4 * hidden, hidden) + 4 * hidden
    return embeddings + layers * layer + dense(hidden, hidden)


@pytest.mark.parametrize("name", SIZES)
def test_the_registry_states_size_and_parameters(name: str) -> None:
    layers, hidden, heads = SIZES[name]
    entry = registry.get(name)
    assert entry.options == {"layers": layers, "hidden": hidden, "heads": heads}
    assert entry.parameters == parameters(layers, hidden)
    assert entry.definition == registry.get("bert_small").definition
    assert registry.why_not(name) is None


def test_the_published_counts() -> None:
    """109 482 240 is what the authors' checkpoint of BERT-Base holds with its pooler; the paper says 110 million."""
    assert registry.get("bert_base").parameters == 109_482_240
    assert registry.get("bert_small").parameters == 4_385_920


@pytest.mark.build
def test_the_definition_has_these_parameters_and_shapes() -> None:
    import tensorflow as tf

    from mobilebench.models.zoo import bert
    from mobilebench.models.zoo.blocks import Weights

    for name, (layers, hidden, _) in SIZES.items():
        weights = Weights(bert.SEED)
        network = bert.network(weights, 2, **registry.get(name).options)
        assert weights.count == parameters(layers, hidden)
        specs = registry.get(name).input_specs(2)
        signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs}
        outputs = tf.function(lambda network=network, **inputs: network(inputs)).get_concrete_function(**signature)
        assert {name: list(tensor.shape) for name, tensor in outputs.structured_outputs.items()} == {
            "sequence_output": [2, 128, hidden],
            "pooled_output": [2, hidden],
        }
