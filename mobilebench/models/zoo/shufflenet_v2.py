"""ShuffleNetV2, width 1.0, 224 x 224, 1000 classes (Ma et al., ECCV 2018, table 5 and figure 3)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20180730

_CENTRED = 0.6
_GAIN = 1.7
"""Keep what an image changes above what all images share: see `Weights.normal`."""

_STAGES = ((116, 4), (232, 8), (464, 4))
"""Channels and number of units of the stages 2 to 4; the first unit of each halves the image."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers = [
        blocks.convolution(weights, 3, 24, kernel=3, stride=2, gain=2.0, activation=tf.nn.relu),
        blocks.max_pool(3, 2),
    ]
    channels = 24
    for width, units in _STAGES:
        layers.append(_halving_unit(weights, channels, width))
        layers += [_unit(weights, width) for _ in range(units - 1)]
        channels = width
    layers.append(blocks.convolution(weights, channels, 1024, kernel=1, gain=2**0.5, activation=tf.nn.relu))
    features = blocks.chain(layers)
    return blocks.image_classifier(weights, batch, features, 1024)


def _unit(weights: Weights, width: int) -> Layer:
    """Half of the channels passes untouched, the other half is filtered."""
    branch = _branch(weights, width // 2, width // 2, stride=1)

    def layer(x: Tensor) -> Tensor:
        untouched, worked = tf.split(x, 2, axis=3)
        return _shuffled(untouched, branch(worked))

    return layer


def _halving_unit(weights: Weights, channels: int, width: int) -> Layer:
    """Both branches see all channels and halve the image."""
    short = blocks.chain(
        [
            blocks.depthwise(weights, channels, kernel=3, stride=2, gain=1.0, activation=None),
            blocks.convolution(weights, channels, width // 2, kernel=1, gain=2**0.5, activation=tf.nn.relu),
        ]
    )
    long = _branch(weights, channels, width // 2, stride=2)
    return lambda x: _shuffled(short(x), long(x))


def _branch(weights: Weights, channels: int, width: int, stride: int) -> Layer:
    return blocks.chain(
        [
            blocks.convolution(weights, channels, width, kernel=1, gain=_GAIN, activation=tf.nn.relu, centred=_CENTRED),
            blocks.depthwise(weights, width, kernel=3, stride=stride, gain=1.0, activation=None),
            blocks.convolution(weights, width, width, kernel=1, gain=2**0.5, activation=tf.nn.relu),
        ]
    )


def _shuffled(left: Tensor, right: Tensor) -> Tensor:
    """The channels of both, one of each in turn."""
    batch, height, width, channels = left.shape
    pairs = tf.stack([tf.reshape(side, [-1, channels]) for side in (left, right)], axis=2)
    return tf.reshape(pairs, [batch, height, width, 2 * channels])
