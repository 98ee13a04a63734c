"""CycleGAN's generator with nine residual blocks, 256 x 256 (Zhu et al., ICCV 2017, appendix 7.2)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20170330

_WIDTH = 64
_RESIDUAL_BLOCKS = 9


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 256, 256, 3] to `translated_image` of the same shape, in (-1, 1)."""
    deep = 4 * _WIDTH
    generate = blocks.chain(
        [
            *_mirrored_convolution(weights, 3, _WIDTH, kernel=7),
            _normalised,
            tf.nn.relu,
            *_halved(weights, _WIDTH, 2 * _WIDTH),
            *_halved(weights, 2 * _WIDTH, deep),
            *(_residual(weights, deep) for _ in range(_RESIDUAL_BLOCKS)),
            *_doubled(weights, batch, deep, 2 * _WIDTH, size=128),
            *_doubled(weights, batch, 2 * _WIDTH, _WIDTH, size=256),
            *_mirrored_convolution(weights, _WIDTH, 3, kernel=7),
            tf.tanh,
        ]
    )
    return lambda inputs: {"translated_image": generate(inputs["image"])}


def _mirrored_convolution(weights: Weights, channels_in: int, channels_out: int, *, kernel: int) -> list[Layer]:
    """Convolution that keeps the size because the image is mirrored at its borders."""
    return [
        lambda x: _mirrored(_mirrored(x, kernel // 2, axis=1), kernel // 2, axis=2),
        blocks.convolution(weights, channels_in, channels_out, kernel=kernel, gain=1.0, padding="VALID"),
    ]


def _mirrored(x: Tensor, border: int, *, axis: int) -> Tensor:
    """Reflection at both ends of an axis, from slices: LiteRT's MirrorPad has threads of its own beside XNNPACK's,
    so that more would work than were asked for.
    """
    size = x.shape[axis]
    before = [_slice(x, place, axis) for place in range(border, 0, -1)]
    after = [_slice(x, size - 1 - place, axis) for place in range(1, border + 1)]
    return tf.concat([*before, x, *after], axis=axis)


def _slice(x: Tensor, place: int, axis: int) -> Tensor:
    return x[:, place : place + 1] if axis == 1 else x[:, :, place : place + 1]


def _halved(weights: Weights, channels_in: int, channels_out: int) -> list[Layer]:
    return [
        blocks.convolution(weights, channels_in, channels_out, kernel=3, stride=2, gain=1.0),
        _normalised,
        tf.nn.relu,
    ]


def _doubled(weights: Weights, batch: int, channels_in: int, channels_out: int, *, size: int) -> list[Layer]:
    """Transposed convolution to [batch, size, size, channels_out]; a quarter of its 3 x 3 products meets a pixel."""
    filters = weights.normal((3, 3, channels_out, channels_in), 2 / (9 * channels_in) ** 0.5)
    bias = weights.normal((channels_out,), 0.1)

    def spread(x: Tensor) -> Tensor:
        y = tf.nn.conv2d_transpose(x, filters, [batch, size, size, channels_out], strides=2, padding="SAME")
        return tf.nn.bias_add(y, bias)

    return [spread, _normalised, tf.nn.relu]


def _residual(weights: Weights, channels: int) -> Layer:
    branch = blocks.chain(
        [
            *_mirrored_convolution(weights, channels, channels, kernel=3),
            _normalised,
            tf.nn.relu,
            *_mirrored_convolution(weights, channels, channels, kernel=3),
            _normalised,
        ]
    )
    return lambda x: x + branch(x)


def _normalised(x: Tensor) -> Tensor:
    """Instance normalisation: each channel of each image to mean 0 and variance 1."""
    centred = x - tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=[1, 2], keepdims=True)
    return centred * tf.math.rsqrt(variance + 1e-5)
