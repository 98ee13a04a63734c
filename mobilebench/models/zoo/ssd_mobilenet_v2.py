"""SSD on MobileNetV2, 300 x 300, 91 classes with the background (Liu et al., ECCV 2016, section 2.1 and figure 2).

Backbone, taps and the depth of the added layers are those of the first public SSD-MobileNetV2 for COCO: predictors
are 1 x 1 convolutions over six feature maps, the first tapped inside an inverted residual, which makes 1917 anchors.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import InvertedResidual, Layer, Network, Tensor, Weights

SEED = 20161208

CLASSES = 91
_BEFORE_TAP = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
_AFTER_TAP = ((6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNetV2's stages (Sandler et al., CVPR 2018, table 2): expansion, channels, repeats, first stride."""

_ADDED = ((256, 512), (128, 256), (128, 256), (64, 128))
"""Channels of the 1 x 1 and of the 3 x 3, stride 2, convolution of each added feature map."""

_MAPS = ((576, 3), (1280, 6), (512, 6), (256, 6), (256, 6), (128, 6))
"""Channels, and anchors at each place, of the maps of sides 19, 10, 5, 3, 2 and 1."""


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 300, 300, 3] to `box_encodings` [batch, 1917, 4] and `class_logits` [batch, 1917, 91].

    Anchors run over maps, rows, columns and shapes. Encodings are offsets to the anchors' centres and logarithms of
    their scales; decoding them, the classes' sigmoid and non-maximum suppression are the caller's.
    """
    shallow = blocks.chain(
        [
            blocks.convolution(weights, 3, 32, kernel=3, stride=2, gain=2**0.5, clip=True),
            *_residuals(weights, 32, _BEFORE_TAP),
        ]
    )
    tapped, *others = _residuals(weights, 96, _AFTER_TAP)
    last = blocks.convolution(weights, 320, 1280, kernel=1, gain=2**0.5, clip=True)
    deep = blocks.chain([*others, last])
    channels = [1280, *(wide for _, wide in _ADDED)]
    added = [_shrink(weights, before, *sizes) for before, sizes in zip(channels, _ADDED, strict=False)]
    box_heads = [blocks.convolution(weights, width, anchors * 4, kernel=1, gain=0.5) for width, anchors in _MAPS]
    class_heads = [
        blocks.convolution(weights, width, anchors * CLASSES, kernel=1, gain=1.0) for width, anchors in _MAPS
    ]

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = shallow(inputs["image"])
        wide = tapped.widen(x)
        maps = [wide, deep(tapped.narrow(x, wide))]
        for layer in added:
            maps.append(layer(maps[-1]))
        boxes = [tf.reshape(head(x), [batch, -1, 4]) for head, x in zip(box_heads, maps, strict=True)]
        classes = [tf.reshape(head(x), [batch, -1, CLASSES]) for head, x in zip(class_heads, maps, strict=True)]
        return {"box_encodings": tf.concat(boxes, axis=1), "class_logits": tf.concat(classes, axis=1)}

    return run


def _residuals(
    weights: Weights, channels: int, stages: tuple[tuple[int, int, int, int], ...]
) -> list[InvertedResidual]:
    layers = []
    for expansion, width, repeats, first_stride in stages:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            layers.append(InvertedResidual(weights, channels, width, expansion=expansion, stride=stride))
            channels = width
    return layers


def _shrink(weights: Weights, channels: int, narrow: int, wide: int) -> Layer:
    """[b, s, s, channels] to [b, s / 2, s / 2, wide], halves rounded up."""
    return blocks.chain(
        [
            blocks.convolution(weights, channels, narrow, kernel=1, gain=2**0.5, clip=True),
            blocks.convolution(weights, narrow, wide, kernel=3, stride=2, gain=2**0.5, clip=True),
        ]
    )
