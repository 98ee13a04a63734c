"""SqueezeNet 1.0, 224 x 224, 1000 classes (Iandola et al., 2016, table 1)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20160224

_FIRES = (((16, 64), (16, 64), (32, 128)), ((32, 128), (48, 192), (48, 192), (64, 256)), ((64, 256),))
"""Squeezed channels, and channels of each of the two expansions; a pooling stands before each group."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers = [blocks.convolution(weights, 3, 96, kernel=7, stride=2, gain=2.0, activation=tf.nn.relu)]
    channels = 96
    for group in _FIRES:
        layers.append(blocks.max_pool(3, 2, padding="VALID"))
        for squeezed, expanded in group:
            layers.append(_fire(weights, channels, squeezed, expanded))
            channels = 2 * expanded
    layers.append(blocks.convolution(weights, channels, 1000, kernel=1, gain=2**0.5, activation=tf.nn.relu))
    score = blocks.chain(layers)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": tf.reshape(tf.reduce_mean(score(inputs["image"]), axis=[1, 2]), [batch, 1000])}

    return run


def _fire(weights: Weights, channels: int, squeezed: int, expanded: int) -> Layer:
    """Squeeze to few channels; expand them by 1 x 1 and by 3 x 3 filters, side by side."""
    squeeze = blocks.convolution(weights, channels, squeezed, kernel=1, gain=2**0.5, activation=tf.nn.relu)
    small = blocks.convolution(weights, squeezed, expanded, kernel=1, gain=2**0.5, activation=tf.nn.relu)
    large = blocks.convolution(weights, squeezed, expanded, kernel=3, gain=2**0.5, activation=tf.nn.relu)

    def layer(x: Tensor) -> Tensor:
        y = squeeze(x)
        return tf.concat([small(y), large(y)], axis=3)

    return layer
