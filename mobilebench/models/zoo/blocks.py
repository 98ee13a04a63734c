"""Layers shared by the networks: plain TensorFlow operations on seeded variables, batch norm already folded.

A layer is made once (it draws its variables) and is then a function from tensor to tensor. Only operations that
LiteRT, ONNX Runtime, TF.js and ONNX Runtime Web all know are used: no einsum, tanh GELU, and no activation
directly behind a dense layer that TF.js would fuse into a kernel it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
"""A `tf.Tensor`; TensorFlow has no types of its own."""

MASKED = -30.0
"""Added to the attention score of a hidden position: its share becomes exp(-30), which is nothing beside float32's
precision. The originals' -10000 says no more in 32 bits, but leaves no room for the other scores in 8.
"""

Layer = Callable[[Tensor], Tensor]
Network = Callable[[dict[str, Tensor]], dict[str, Tensor]]
"""From canonical input names to canonical output names."""


class Weights:
    """Draws every variable of a network from one seeded generator, in the order in which layers are made."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.variables: list[Any] = []

    @property
    def count(self) -> int:
        """Parameters drawn so far."""
        return sum(int(np.prod(variable.shape)) for variable in self.variables)

    def normal(self, shape: Sequence[int], deviation: float, mean: float = 0.0, *, centred: float = 0.0) -> Any:
        """A new float32 variable of this shape with normally distributed values.

        `centred` is the share that each output's mean weight loses: behind a ReLU, whose values are never negative, the
        mean weight answers every input alike, and would drown what differs between inputs.
        """
        values = mean + deviation * self._random.standard_normal(tuple(shape))
        if centred:
            values -= centred * values.mean(axis=tuple(range(values.ndim - 1)), keepdims=True)
        self.variables.append(tf.Variable(values.astype(np.float32), trainable=False))
        return self.variables[-1]


