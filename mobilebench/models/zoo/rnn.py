"""A recurrent network of any depth and width that continues a text (Ma et al., WWW 2019, table 5).

As in TensorFlow's text generation example, 40 one-hot characters go through layers of LSTM cells (Hochreiter and
Schmidhuber, Neural Computation 1997; with the forget gate of Gers et al., 2000), and a dense layer scores the next
character from the last state. Steps are unrolled into plain operations, because loops convert badly: a step of a layer
is one matrix product for all four gates.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Network, Tensor, Weights

SEED = 20190515

_SEQUENCE = 40
_CHARACTERS = 57
_GAIN = 2.0
"""Makes the gates open and close, without sticking at either end."""


def network(weights: Weights, batch: int, *, depth: int, width: int) -> Network:
    """From `characters` [batch, 40, 57] to `logits` [batch, 57] through `depth` layers of `width` cells."""
    layers = [_Lstm(weights, _CHARACTERS if layer == 0 else width, width) for layer in range(depth)]
    answer = blocks.dense(weights, width, _CHARACTERS, gain=4.0)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        steps = [inputs["characters"][:, step, :] for step in range(_SEQUENCE)]
        for layer in layers:
            steps = layer(steps)
        return {"logits": answer(steps[-1])}

    return run


class _Lstm:
    """One layer of LSTM cells: from its inputs [batch, size_in] at all steps to its outputs [batch, width]."""

    def __init__(self, weights: Weights, size_in: int, width: int) -> None:
        self._width = width
        self._matrix = weights.normal((size_in + width, 4 * width), _GAIN / (size_in + width) ** 0.5)
        self._bias = weights.normal((4 * width,), 0.1)

    def __call__(self, steps: list[Tensor]) -> list[Tensor]:
        # Read once for all steps: TF.js's converter writes a weight once for each time that it is read.
        matrix, bias = tf.convert_to_tensor(self._matrix), tf.convert_to_tensor(self._bias)
        outputs = [tf.zeros([steps[0].shape[0], self._width])]
        memory = None
        for x in steps:
            gates = tf.nn.bias_add(tf.matmul(tf.concat([x, outputs[-1]], axis=1), matrix), bias)
            if memory is None:
                # Not split: TensorFlow's quantiser leaves a split with an unused part in float, now and then.
                enter, candidate, leave = (gates[:, at * self._width : (at + 1) * self._width] for at in (0, 2, 3))
                memory = tf.sigmoid(enter) * tf.tanh(candidate)
            else:
                enter, keep, candidate, leave = tf.split(gates, 4, axis=1)
                memory = tf.sigmoid(keep) * memory + tf.sigmoid(enter) * tf.tanh(candidate)
            outputs.append(tf.sigmoid(leave) * tf.tanh(memory))
        return outputs[1:]
