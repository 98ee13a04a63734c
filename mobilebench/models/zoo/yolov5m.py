"""YOLOv5m, 640 x 640, 80 classes (Jocher et al., YOLOv5, release 6: depth multiple 0.67, width multiple 0.75).

Built from the published layer table: a CSP backbone (Wang et al., CVPRW 2020), fast spatial pyramid pooling, a path
aggregation neck (Liu et al., CVPR 2018) and three heads. Where the original pads by one pixel on each side before a
3 x 3 convolution of stride 2, SAME pads at the far sides only: the same work, without a padding operation.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20200518

CLASSES = 80
_ANCHORS = 3
_VALUES = 5 + CLASSES
"""Of each anchor: place and size, objectness, classes."""

_GAIN = 1.6
"""Swish leaves a quarter (of weak signals) to a half (of strong ones) of a signal's power: between the two."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 640, 640, 3] to `raw_predictions` [batch, 25200, 85].

    Anchors run over strides (8, 16, 32), rows, columns and shapes. The sigmoid, decoding to boxes and non-maximum
    suppression are the caller's.
    """
    to_stride_8 = blocks.chain(
        [
            _convolution(weights, 3, 48, kernel=6, stride=2),
            _convolution(weights, 48, 96, kernel=3, stride=2),
            _cross_stage(weights, 96, 96, 2, adds=True),
            _convolution(weights, 96, 192, kernel=3, stride=2),
            _cross_stage(weights, 192, 192, 4, adds=True),
        ]
    )
    to_stride_16 = blocks.chain(
        [_convolution(weights, 192, 384, kernel=3, stride=2), _cross_stage(weights, 384, 384, 6, adds=True)]
    )
    to_stride_32 = blocks.chain(
        [
            _convolution(weights, 384, 768, kernel=3, stride=2),
            _cross_stage(weights, 768, 768, 2, adds=True),
            _pyramid_pool(weights, 768),
            _convolution(weights, 768, 384, kernel=1),
        ]
    )
    up_16 = blocks.chain([_cross_stage(weights, 768, 384, 2), _convolution(weights, 384, 192, kernel=1)])
    up_8 = _cross_stage(weights, 384, 192, 2)
    down_16 = _convolution(weights, 192, 192, kernel=3, stride=2)
    out_16 = _cross_stage(weights, 384, 384, 2)
    down_32 = _convolution(weights, 384, 384, kernel=3, stride=2)
    out_32 = _cross_stage(weights, 768, 768, 2)
    heads = [blocks.convolution(weights, width, _ANCHORS * _VALUES, kernel=1, gain=4.0) for width in (192, 384, 768)]

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        fine = to_stride_8(inputs["image"])
        middle = to_stride_16(fine)
        coarse = to_stride_32(middle)
        between = up_16(_beside(blocks.enlarged(coarse), middle))
        eighth = up_8(_beside(blocks.enlarged(between), fine))
        sixteenth = out_16(_beside(down_16(eighth), between))
        thirty_second = out_32(_beside(down_32(sixteenth), coarse))
        maps = zip(heads, (eighth, sixteenth, thirty_second), strict=True)
        return {"raw_predictions": tf.concat([tf.reshape(head(x), [batch, -1, _VALUES]) for head, x in maps], axis=1)}

    return run


def _convolution(
    weights: Weights, channels: int, width: int, *, kernel: int, stride: int = 1, gain: float = _GAIN
) -> Layer:
    return blocks.convolution(
        weights, channels, width, kernel=kernel, stride=stride, gain=gain, activation=blocks.swish
    )


def _cross_stage(weights: Weights, channels: int, width: int, repeats: int, *, adds: bool = False) -> Layer:
    """C3: one half goes through bottlenecks, the other around them, and both are mixed."""
    half = width // 2
    enter = _convolution(weights, channels, half, kernel=1)
    around = _convolution(weights, channels, half, kernel=1)
    through = blocks.chain([_bottleneck(weights, half, adds) for _ in range(repeats)])
    mix = _convolution(weights, width, width, kernel=1)
    return lambda x: mix(_beside(through(enter(x)), around(x)))


def _bottleneck(weights: Weights, channels: int, adds: bool) -> Layer:
    """A 1 x 1 and a 3 x 3 convolution; in the backbone the input is added."""
    mix = _convolution(weights, channels, channels, kernel=1)
    look = _convolution(weights, channels, channels, kernel=3, gain=_GAIN / 2 if adds else _GAIN)
    return lambda x: x + look(mix(x)) if adds else look(mix(x))


def _pyramid_pool(weights: Weights, channels: int) -> Layer:
    """SPPF: three poolings in a row, of windows 5, 9 and 13 as seen from the input, beside what they started from."""
    enter = _convolution(weights, channels, channels // 2, kernel=1)
    pool = blocks.max_pool(5, 1)
    mix = _convolution(weights, channels * 2, channels, kernel=1)

    def layer(x: Tensor) -> Tensor:
        pooled = [enter(x)]
        for _ in range(3):
            pooled.append(pool(pooled[-1]))
        return mix(_beside(*pooled))

    return layer


def _beside(*maps: Tensor) -> Tensor:
    """The channels of all maps in one."""
    return tf.concat(maps, axis=-1)
