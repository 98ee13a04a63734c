"""DenseNet-121, growth rate 32, 224 x 224, 1000 classes (Huang et al., CVPR 2017, table 1).

Batch norm stands before ReLU and convolution here. Where it follows a convolution it is folded into it; before the
first convolution of a layer it stays as scale and shift, because other layers read the same channels.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Weights

SEED = 20160825

_BLOCKS = (6, 12, 24, 16)
"""Layers of each dense block."""

_GROWTH = 32


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers = [
        blocks.convolution(weights, 3, 2 * _GROWTH, kernel=7, stride=2, gain=2.0, activation=tf.nn.relu),
        blocks.max_pool(3, 2),
    ]
    channels = 2 * _GROWTH
    for place, depth in enumerate(_BLOCKS):
        if place > 0:
            layers.append(_transition(weights, channels))
            channels //= 2
        for _ in range(depth):
            layers.append(_dense_layer(weights, channels))
            channels += _GROWTH
    features = blocks.chain([*layers, blocks.affine(weights, channels), tf.nn.relu])
    return blocks.image_classifier(weights, batch, features, channels, gain=0.125)


def _dense_layer(weights: Weights, channels: int) -> Layer:
    """32 new channels, computed from all and appended to them."""
    grow = blocks.chain(
        [
            blocks.affine(weights, channels),
            tf.nn.relu,
            blocks.convolution(weights, channels, 4 * _GROWTH, kernel=1, gain=2**0.5, activation=tf.nn.relu),
            blocks.convolution(weights, 4 * _GROWTH, _GROWTH, kernel=3, gain=2.0, biased=False),
        ]
    )
    return lambda x: tf.concat([x, grow(x)], axis=3)


def _transition(weights: Weights, channels: int) -> Layer:
    """Half of the channels, a quarter of the image."""
    return blocks.chain(
        [
            blocks.affine(weights, channels),
            tf.nn.relu,
            blocks.convolution(weights, channels, channels // 2, kernel=1, gain=2**0.5, biased=False),
            blocks.average_pool(2, 2),
        ]
    )
