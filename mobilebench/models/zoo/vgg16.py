"""VGG-16, 224 x 224, 1000 classes (Simonyan and Zisserman, ICLR 2015, table 1, column D)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20140904

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of 3 x 3 convolutions before each pooling."""

_POOLED = 7 * 7 * 512
_HIDDEN = 4096


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers: list[Layer] = []
    channels = 3
    for width, repeats in _STAGES:
        for _ in range(repeats):
            layers.append(blocks.convolution(weights, channels, width, kernel=3, gain=2**0.5, activation=tf.nn.relu))
            channels = width
        layers.append(blocks.max_pool(2, 2))
    features = blocks.chain(layers)
    first = blocks.dense(weights, _POOLED, _HIDDEN, gain=2**0.5)
    second = blocks.dense(weights, _HIDDEN, _HIDDEN, gain=2**0.5)
    classify = blocks.dense(weights, _HIDDEN, 1000)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        flat = tf.reshape(features(inputs["image"]), [batch, _POOLED])
        return {"logits": classify(tf.nn.relu(second(tf.nn.relu(first(flat)))))}

    return run
