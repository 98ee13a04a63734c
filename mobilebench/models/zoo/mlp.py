"""A fully connected network of any depth and width for digits of 28 x 28 pixels (Ma et al., WWW 2019, table 5)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20190513

_PIXELS = 28 * 28
_DIGITS = 10


def network(weights: Weights, batch: int, *, depth: int, width: int) -> Network:
    """From `pixels` [batch, 784] to `logits` [batch, 10] through `depth` hidden layers of `width` neurons."""
    layers: list[Layer] = []
    size = _PIXELS
    for _ in range(depth):
        layers += [blocks.dense(weights, size, width, gain=1.5, centred=0.2), tf.nn.relu]
        size = width
    answer = blocks.chain([*layers, blocks.dense(weights, size, _DIGITS, gain=2.0)])

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": answer(inputs["pixels"])}

    return run
