"""Xception, 299 x 299, 1000 classes (Chollet, CVPR 2017, figure 5)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Weights

SEED = 20161007

_ENTRY = (128, 256, 728)
"""Channels of the entry flow's three blocks."""

_MIDDLE_BLOCKS = 8


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 299, 299, 3] to `logits` [batch, 1000]."""
    layers = [
        blocks.convolution(weights, 3, 32, kernel=3, stride=2, gain=2.0, activation=tf.nn.relu, padding="VALID"),
        blocks.convolution(weights, 32, 64, kernel=3, gain=2**0.5, activation=tf.nn.relu, padding="VALID"),
    ]
    channels = 64
    for place, width in enumerate(_ENTRY):
        layers.append(_halving_block(weights, channels, width, width, rectify_first=place > 0))
        channels = width
    layers += [_middle_block(weights, channels) for _ in range(_MIDDLE_BLOCKS)]
    layers += [
        _halving_block(weights, channels, channels, 1024, rectify_first=True),
        _separable(weights, 1024, 1536, gain=1.0),
        tf.nn.relu,
        _separable(weights, 1536, 2048, gain=2**0.5),
        tf.nn.relu,
    ]
    features = blocks.chain(layers)
    return blocks.image_classifier(weights, batch, features, 2048)


def _halving_block(weights: Weights, channels: int, inner: int, width: int, *, rectify_first: bool) -> Layer:
    """Two separable convolutions and a pooling, beside a strided 1 x 1 convolution."""
    first = _separable(weights, channels, inner, gain=2**0.5 if rectify_first else 1.0)
    second = _separable(weights, inner, width, gain=2**0.5)
    work = blocks.chain([first, tf.nn.relu, second, blocks.max_pool(3, 2)])
    shortcut = blocks.convolution(weights, channels, width, kernel=1, stride=2, gain=0.5)
    return lambda x: work(tf.nn.relu(x) if rectify_first else x) + shortcut(x)


def _middle_block(weights: Weights, width: int) -> Layer:
    """Three separable convolutions, added to their input."""
    work = blocks.chain(
        [
            tf.nn.relu,
            _separable(weights, width, width, gain=2**0.5),
            tf.nn.relu,
            _separable(weights, width, width, gain=2**0.5),
            tf.nn.relu,
            _separable(weights, width, width, gain=0.5),
        ]
    )
    return lambda x: x + work(x)


def _separable(weights: Weights, channels: int, width: int, *, gain: float) -> Layer:
    """Filter each channel, then mix them; nothing stands between the two."""
    return blocks.chain(
        [
            blocks.depthwise(weights, channels, kernel=3, gain=1.0, activation=None, biased=False),
            blocks.convolution(weights, channels, width, kernel=1, gain=gain),
        ]
    )