def convolution(
    weights: Weights,
    channels_in: int,
    channels_out: int,
    *,
    kernel: int | tuple[int, int],
    stride: int = 1,
    gain: float,
    clip: bool = False,
    activation: Layer | None = None,
    padding: str = "SAME",
    biased: bool = True,
    centred: float = 0.0,
) -> Layer:
    """Convolution over [b, h, w, channels_in], with a bias; `clip` adds ReLU6, `activation` anything else.

    `kernel` is a side or (height, width). `gain` multiplies the deviation that keeps a signal's size
    (1 / sqrt(inputs of one output)); a ReLU halves a signal's power, so 2**0.5 keeps it there. `centred` takes this
    share of the mean off each filter (`Weights.normal`).
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    fan_in = height * width * channels_in
    filters = weights.normal((height, width, channels_in, channels_out), gain / fan_in**0.5, centred=centred)
    bias = weights.normal((channels_out,), 0.1) if biased else None
    shaping = tf.nn.relu6 if clip else activation

    def layer(x: Tensor) -> Tensor:
        y = tf.nn.conv2d(x, filters, strides=stride, padding=padding)
        y = y if bias is None else tf.nn.bias_add(y, bias)
        return y if shaping is None else shaping(y)

    return layer


def depthwise(
    weights: Weights,
    channels: int,
    *,
    kernel: int,
    stride: int = 1,
    gain: float,
    activation: Layer | None = tf.nn.relu6,
    biased: bool = True,
) -> Layer:
    """Depthwise convolution over [b, h, w, channels], with a bias, SAME padding."""
    filters = weights.normal((kernel, kernel, channels, 1), gain / kernel)
    bias = weights.normal((channels,), 0.1) if biased else None

    def layer(x: Tensor) -> Tensor:
        y = tf.nn.depthwise_conv2d(x, filters, strides=[1, stride, stride, 1], padding="SAME")
        y = y if bias is None else tf.nn.bias_add(y, bias)
        return y if activation is None else activation(y)

    return layer


def affine(weights: Weights, channels: int, *, scale: float = 1.0) -> Layer:
    """Scale and shift of each channel of [b, h, w, channels]: a batch norm that no convolution precedes."""
    factor = weights.normal((channels,), 0.1 * scale, mean=scale)
    shift = weights.normal((channels,), 0.1)
    return lambda x: x * factor + shift


class InvertedResidual:
    """MobileNetV2's block over [b, h, w, channels]: widen, filter each channel, narrow; the input is added where the
    shapes allow (Sandler et al., CVPR 2018, figure 4d). Detectors tap it between `widen` and `narrow`.
    """

    def __init__(self, weights: Weights, channels: int, width: int, *, expansion: int, stride: int) -> None:
        wide = channels * expansion
        self._adds = stride == 1 and channels == width
        self._widen = convolution(weights, channels, wide, kernel=1, gain=2**0.5, clip=True) if expansion > 1 else None
        self._filter = depthwise(weights, wide, kernel=3, stride=stride, gain=2**0.5)
        self._narrow = convolution(weights, wide, width, kernel=1, gain=1.0, centred=0.5)

    def widen(self, x: Tensor) -> Tensor:
        """[b, h, w, channels * expansion]."""
        return self._widen(x) if self._widen else x

    def narrow(self, x: Tensor, wide: Tensor) -> Tensor:
        """From the block's input and what `widen` made of it to the block's output."""
        y = self._narrow(self._filter(wide))
        return x + y if self._adds else y

    def __call__(self, x: Tensor) -> Tensor:
        return self.narrow(x, self.widen(x))


def max_pool(size: int, stride: int, *, padding: str = "SAME") -> Layer:
    """The largest of each `size` x `size` window of [b, h, w, c]."""
    return lambda x: tf.nn.max_pool2d(x, size, stride, padding)


def average_pool(size: int, stride: int, *, padding: str = "SAME") -> Layer:
    """The mean of each `size` x `size` window of [b, h, w, c], borders not counted."""
    return lambda x: tf.nn.avg_pool2d(x, size, stride, padding)


def chain(layers: Sequence[Layer]) -> Layer:
    """One layer after the other."""

    def layer(x: Tensor) -> Tensor:
        for each in layers:
            x = each(x)
        return x

    return layer


def image_classifier(weights: Weights, batch: int, features: Layer, channels: int, *, gain: float = 1.0) -> Network:
    """From `image` to `logits` [batch, 1000]: the mean of each of the `channels` that `features` gives, and one dense
    layer.
    """
    classify = dense(weights, channels, 1000, gain=gain, centred=1.0)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        pooled = tf.reduce_mean(features(inputs["image"]), axis=[1, 2])
        return {"logits": classify(tf.reshape(pooled, [batch, channels]))}

    return run


def dense(weights: Weights, size_in: int, size_out: int, *, gain: float = 1.0, centred: float = 0.0) -> Layer:
    """Matrix product with bias over [rows, size_in]; `gain` and `centred` as in `convolution`."""
    matrix = weights.normal((size_in, size_out), gain / size_in**0.5, centred=centred)
    bias = weights.normal((size_out,), 0.1)

    def layer(x: Tensor) -> Tensor:
        return tf.nn.bias_add(tf.matmul(x, matrix), bias)

    return layer


def layer_norm(weights: Weights, size: int, *, epsilon: float = 1e-12) -> Layer:
    """Layer normalisation over the last axis, of length `size`."""
    scale = weights.normal((size,), 0.1, mean=1.0)
    shift = weights.normal((size,), 0.1)

    def layer(x: Tensor) -> Tensor:
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
        return centred * tf.math.rsqrt(variance + epsilon) * scale + shift

    return layer


def enlarged(x: Tensor) -> Tensor:
    """[b, h, w, c] to [b, 2 h, 2 w, c], each pixel four times.

    Half-pixel centres would mean the same at twice the size, but ONNX has deprecated TensorFlow's form of them.
    """
    size = [2 * x.shape[1], 2 * x.shape[2]]
    return tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, align_corners=False, half_pixel_centers=False)


def swish(x: Tensor) -> Tensor:
    """x * sigmoid(x), spelt out: TensorFlow's own carries a gradient that converters have to take off."""
    return x * tf.sigmoid(x)


def gelu(x: Tensor) -> Tensor:
    """The tanh form: the exact one needs Erf, which not every engine has."""
    return tf.nn.gelu(x, approximate=True)
