"""The generator of progressively grown GANs, grown to 128 x 128 (Karras et al., ICLR 2018, table 2)."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20171027

_LATENT = 512
_FIRST_SIDE = 4
_FIRST_WIDTH = 512
_STAGES = {8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}
"""Side of the image to channels, stage by stage."""
_GAIN = 1.387
"""Behind a leaky ReLU of slope 0.2, a signal keeps 0.52 of its power."""


def network(weights: Weights, batch: int, *, side: int = 128) -> Network:
    """From `latent` [batch, 512] to `generated_image` [batch, 128, 128, 3], not yet clipped to (-1, 1)."""
    # The first 4 x 4 convolution meets a single pixel in each place: it is a dense layer with one bias a channel.
    first = weights.normal((_LATENT, _FIRST_SIDE**2 * _FIRST_WIDTH), _GAIN / _LATENT**0.5)
    bias = weights.normal((_FIRST_WIDTH,), 0.1)
    layers = [_convolution(weights, _FIRST_WIDTH, _FIRST_WIDTH), _normalised]
    channels = _FIRST_WIDTH
    for stage, width in _STAGES.items():
        if stage > side:
            break
        layers += [
            blocks.enlarged,
            _convolution(weights, channels, width),
            _normalised,
            _convolution(weights, width, width),
            _normalised,
        ]
        channels = width
    layers.append(blocks.convolution(weights, channels, 3, kernel=1, gain=0.5))
    generate = blocks.chain(layers)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        grown = tf.matmul(_normalised(inputs["latent"]), first)
        x = tf.nn.bias_add(tf.reshape(grown, [batch, _FIRST_SIDE, _FIRST_SIDE, _FIRST_WIDTH]), bias)
        return {"generated_image": generate(_normalised(_leaky(x)))}

    return run


def _convolution(weights: Weights, channels_in: int, channels_out: int) -> Layer:
    return blocks.convolution(weights, channels_in, channels_out, kernel=3, gain=_GAIN, activation=_leaky)


def _leaky(x: Tensor) -> Tensor:
    return tf.nn.leaky_relu(x, 0.2)


def _normalised(x: Tensor) -> Tensor:
    """Each pixel's vector to mean square 1."""
    return x * tf.math.rsqrt(tf.reduce_mean(x * x, axis=-1, keepdims=True) + 1e-8)
