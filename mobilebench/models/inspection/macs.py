"""Multiply-accumulates of the operators of ONNX and TensorFlow Lite.

Operators that only move, compare, add or scale elements have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from mobilebench.models.inspection.graph import Shape

Attributes = Mapping[str, object]
Shapes = Sequence[Shape | None]
"""Shapes of a node's inputs; None for an omitted one."""
Rule = Callable[[Shapes, Shape, Attributes], int | None]

MICROSOFT = "com.microsoft"
_MATMUL_WEIGHTS = {
    "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3, "FusedMatMul": 1, "FusedMatMulActivation": 1,
    "DynamicQuantizeMatMul": 1, "MatMulIntegerToFloat": 1, "TransposeMatMul": 1,
}  # fmt: skip
_CONVOLUTION_WEIGHTS = {
    "Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "DeformConv": 1, "FusedConv": 1, "NhwcFusedConv": 1,
}  # fmt: skip
_RECURRENT_ONNX = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}
_UNKNOWN_ONNX = {
    "Attention", "DFT", "STFT", "Det", "If", "Loop", "Scan", "SequenceMap", "CausalConvWithState", "LinearAttention",
    "MatMulNBits",
}  # fmt: skip
"""Standard operators whose arithmetic is not counted here."""
_MICROSOFT_ELEMENTWISE = {
    "BiasAdd", "BiasGelu", "BiasSplitGelu", "BiasSoftmax", "EmbedLayerNormalization", "FastGelu", "Gelu", "GroupNorm",
    "Inverse", "Pad", "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool",
    "QLinearLeakyRelu", "QLinearMul", "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere",
    "QuantizeLinear", "DequantizeLinear", "QuickGelu", "RotaryEmbedding", "SkipGroupNorm", "SkipLayerNormalization",
    "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "Trilu", "Unique", "GatherBlockQuantized",
}  # fmt: skip

_UNKNOWN_TFLITE = {
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


def of_onnx(domain: str, kind: str, inputs: Shapes, output: Shape | None, attributes: Attributes) -> int | None:
    """Multiply-accumulates of one node; None if its operator or a needed shape is not known."""
    if domain not in ("", MICROSOFT, "ai.onnx.ml"):
        return None
    rule = _onnx_rule(kind)
    if rule is None:
        known = kind in _MICROSOFT_ELEMENTWISE if domain == MICROSOFT else kind not in _UNKNOWN_ONNX
        return 0 if known else None
    if output is None:
        return None
    try:
        return rule(inputs, output, attributes)
    except (IndexError, TypeError, ValueError, ZeroDivisionError):  # an input is missing, or its shape does not fit
        return None


def _onnx_rule(kind: str) -> Rule | None:
    if kind in _MATMUL_WEIGHTS:
        return _matmul
    if kind in _CONVOLUTION_WEIGHTS:
        return lambda inputs, output, _: volume(output) * volume(known_sizes(inputs[_CONVOLUTION_WEIGHTS[kind]])[1:])
    if kind in ("ConvTranspose", "QLinearConvTranspose"):
        place = 1 if kind == "ConvTranspose" else 3
        return lambda inputs, _, __: volume(known_sizes(inputs[0])) * volume(known_sizes(inputs[place])[1:])
    if kind in ("Gemm", "QGemm", "FusedGemm"):
        return _gemm
    if kind in _RECURRENT_ONNX:
        return _recurrent
    return _einsum if kind == "Einsum" else None


def _matmul(inputs: Shapes, output: Shape, attributes: Attributes) -> int:
    left = known_sizes(inputs[0])
    inner = left[-2] if attributes.get("transA") else left[-1]
    return volume(output) * inner


def _gemm(inputs: Shapes, output: Shape, attributes: Attributes) -> int:
    left = known_sizes(inputs[0])
    return volume(output) * (left[0] if attributes.get("transA") else left[1])


def _recurrent(inputs: Shapes, _: Shape, __: Attributes) -> int:
    """Every step multiplies each gate's input and state matrices once; W and R carry gates and directions."""
    first = known_sizes(inputs[0])
    return first[0] * first[1] * (volume(known_sizes(inputs[1])) + volume(known_sizes(inputs[2])))


def _einsum(inputs: Shapes, _: Shape, attributes: Attributes) -> int | None:
    """For an equation with two operands: one multiplication for each combination of all labels."""
    equation = attributes.get("equation")
    if not isinstance(equation, bytes):
        return None
    terms = equation.decode("utf-8", "replace").replace(" ", "").partition("->")[0].split(",")
    if len(terms) == 1:
        return 0
    if len(terms) != 2 or "." in "".join(terms):
        return None
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, inputs, strict=True):
        sizes |= dict(zip(term, known_sizes(shape), strict=True))
    return prod(sizes.values())


def volume(shape: Shape | None) -> int:
    """The number of elements; raises ValueError if a size is not known."""
    return prod(known_sizes(shape))


def known_sizes(shape: Shape | None) -> tuple[int, ...]:
    """The sizes of a shape; raises ValueError if one is not known."""
    if shape is None or any(size is None for size in shape):
        raise ValueError("a size is not known")
    return tuple(size for size in shape if size is not None)


def of_tflite(
    kind: str, inputs: Sequence[Shape | None], output: Shape | None, *, transposed: bool = False
) -> int | None:
    """Multiply-accumulates of one operator; None if it or a needed shape is not known.

    Args:
        kind: the operator's name in the schema.
        inputs: shapes in the operator's order, None for one that is left out or not known.
        output: shape of the first output.
        transposed: a BATCH_MATMUL takes its left side transposed.
    """
    if kind in _UNKNOWN_TFLITE:
        return None
    try:
        return _counted_tflite(kind, inputs, output, transposed)
    except (IndexError, ValueError):  # an input is missing, or a size of it is not known
        return None


def _counted_tflite(kind: str, inputs: Sequence[Shape | None], output: Shape | None, transposed: bool) -> int:
    match kind:
        case "CONV_2D":  # filter: out, height, width, in
            return volume(output) * volume(known_sizes(inputs[1])[1:])
        case "DEPTHWISE_CONV_2D":  # filter: 1, height, width, out
            return volume(output) * volume(known_sizes(inputs[1])[1:3])
        case "CONV_3D":  # filter: depth, height, width, in, out
            return volume(output) * volume(known_sizes(inputs[1])[:4])
        case "TRANSPOSE_CONV":  # output shape, filter (out, height, width, in), input
            return volume(inputs[2]) * volume(known_sizes(inputs[1])[:3])
        case "CONV_3D_TRANSPOSE":  # output shape, filter (depth, height, width, out, in), input
            return volume(inputs[2]) * volume(known_sizes(inputs[1])[:4])
        case "FULLY_CONNECTED":  # weights: out, in
            return volume(output) * known_sizes(inputs[1])[1]
        case "BATCH_MATMUL":
            return volume(output) * known_sizes(inputs[0])[-2 if transposed else -1]
    if kind == "SVDF":  # input, weights of features (filters, in), weights of time (filters, memory)
        return known_sizes(inputs[0])[0] * (volume(inputs[1]) + volume(inputs[2]))
    if kind in _RECURRENT_WEIGHTS:
        first = known_sizes(inputs[0])
        times = first[0] * first[1] if "SEQUENCE" in kind else first[0]
        return times * sum(volume(shape) for shape in _matrices(inputs, _RECURRENT_WEIGHTS[kind]))
    return 0


def _matrices(inputs: Sequence[Shape | None], places: Sequence[int]) -> list[Shape]:
    return [shape for place in places if place < len(inputs) and (shape := inputs[place]) is not None]
