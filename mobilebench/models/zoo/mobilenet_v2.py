"""MobileNetV2, width 1.0, 224 x 224, 1000 classes (Sandler et al., CVPR 2018, table 2)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20180113

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, repeats and first stride of the inverted residual stages."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    layers: list[Layer] = [blocks.convolution(weights, 3, 32, kernel=3, stride=2, gain=2**0.5, clip=True)]
    channels = 32
    for expansion, width, repeats, first_stride in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            layers.append(blocks.InvertedResidual(weights, channels, width, expansion=expansion, stride=stride))
            channels = width
    layers.append(blocks.convolution(weights, channels, 1280, kernel=1, stride=1, gain=2**0.5, clip=True))
    classify = blocks.dense(weights, 1280, 1000, gain=2.0, centred=1.0)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = inputs["image"]
        for layer in layers:
            x = layer(x)
        pooled = tf.reshape(tf.reduce_mean(x, axis=[1, 2]), [batch, 1280])
        return {"logits": classify(pooled)}

    return run
