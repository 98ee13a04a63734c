"""MobileBERT is that of the paper: 24 layers of 128 channels between bottlenecks of 512."""

from __future__ import annotations

import pytest

from mobilebench.models import registry


def test_mobilebert_takes_what_bert_takes() -> None:
    entry = registry.get("mobilebert")
    assert registry.why_not("mobilebert") is None
    assert entry.input_specs(1) == registry.get("bert_small").input_specs(1)
    assert entry.outputs == ("sequence_output", "pooled_output")


@pytest.mark.build
def test_shapes_and_parameters_are_those_of_the_paper() -> None:
    """Table 1, summed by hand below: 24 581 888, which is also what the published checkpoint's encoder has. The paper
    rounds to 25.3 million, 3 % more, and does not say what else it counts. There is no batch norm; the scales and
    shifts that stand in for layer normalisation are counted.
    """
    import tensorflow as tf

    from mobilebench.models.zoo import mobilebert
    from mobilebench.models.zoo.blocks import Weights

    def dense(given: int, made: int) -> int:
        return given * made + made

    embeddings = 30522 * 128 + dense(3 * 128, 512) + 512 * 512 + 2 * 512 + 2 * 512
    bottlenecks = 2 * (dense(512, 128) + 2 * 128) + dense(128, 512) + 2 * 512
    attention = 2 * dense(128, 128) + dense(512, 128) + dense(128, 128) + 2 * 128
    feed_forwards = 4 * (dense(128, 512) + dense(512, 128) + 2 * 128)

    weights = Weights(mobilebert.SEED)
    network = mobilebert.network(weights, 2)
    assert weights.count == embeddings + 24 * (bottlenecks + attention + feed_forwards) == 24_581_888
    assert weights.count == pytest.approx(registry.get("mobilebert").parameters, rel=0.03)

    specs = registry.get("mobilebert").input_specs(2)
    signature = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs}
    outputs = tf.function(lambda **inputs: network(inputs)).get_concrete_function(**signature).structured_outputs
    assert {name: list(tensor.shape) for name, tensor in outputs.items()} == {
        "sequence_output": [2, 128, 512],
        "pooled_output": [2, 512],
    }
