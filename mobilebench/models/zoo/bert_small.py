"""BERT with 2 layers and hidden size 128 (Turc et al. 2019; 17 MB, "BERT-Small" in the papers), sequence length 128."""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20190823

_VOCABULARY = 30522
_POSITIONS = 512
_TYPES = 2
_SEQUENCE = 128
_LAYERS = 2
_HIDDEN = 128
_HEADS = 2
_INTERMEDIATE = 512


def network(weights: Weights, batch: int) -> Network:
    """From `input_ids`, `attention_mask`, `token_type_ids` [batch, 128] to `sequence_output` [batch, 128, 128]
    and `pooled_output` [batch, 128].
    """
    words = weights.normal((_VOCABULARY, _HIDDEN), 1.0)
    positions = weights.normal((_POSITIONS, _HIDDEN), 0.5)
    types = weights.normal((_TYPES, _HIDDEN), 0.5)
    normalise = blocks.layer_norm(weights, _HIDDEN)
    encoders = [_Encoder(weights, batch) for _ in range(_LAYERS)]
    pool = blocks.dense(weights, _HIDDEN, _HIDDEN)

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        embedded = tf.gather(words, inputs["input_ids"]) + tf.gather(types, inputs["token_type_ids"])
        x = tf.reshape(normalise(embedded + positions[:_SEQUENCE]), [batch * _SEQUENCE, _HIDDEN])
        mask = tf.reshape(tf.cast(inputs["attention_mask"], tf.float32), [batch, 1, 1, _SEQUENCE])
        hidden_positions = (1.0 - mask) * -10000.0
        for encode in encoders:
            x = encode(x, hidden_positions)
        sequence = tf.reshape(x, [batch, _SEQUENCE, _HIDDEN])
        first = tf.reshape(sequence[:, 0, :], [batch, _HIDDEN])
        # The reshape keeps TF.js from fusing product and tanh into a kernel that its wasm backend lacks.
        pooled = tf.tanh(tf.reshape(pool(first), [batch, 1, _HIDDEN]))
        return {"sequence_output": sequence, "pooled_output": tf.reshape(pooled, [batch, _HIDDEN])}

    return run


class _Encoder:
    """One transformer layer over [batch * 128, 128], normalised after each residual sum."""

    def __init__(self, weights: Weights, batch: int) -> None:
        self._batch = batch
        self._query = blocks.dense(weights, _HIDDEN, _HIDDEN)
        self._key = blocks.dense(weights, _HIDDEN, _HIDDEN)
        self._value = blocks.dense(weights, _HIDDEN, _HIDDEN)
        self._attended = blocks.dense(weights, _HIDDEN, _HIDDEN)
        self._attention_norm = blocks.layer_norm(weights, _HIDDEN)
        self._widen = blocks.dense(weights, _HIDDEN, _INTERMEDIATE)
        self._narrow = blocks.dense(weights, _INTERMEDIATE, _HIDDEN)
        self._output_norm = blocks.layer_norm(weights, _HIDDEN)

    def __call__(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        x = self._attention_norm(x + self._attend(x, hidden_positions))
        return self._output_norm(x + self._narrow(blocks.gelu(self._widen(x))))

    def _attend(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        size = _HIDDEN // _HEADS
        scores = tf.matmul(self._heads(self._query, x), self._heads(self._key, x), transpose_b=True) / size**0.5
        shares = tf.nn.softmax(scores + hidden_positions)
        mixed = tf.transpose(tf.matmul(shares, self._heads(self._value, x)), [0, 2, 1, 3])
        return self._attended(tf.reshape(mixed, [self._batch * _SEQUENCE, _HIDDEN]))

    def _heads(self, project: Layer, x: Tensor) -> Tensor:
        """[batch * 128, 128] to [batch, heads, 128, size of a head]."""
        split = tf.reshape(project(x), [self._batch, _SEQUENCE, _HEADS, _HIDDEN // _HEADS])
        return tf.transpose(split, [0, 2, 1, 3])
