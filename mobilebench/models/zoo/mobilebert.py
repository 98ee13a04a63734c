"""MobileBERT, 24 thin layers between bottlenecks (Sun et al., ACL 2020, figure 1 and table 1), sequence length 128.

The faster form of section 3.3: ReLU in place of GELU, and a scale and shift in place of layer normalisation.
"""

from __future__ import annotations

import tensorflow as tf

from mobilebench.models.zoo import blocks
from mobilebench.models.zoo.blocks import Layer, Network, Tensor, Weights

SEED = 20200406

_VOCABULARY = 30522
_EMBEDDING = 128
_POSITIONS = 512
_TYPES = 2
_SEQUENCE = 128
_LAYERS = 24
_HIDDEN = 512
_BOTTLENECK = 128
_HEADS = 4
_INTERMEDIATE = 512
_FEED_FORWARDS = 4

_BRANCH_GAIN = 0.35
_KEPT = 0.92
"""Nothing normalises the residual sums: each scale takes back what its branch has added to the signal."""


def network(weights: Weights, batch: int) -> Network:
    """From `input_ids`, `attention_mask`, `token_type_ids` [batch, 128] to `sequence_output` [batch, 128, 512]
    and `pooled_output` [batch, 512], the first token's vector.
    """
    words = weights.normal((_VOCABULARY, _EMBEDDING), 1.0)
    widen = blocks.dense(weights, 3 * _EMBEDDING, _HIDDEN)
    positions = weights.normal((_POSITIONS, _HIDDEN), 0.5)
    types = weights.normal((_TYPES, _HIDDEN), 0.5)
    scale = blocks.affine(weights, _HIDDEN, scale=0.8)
    layers = [_Layer(weights, batch) for _ in range(_LAYERS)]

    def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        trigrams = _with_neighbours(tf.gather(words, inputs["input_ids"]))
        wide = tf.reshape(widen(tf.reshape(trigrams, [-1, 3 * _EMBEDDING])), [batch, _SEQUENCE, _HIDDEN])
        embedded = wide + tf.gather(types, inputs["token_type_ids"]) + positions[:_SEQUENCE]
        x = tf.reshape(scale(embedded), [batch * _SEQUENCE, _HIDDEN])
        mask = tf.reshape(tf.cast(inputs["attention_mask"], tf.float32), [batch, 1, 1, _SEQUENCE])
        hidden_positions = (1.0 - mask) * blocks.MASKED
        for layer in layers:
            x = layer(x, hidden_positions)
        sequence = tf.reshape(x, [batch, _SEQUENCE, _HIDDEN])
        return {"sequence_output": sequence, "pooled_output": tf.reshape(sequence[:, 0, :], [batch, _HIDDEN])}

    return run


def _with_neighbours(words: Tensor) -> Tensor:
    """Each token's embedding between that of the next and that of the one before; zeros beyond the ends."""
    following = tf.pad(words[:, 1:, :], [[0, 0], [0, 1], [0, 0]])
    preceding = tf.pad(words[:, :-1, :], [[0, 0], [1, 0], [0, 0]])
    return tf.concat([following, words, preceding], axis=2)


class _Layer:
    """One transformer layer over [batch * 128, 512] that computes on 128 channels."""

    def __init__(self, weights: Weights, batch: int) -> None:
        self._batch = batch
        self._narrow = _scaled(weights, _HIDDEN, _BOTTLENECK)
        self._narrow_shared = _scaled(weights, _HIDDEN, _BOTTLENECK)
        self._query = blocks.dense(weights, _BOTTLENECK, _BOTTLENECK)
        self._key = blocks.dense(weights, _BOTTLENECK, _BOTTLENECK)
        self._value = blocks.dense(weights, _HIDDEN, _BOTTLENECK)
        self._attended = _Branch(weights, [blocks.dense(weights, _BOTTLENECK, _BOTTLENECK)], _BOTTLENECK)
        self._feed_forwards = [
            _Branch(
                weights,
                [
                    blocks.dense(weights, _BOTTLENECK, _INTERMEDIATE, gain=2**0.5),
                    tf.nn.relu,
                    blocks.dense(weights, _INTERMEDIATE, _BOTTLENECK, gain=_BRANCH_GAIN),
                ],
                _BOTTLENECK,
            )
            for _ in range(_FEED_FORWARDS)
        ]
        self._widen = _Branch(weights, [blocks.dense(weights, _BOTTLENECK, _HIDDEN, gain=_BRANCH_GAIN)], _HIDDEN)

    def __call__(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        y = self._attended(self._attend(x, hidden_positions), self._narrow(x))
        for feed_forward in self._feed_forwards:
            y = feed_forward(y, y)
        return self._widen(y, x)

    def _attend(self, x: Tensor, hidden_positions: Tensor) -> Tensor:
        """Query and key share a bottleneck; values are taken from all 512 channels."""
        shared = self._narrow_shared(x)
        query, key, value = (
            self._heads(self._query(shared)),
            self._heads(self._key(shared)),
            self._heads(self._value(x)),
        )
        scores = tf.matmul(query, key, transpose_b=True) / (_BOTTLENECK // _HEADS) ** 0.5
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores + hidden_positions), value), [0, 2, 1, 3])
        return tf.reshape(mixed, [self._batch * _SEQUENCE, _BOTTLENECK])

    def _heads(self, x: Tensor) -> Tensor:
        """[batch * 128, 128] to [batch, heads, 128, size of a head]."""
        split = tf.reshape(x, [self._batch, _SEQUENCE, _HEADS, _BOTTLENECK // _HEADS])
        return tf.transpose(split, [0, 2, 1, 3])


def _scaled(weights: Weights, size_in: int, size_out: int) -> Layer:
    return blocks.chain([blocks.dense(weights, size_in, size_out), blocks.affine(weights, size_out)])


class _Branch:
    """Layers whose result is added to what was there before; the sum is scaled and shifted."""

    def __init__(self, weights: Weights, layers: list[Layer], size: int) -> None:
        self._layer = blocks.chain(layers)
        self._scale = blocks.affine(weights, size, scale=_KEPT)

    def __call__(self, x: Tensor, kept: Tensor) -> Tensor:
        return self._scale(self._layer(x) + kept)
