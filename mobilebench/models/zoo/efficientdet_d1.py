"""EfficientDet-D1, 640 x 640, 90 classes (Tan et al., CVPR 2020, table 1: B1 backbone, 4 BiFPN layers of 88 channels,
heads of 3 layers) on EfficientNet-B1 (Tan and Le, ICML 2019, table 1, depth multiplied by 1.1).

The heads' filters are shared by all five levels, and each level has a batch norm of its own. Its shifts stay, as one
bias for each level; its scales, folded into shared filters, are the same for all levels here.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20191120

CLASSES = 90
_ANCHORS = 9
_WIDTH = 88
_CELLS = 4
_HEAD_LAYERS = 3
_LEVELS = 5

_STAGES = (
    ((1, 16, 2, 3, 1), (6, 24, 3, 3, 2), (6, 40, 3, 5, 2)),
    ((6, 80, 4, 3, 2), (6, 112, 4, 5, 1)),
    ((6, 192, 5, 5, 2), (6, 320, 2, 3, 1)),
)
"""Expansion, channels, repeats, kernel and first stride of the stages that lead to strides 8, 16 and 32."""
_TAPS = (40, 112, 320)

_GAIN = 1.6
"""Swish leaves a quarter (of weak signals) to a half (of strong ones) of a signal's power: between the two."""
_EPSILON = 1e-4


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 640, 640, 3] to `box_encodings` [batch, 76725, 4] and `class_logits` [batch, 76725, 90].

    Anchors run over levels (strides 8 to 128), rows, columns and shapes. Encodings are offsets to the anchors' centres
    and logarithms of their scales; decoding them, the classes' sigmoid and non-maximum suppression are the caller's.
    """
    stem = blocks.convolution(weights, 3, 32, kernel=3, stride=2, gain=_GAIN * 3**0.5, activation=blocks.swish)
    widths = (32, *_TAPS)
    backbone = [_stages(weights, width, stages) for width, stages in zip(widths, _STAGES, strict=False)]
    shrink = blocks.max_pool(3, 2)
    sixth = blocks.convolution(weights, _TAPS[-1], _WIDTH, kernel=1, gain=1.0)
    first, *cells = [_BiFpn(weights, _TAPS if cell == 0 else None) for cell in range(_CELLS)]
    boxes = _Head(weights, 4)
    classes = _Head(weights, CLASSES)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        levels = [stem(inputs["image"])]
        for stages in backbone:
            levels.append(stages(levels[-1]))
        levels.append(shrink(sixth(levels[-1])))
        levels.append(shrink(levels[-1]))
        levels = first(levels[1:])
        for cell in cells:
            levels = cell(levels)
        return {"box_encodings": boxes(levels, batch), "class_logits": classes(levels, batch)}

    return run


def _stages(weights: Weights, channels: int, stages: tuple[tuple[int, int, int, int, int], ...]) -> Layer:
    layers = []
    for expansion, width, repeats, kernel, first_stride in stages:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            layers.append(_mobile(weights, channels, width, expansion, kernel, stride))
            channels = width
    return blocks.chain(layers)


def _mobile(weights: Weights, channels: int, width: int, expansion: int, kernel: int, stride: int) -> Layer:
    """MBConv: widen, filter each channel, weigh the channels, narrow; the input is added where the shapes allow."""
    wide = channels * expansion
    layers: list[Layer] = []
    if expansion > 1:
        layers.append(blocks.convolution(weights, channels, wide, kernel=1, gain=_GAIN, activation=blocks.swish))
    layers.append(blocks.depthwise(weights, wide, kernel=kernel, stride=stride, gain=_GAIN, activation=blocks.swish))
    layers.append(_squeeze_and_excite(weights, wide, channels // 4))
    adds = stride == 1 and channels == width
    layers.append(blocks.convolution(weights, wide, width, kernel=1, gain=0.75 if adds else 1.5))
    block = blocks.chain(layers)
    return (lambda x: x + block(x)) if adds else block


def _squeeze_and_excite(weights: Weights, channels: int, squeezed: int) -> Layer:
    """Each channel times a share between 0 and 1 that follows from the means of all channels."""
    squeeze = blocks.dense(weights, channels, squeezed, gain=_GAIN)
    excite = blocks.dense(weights, squeezed, channels, gain=_GAIN)

    def layer(x: Tensor) -> Tensor:
        means = tf.reshape(tf.reduce_mean(x, axis=[1, 2]), [x.shape[0], channels])
        shares = excite(blocks.swish(squeeze(means)))
        # The reshape keeps TF.js from fusing product and sigmoid into a kernel that its wasm backend lacks.
        return x * tf.sigmoid(tf.reshape(shares, [x.shape[0], 1, 1, channels]))

    return layer


class _BiFpn:
    """One layer of the bidirectional feature pyramid over five levels, finest first: down to the finest, and up again.

    The first layer brings the backbone's levels to the pyramid's width, once for each use, as the authors do.
    """

    def __init__(self, weights: Weights, widths: tuple[int, ...] | None) -> None:
        self._downwards = [_Fusion(weights, 2) for _ in range(_LEVELS - 1)]
        self._upwards = [_Fusion(weights, 3 if level < _LEVELS - 1 else 2) for level in range(1, _LEVELS)]
        used = list(widths or ())
        self._enter = [blocks.convolution(weights, width, _WIDTH, kernel=1, gain=1.0) for width in used]
        self._enter_again = [blocks.convolution(weights, width, _WIDTH, kernel=1, gain=1.0) for width in used[1:]]
        self._shrink = blocks.max_pool(3, 2)

    def __call__(self, levels: list[Tensor]) -> list[Tensor]:
        """Five maps [b, s, s, 88] from five (of the backbone's widths in the first layer)."""
        entered = [enter(x) for enter, x in zip(self._enter, levels, strict=False)]
        again = [levels[0], *(enter(x) for enter, x in zip(self._enter_again, levels[1:], strict=False))]
        inputs = entered + levels[len(entered) :]
        second = again + levels[len(again) :]

        descending = [inputs[-1]]
        for fuse, x in zip(self._downwards, reversed(inputs[:-1]), strict=True):
            descending.append(fuse(x, blocks.enlarged(descending[-1])))
        finest, *between = reversed(descending)

        ascending = [finest]
        for fuse, x, passed in zip(self._upwards[:-1], second[1:-1], between[:-1], strict=True):
            ascending.append(fuse(x, passed, self._shrink(ascending[-1])))
        ascending.append(self._upwards[-1](second[-1], self._shrink(ascending[-1])))
        return ascending


class _Fusion:
    """Fast normalised fusion of maps of one size (section 3.3), swish, and a separable convolution."""

    def __init__(self, weights: Weights, count: int) -> None:
        self._shares = [weights.normal((), 0.1, mean=1.0) for _ in range(count)]
        self._filter = blocks.depthwise(weights, _WIDTH, kernel=3, gain=1.0, activation=None, biased=False)
        self._mix = blocks.convolution(weights, _WIDTH, _WIDTH, kernel=1, gain=2.2)

    def __call__(self, *maps: Tensor) -> Tensor:
        shares = [tf.nn.relu(share) for share in self._shares]
        total = tf.add_n(shares) + _EPSILON
        fused = tf.add_n([x * (share / total) for x, share in zip(maps, shares, strict=True)])
        return self._mix(self._filter(blocks.swish(fused)))


class _Head:
    """Separable convolutions with shared filters and, at each level, biases of its own; nine anchors at each place."""

    def __init__(self, weights: Weights, values: int) -> None:
        self._values = values
        self._layers = [_Separable(weights) for _ in range(_HEAD_LAYERS)]
        self._filter = blocks.depthwise(weights, _WIDTH, kernel=3, gain=1.0, activation=None, biased=False)
        self._predict = blocks.convolution(weights, _WIDTH, _ANCHORS * values, kernel=1, gain=2.0)

    def __call__(self, levels: list[Tensor], batch: int) -> Tensor:
        """[b, anchors of all levels, values]."""
        return tf.concat([self._level(x, level, batch) for level, x in enumerate(levels)], axis=1)

    def _level(self, x: Tensor, level: int, batch: int) -> Tensor:
        for layer in self._layers:
            x = layer(x, level)
        return tf.reshape(self._predict(self._filter(x)), [batch, -1, self._values])


class _Separable:
    def __init__(self, weights: Weights) -> None:
        self._filter = blocks.depthwise(weights, _WIDTH, kernel=3, gain=1.0, activation=None, biased=False)
        self._mix = blocks.convolution(weights, _WIDTH, _WIDTH, kernel=1, gain=_GAIN, biased=False)
        self._biases = [weights.normal((_WIDTH,), 0.1) for _ in range(_LEVELS)]

    def __call__(self, x: Tensor, level: int) -> Tensor:
        return blocks.swish(tf.nn.bias_add(self._mix(self._filter(x)), self._biases[level]))
