"""ESRGAN's generator, 64 x 64 to 256 x 256 (Wang et al., ECCV workshops 2018, section 3.1, figure 4).

The published network has 23 dense blocks; this one has 6, near the 19 MB that the papers' memory study implies.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20180901

_WIDTH = 64
_GROWTH = 32
_CONVOLUTIONS = 5
"""In each of the three densely connected parts of a block."""
_PARTS = 3
_RESIDUAL_SCALE = 0.2


def network(weights: Weights, batch: int, *, dense_blocks: int = 6) -> Network:
    """From `image` [batch, 64, 64, 3] to `upscaled_image` [batch, 256, 256, 3]."""
    first = _convolution(weights, 3, _WIDTH)
    trunk = [_residual_in_residual(weights) for _ in range(dense_blocks)]
    body = blocks.chain([*trunk, _convolution(weights, _WIDTH, _WIDTH, gain=0.5)])
    enlarge = blocks.chain(
        [
            *(layer for _ in range(2) for layer in (blocks.enlarged, _active_convolution(weights, _WIDTH, _WIDTH))),
            _active_convolution(weights, _WIDTH, _WIDTH),
            _convolution(weights, _WIDTH, 3, gain=0.5),
        ]
    )

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = first(inputs["image"])
        return {"upscaled_image": enlarge(x + body(x))}

    return run


def _residual_in_residual(weights: Weights) -> Layer:
    dense = blocks.chain([_dense(weights) for _ in range(_PARTS)])
    return lambda x: x + _RESIDUAL_SCALE * dense(x)


def _dense(weights: Weights) -> Layer:
    """Every convolution sees what all before it have found; the last one's result is added to the input."""
    widths = [_WIDTH + _GROWTH * place for place in range(_CONVOLUTIONS)]
    growing = [_active_convolution(weights, width, _GROWTH) for width in widths[:-1]]
    fuse = _convolution(weights, widths[-1], _WIDTH)

    def part(x: Tensor) -> Tensor:
        found = x
        for convolve in growing:
            found = tf.concat([found, convolve(found)], axis=3)
        return x + _RESIDUAL_SCALE * fuse(found)

    return part


def _active_convolution(weights: Weights, channels_in: int, channels_out: int) -> Layer:
    """With leaky ReLU, behind which a signal keeps 0.52 of its power."""
    return blocks.convolution(weights, channels_in, channels_out, kernel=3, gain=1.387, activation=_leaky)


def _convolution(weights: Weights, channels_in: int, channels_out: int, *, gain: float = 1.0) -> Layer:
    return blocks.convolution(weights, channels_in, channels_out, kernel=3, gain=gain)


def _leaky(x: Tensor) -> Tensor:
    return tf.nn.leaky_relu(x, 0.2)
