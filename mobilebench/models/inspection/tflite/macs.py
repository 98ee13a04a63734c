"""Multiply-accumulates of TensorFlow Lite operators. Those that only move, compare, add or scale elements have none."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from mobilebench.models.inspection.graph import Shape

_UNKNOWN = {
    "CUSTOM", "FLEX", "DELEGATE", "CALL", "CALL_ONCE", "IF", "WHILE", "RFFT2D", "HASHTABLE_LOOKUP",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_DOT_GENERAL", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_WHILE", "STABLEHLO_CASE",
    "STABLEHLO_COMPOSITE",
}  # fmt: skip
_LSTM = (*range(1, 9), 16)
_RECURRENT_WEIGHTS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM, "LSTM": _LSTM,
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*_LSTM, *range(18, 26), 33),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2), "RNN": (1, 2), "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 5, 6),
}  # fmt: skip
"""Operator to its weight matrices, each used once in every step (LSTM: input, recurrent, projection)."""


def macs(kind: str, inputs: Sequence[Shape | None], output: Shape | None, *, transposed: bool = False) -> int | None:
    """Multiply-accumulates of one operator; None if it or a needed shape is not known.

    Args:
        kind: the operator's name in the schema.
        inputs: shapes in the operator's order, None for one that is left out or not known.
        output: shape of the first output.
        transposed: a BATCH_MATMUL takes its left side transposed.
    """
    if kind in _UNKNOWN:
        return None
    try:
        return _counted(kind, inputs, output, transposed)
    except (IndexError, ValueError):  # an input is missing, or a size of it is not known
        return None


def _counted(kind: str, inputs: Sequence[Shape | None], output: Shape | None, transposed: bool) -> int:
    match kind:
        case "CONV_2D":  # filter: out, height, width, in
            return _volume(output) * _volume(_sizes(inputs[1])[1:])
        case "DEPTHWISE_CONV_2D":  # filter: 1, height, width, out
            return _volume(output) * _volume(_sizes(inputs[1])[1:3])
        case "CONV_3D":  # filter: depth, height, width, in, out
            return _volume(output) * _volume(_sizes(inputs[1])[:4])
        case "TRANSPOSE_CONV":  # output shape, filter (out, height, width, in), input
            return _volume(inputs[2]) * _volume(_sizes(inputs[1])[:3])
        case "CONV_3D_TRANSPOSE":  # output shape, filter (depth, height, width, out, in), input
            return _volume(inputs[2]) * _volume(_sizes(inputs[1])[:4])
        case "FULLY_CONNECTED":  # weights: out, in
            return _volume(output) * _sizes(inputs[1])[1]
        case "BATCH_MATMUL":
            return _volume(output) * _sizes(inputs[0])[-2 if transposed else -1]
    if kind == "SVDF":  # input, weights of features (filters, in), weights of time (filters, memory)
        return _sizes(inputs[0])[0] * (_volume(inputs[1]) + _volume(inputs[2]))
    if kind in _RECURRENT_WEIGHTS:
        first = _sizes(inputs[0])
        times = first[0] * first[1] if "SEQUENCE" in kind else first[0]
        return times * sum(_volume(shape) for shape in _matrices(inputs, _RECURRENT_WEIGHTS[kind]))
    return 0


def _matrices(inputs: Sequence[Shape | None], places: Sequence[int]) -> list[Shape]:
    return [shape for place in places if place < len(inputs) and (shape := inputs[place]) is not None]


def _volume(shape: Shape | None) -> int:
    return prod(_sizes(shape))


def _sizes(shape: Shape | None) -> tuple[int, ...]:
    if shape is None or any(size is None for size in shape):
        raise ValueError("a size is not known")
    return tuple(size for size in shape if size is not None)
