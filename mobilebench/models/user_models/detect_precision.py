"""Detects a model's precision from its file."""

from __future__ import annotations

from mobilebench.models.inspection.description import Description

_EIGHT_BITS = {"int8", "uint8", "int4", "uint4", "int2", "uint2"}
_QUANTISED = {"QUANTIZE", "QuantizeLinear", "QLinearConv", "QLinearMatMul", "QLinearAdd", "QGemm"}
"""Operators of models whose activations are integers too."""


def precision(description: Description) -> str:
    """`fp16` or an 8-bit precision if most parameters are stored in it, otherwise `fp32`."""
    weights = description.weight_dtypes
    if not weights:
        return "fp32"
    narrow = sum(count for dtype, count in weights.items() if dtype in _EIGHT_BITS)
    half = sum(count for dtype, count in weights.items() if dtype in ("float16", "bfloat16"))
    whole = sum(weights.values())
    if 2 * narrow > whole:
        return "int8" if _activations_too(description) else "dynamic"
    return "fp16" if 2 * half > whole else "fp32"


def _activations_too(description: Description) -> bool:
    types = {operator.type for operator in description.operators}
    return bool(types & _QUANTISED) or any(tensor.dtype in _EIGHT_BITS for tensor in description.inputs)
