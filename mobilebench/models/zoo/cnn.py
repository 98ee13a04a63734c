"""A convolutional network of any depth and width for digits of 28 x 28 pixels (Ma et al., WWW 2019, table 5).

The study says how many layers its networks have and how many filters a convolution, not which layers. TensorFlow's
example that it starts from is a pair of 3 x 3 convolutions and a max pooling, then flatten and two dense layers: six
layers. The study's other depths, 9, 15 and 27, are this with 2, 4 and 8 groups of convolution, convolution and pooling
before the last three layers, and so they are read here. Padding is SAME, since eight poolings halve 28 to 14, 7, 4, 2
and 1, where it stays. The first dense layer has the 128 neurons of the example.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20190514

_SIDE = 28
_HIDDEN = 128
_DIGITS = 10


def network(weights: Weights, batch: int, *, depth: int, width: int) -> Network:
    """From `image` [batch, 28, 28, 1] to `logits` [batch, 10]; `depth` is 3 + 3 * groups, `width` counts filters."""
    layers: list[Layer] = []
    channels, side = 1, _SIDE
    for _ in range(depth // 3 - 1):
        # Of small maps a filter sees mostly the padding: 3 - 2 / side of its 3 rows and columns meet the map.
        gain = 2**0.5 * 3 / (3 - 2 / side)
        for _ in range(2):
            layers.append(blocks.convolution(weights, channels, width, kernel=3, gain=gain, activation=tf.nn.relu))
            channels = width
        layers.append(blocks.max_pool(2, 2))
        side = (side + 1) // 2
    features = blocks.chain(layers)
    flat = side * side * channels
    hidden = blocks.dense(weights, flat, _HIDDEN, gain=2**0.5, centred=0.5)
    answer = blocks.dense(weights, _HIDDEN, _DIGITS, gain=2.0)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"logits": answer(tf.nn.relu(hidden(tf.reshape(features(inputs["image"]), [batch, flat]))))}

    return run
