"""Inception v3 without its auxiliary classifier, 299 x 299, 1000 classes (Szegedy et al., CVPR 2016, table 1 and
figures 5 to 7, 10).
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Weights

SEED = 20151202

_CENTRED = 0.1
_GAIN = 1.45
"""Keep what an image changes above what all images share: see `Weights.normal`."""

_Step = tuple[int | tuple[int, int], int]
"""Kernel and channels of one convolution of a branch."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 299, 299, 3] to `logits` [batch, 1000]."""
    features = blocks.chain(
        [
            _convolution(weights, 3, 32, 3, stride=2, padding="VALID"),
            _convolution(weights, 32, 32, 3, padding="VALID"),
            _convolution(weights, 32, 64, 3),
            blocks.max_pool(3, 2, padding="VALID"),
            _convolution(weights, 64, 80, 1),
            _convolution(weights, 80, 192, 3, padding="VALID"),
            blocks.max_pool(3, 2, padding="VALID"),
            _small_filters(weights, 192, pooled=32),
            _small_filters(weights, 256, pooled=64),
            _small_filters(weights, 288, pooled=64),
            _halve(weights, 288, [[(3, 384)], [(1, 64), (3, 96), (3, 96)]]),
            _crossed_filters(weights, inner=128),
            _crossed_filters(weights, inner=160),
            _crossed_filters(weights, inner=160),
            _crossed_filters(weights, inner=192),
            _halve(weights, 768, [[(1, 192), (3, 320)], [(1, 192), ((1, 7), 192), ((7, 1), 192), (3, 192)]]),
            _split_filters(weights, 1280),
            _split_filters(weights, 2048),
        ]
    )
    return blocks.image_classifier(weights, batch, features, 2048)


def _convolution(
    weights: Weights,
    channels: int,
    width: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: str = "SAME",
) -> Layer:
    return blocks.convolution(
        weights,
        channels,
        width,
        kernel=kernel,
        stride=stride,
        gain=_GAIN,
        activation=tf.nn.relu,
        padding=padding,
        centred=_CENTRED,
    )


def _branch(weights: Weights, channels: int, steps: Sequence[_Step], *, halve: bool = False) -> Layer:
    """Convolutions one after the other; with `halve`, the last one halves the image."""
    layers = []
    for place, (kernel, width) in enumerate(steps):
        last = halve and place == len(steps) - 1
        stride, padding = (2, "VALID") if last else (1, "SAME")
        layers.append(_convolution(weights, channels, width, kernel, stride=stride, padding=padding))
        channels = width
    return blocks.chain(layers)


def _beside(branches: Sequence[Layer]) -> Layer:
    """All branches on the same input; their channels side by side."""
    return lambda x: tf.concat([branch(x) for branch in branches], axis=3)


def _pooled(weights: Weights, channels: int, width: int) -> Layer:
    return blocks.chain([blocks.average_pool(3, 1), _convolution(weights, channels, width, 1)])


def _small_filters(weights: Weights, channels: int, *, pooled: int) -> Layer:
    """Figure 5, on 35 x 35: windows of 1, 5 and twice 3."""
    return _beside(
        [
            _branch(weights, channels, [(1, 64)]),
            _branch(weights, channels, [(1, 48), (5, 64)]),
            _branch(weights, channels, [(1, 64), (3, 96), (3, 96)]),
            _pooled(weights, channels, pooled),
        ]
    )


def _crossed_filters(weights: Weights, *, inner: int) -> Layer:
    """Figure 6, on 17 x 17: windows of 7 x 7 as rows and columns."""
    row, column = (1, 7), (7, 1)
    return _beside(
        [
            _branch(weights, 768, [(1, 192)]),
            _branch(weights, 768, [(1, inner), (row, inner), (column, 192)]),
            _branch(weights, 768, [(1, inner), (column, inner), (row, inner), (column, inner), (row, 192)]),
            _pooled(weights, 768, 192),
        ]
    )


def _split_filters(weights: Weights, channels: int) -> Layer:
    """Figure 7, on 8 x 8: the last windows of 3 x 3 are a row and a column side by side."""
    return _beside(
        [
            _branch(weights, channels, [(1, 320)]),
            blocks.chain([_branch(weights, channels, [(1, 384)]), _row_and_column(weights)]),
            blocks.chain([_branch(weights, channels, [(1, 448), (3, 384)]), _row_and_column(weights)]),
            _pooled(weights, channels, 192),
        ]
    )


def _row_and_column(weights: Weights) -> Layer:
    return _beside([_branch(weights, 384, [((1, 3), 384)]), _branch(weights, 384, [((3, 1), 384)])])


def _halve(weights: Weights, channels: int, branches: Sequence[Sequence[_Step]]) -> Layer:
    """Figure 10: strided convolutions beside a pooling."""
    convolved = [_branch(weights, channels, steps, halve=True) for steps in branches]
    return _beside([*convolved, blocks.max_pool(3, 2, padding="VALID")])
