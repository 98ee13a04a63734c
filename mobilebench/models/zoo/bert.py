"""BERT in any size (Devlin et al., NAACL 2019, section 3; the small sizes of Turc et al., 2019), sequence length 128.

An encoder's intermediate layer is four times as wide as its hidden ones, as in all sizes that the authors published.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20190823

_VOCABULARY = 30522
_POSITIONS = 512
_TYPES = 2
_SEQUENCE = 128


def network(weights: Weights, batch: int, *, layers: int, hidden: int, heads: int) -> Network:
    """From `input_ids`, `attention_mask`, `token_type_ids` [batch, 128] to `sequence_output` [batch, 128, hidden]
    and `pooled_output` [batch, hidden].
    """
    words = weights.normal((_VOCABULARY, hidden), 1.0)
    positions = weights.normal((_POSITIONS, hidden), 0.5)
    types = weights.normal((_TYPES, hidden), 0.5)
    normalise = blocks.layer_norm(weights, hidden)
    mixing = (2 / layers) ** 0.5
    encoders = [_Encoder(weights, batch, hidden, heads, mixing) for _ in range(layers)]
    pool = blocks.dense(weights, hidden, hidden)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        embedded = tf.gather(words, inputs["input_ids"]) + tf.gather(types, inputs["token_type_ids"])
        x = tf.reshape(normalise(embedded + positions[:_SEQUENCE]), [batch * _SEQUENCE, hidden])
        mask = tf.reshape(tf.cast(inputs["attention_mask"], tf.float32), [batch, 1, 1, _SEQUENCE])
        hidden_positions = (1.0 - mask) * blocks.MASKED
        for encode in encoders:
            x = encode(x, hidden_positions)
        sequence = tf.reshape(x, [batch, _SEQUENCE, hidden])
        first = tf.reshape(sequence[:, 0, :], [batch, hidden])
        # The reshape keeps TF.js from fusing product and tanh into a kernel that its wasm backend lacks.
        pooled = tf.tanh(tf.reshape(pool(first), [batch, 1, hidden]))
        return {"sequence_output": sequence, "pooled_output": tf.reshape(pooled, [batch, hidden])}

    return run


class _Encoder:
    """One transformer layer over [batch * 128, hidden], normalised after each residual sum.

    Attention with random weights averages over tokens, and makes them alike over many layers: `mixing`, the share of it
    in the sum, is the smaller the deeper the network.
    """

    def __init__(self, weights: Weights, batch: int, hidden: int, heads: int, mixing: float) -> None:
        self._batch = batch
        self._hidden = hidden
        self._heads = heads
        self._query = blocks.dense(weights, hidden, hidden)
        self._key = blocks.dense(weights, hidden, hidden)
        self._value = blocks.dense(weights, hidden, hidden)
        self._attended = blocks.dense(weights, hidden, hidden, gain=mixing)
        self._attention_norm = blocks.layer_norm(weights, hidden)
        self._widen = blocks.dense(weights, hidden, 4 * hidden)
        self._narrow = blocks.dense(weights, 4 * hidden, hidden)
        self._output_norm = blocks.layer_norm(weights, hidden)

    def __call__(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        x = self._attention_norm(x + self._attend(x, hidden_positions))
        return self._output_norm(x + self._narrow(blocks.gelu(self._widen(x))))

    def _attend(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        size = self._hidden // self._heads
        scores = tf.matmul(self._split(self._query, x), self._split(self._key, x), transpose_b=True) / size**0.5
        shares = tf.nn.softmax(scores + hidden_positions)
        mixed = tf.transpose(tf.matmul(shares, self._split(self._value, x)), [0, 2, 1, 3])
        return self._attended(tf.reshape(mixed, [self._batch * _SEQUENCE, self._hidden]))

    def _split(self, project: Layer, x: Tensor) -> Tensor:
        """[batch * 128, hidden] to [batch, heads, 128, size of a head]."""
        split = tf.reshape(project(x), [self._batch, _SEQUENCE, self._heads, self._hidden // self._heads])
        return tf.transpose(split, [0, 2, 1, 3])
