"""AlexNet in its form without groups, 224 x 224, 1000 classes (Krizhevsky, One weird trick for parallelizing
convolutional neural networks, 2014, section 5; the layers of Krizhevsky et al., NIPS 2012, figure 2).
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Network, Tensor, Weights

SEED = 20120930

_POOLED = 6 * 6 * 256
_HIDDEN = 4096


def network(weights: Weights, batch: int) -> Network:
    """From `image` [batch, 224, 224, 3] to `logits` [batch, 1000]."""
    features = blocks.chain(
        [
            lambda x: tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]),
            blocks.convolution(weights, 3, 64, kernel=11, stride=4, gain=2.0, activation=tf.nn.relu, padding="VALID"),
            blocks.max_pool(3, 2, padding="VALID"),
            blocks.convolution(weights, 64, 192, kernel=5, gain=2**0.5, activation=tf.nn.relu),
            blocks.max_pool(3, 2, padding="VALID"),
            blocks.convolution(weights, 192, 384, kernel=3, gain=2**0.5, activation=tf.nn.relu),
            blocks.convolution(weights, 384, 256, kernel=3, gain=2**0.5, activation=tf.nn.relu),
            blocks.convolution(weights, 256, 256, kernel=3, gain=2**0.5, activation=tf.nn.relu),
            blocks.max_pool(3, 2, padding="VALID"),
        ]
    )
    first = blocks.dense(weights, _POOLED, _HIDDEN, gain=2**0.5)
    second = blocks.dense(weights, _HIDDEN, _HIDDEN, gain=2**0.5)
    classify = blocks.dense(weights, _HIDDEN, 1000)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        flat = tf.reshape(features(inputs["image"]), [batch, _POOLED])
        return {"logits": classify(tf.nn.relu(second(tf.nn.relu(first(flat)))))}

    return run
