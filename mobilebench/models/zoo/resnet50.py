"""ResNet-50, 224 x 224, 1000 classes (He et al., CVPR 2016, table 1)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Weights

SEED = 20151210

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Inner channels, repeats and first stride of the stages conv2_x to conv5_x."""

_EXPANSION = 4


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers = [
        blocks.convolution(weights, 3, 64, kernel=7, stride=2, gain=2.0, activation=tf.nn.relu),
        blocks.max_pool(3, 2),
    ]
    channels = 64
    for inner, repeats, first_stride in _STAGES:
        for repeat in range(repeats):
            layers.append(_bottleneck(weights, channels, inner, first_stride if repeat == 0 else 1))
            channels = inner * _EXPANSION
    features = blocks.chain(layers)
    return blocks.image_classifier(weights, batch, features, channels)


def _bottleneck(weights: Weights, channels: int, inner: int, stride: int) -> Layer:
    """Narrow, filter, widen and add; the shortcut is projected where the shape changes."""
    width = inner * _EXPANSION
    residual = blocks.chain(
        [
            blocks.convolution(weights, channels, inner, kernel=1, stride=stride, gain=2**0.5, activation=tf.nn.relu),
            blocks.convolution(weights, inner, inner, kernel=3, gain=2**0.5, activation=tf.nn.relu),
            blocks.convolution(weights, inner, width, kernel=1, gain=0.5),
        ]
    )
    if channels == width:
        return lambda x: tf.nn.relu(x + residual(x))
    shortcut = blocks.convolution(weights, channels, width, kernel=1, stride=stride, gain=1.0)
    return lambda x: tf.nn.relu(shortcut(x) + residual(x))
