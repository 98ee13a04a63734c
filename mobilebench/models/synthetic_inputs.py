"""The synthetic inputs, which every engine generates itself, and the summary of an output.

For element `i` of the model's input number `n` (both from 0), with 32-bit unsigned arithmetic:

    h = i + n * 0x9E3779B9
    h = (h ^ (h >> 16)) * 0x7FEB352D
    h = (h ^ (h >> 15)) * 0x846CA68B
    h =  h ^ (h >> 16)

    uniform:   low + (high - low) * (h >> 8) / 2^24     (computed in float64, stored as float32)
    integers:  low + h mod (high - low)

The mixing constants are those of C. Wellons' `lowbias32` (public domain).

Worker processes import this module, so its only import is numpy; functions that return records import them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.fnv1a import fnv1a

if TYPE_CHECKING:
    from mobilebench.core.records import OutputSummary
    from mobilebench.models.manifest import Fill, InputSpec

SAMPLES = 64
"""Default number of elements of each output in a summary."""

MOST_SAMPLES = 65536
"""The native runner refuses to report more elements of an output than this."""

SEEDED = ("published", "upper", "lower")
"""The seeded inputs of a model: its own ranges, the upper half and the lower half of each range."""


def hashed(count: int, position: int) -> NDArray[np.uint32]:
    """`h` of the formula for the first `count` elements of input number `position`; shape (count,)."""
    h = np.arange(count, dtype=np.uint32) + np.uint32(position * 0x9E3779B9 % 2**32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(h ^ (h >> np.uint32(16)), dtype=np.uint32)


def fill(spec: InputSpec, position: int) -> NDArray[Any]:
    """The array of input number `position`, with the shape and dtype of `spec`."""
    return filled_array(spec.shape, spec.dtype, position, **spec.fill.model_dump())


def seeded_specs(model_inputs: Sequence[InputSpec], seeded: str) -> list[InputSpec]:
    """A model's inputs with the ranges of one seeded input; a range of two integers or fewer stays whole."""
    return [spec.model_copy(update={"fill": _range(spec.fill, seeded)}) for spec in model_inputs]


def seeded_feed(model_inputs: Sequence[InputSpec], seeded: str) -> dict[str, NDArray[Any]]:
    """Input name to the array of one seeded input."""
    return {spec.name: fill(spec, position) for position, spec in enumerate(seeded_specs(model_inputs, seeded))}


def filled_array(
    shape: Sequence[int], dtype: str, position: int, *, kind: str, low: float, high: float
) -> NDArray[Any]:
    """The array of input number `position`; `kind` is `uniform` or `integers`, `high` is exclusive."""
    h = hashed(int(np.prod(shape)), position)
    if kind == "integers":
        values = int(low) + (h % np.uint32(int(high) - int(low))).astype(np.int64)
        return values.reshape(shape).astype(dtype)
    uniform = low + (high - low) * (h >> np.uint32(8)).astype(np.float64) / 2.0**24
    return uniform.reshape(shape).astype(dtype)


def sample_indices(size: int, samples: int = SAMPLES) -> NDArray[np.int64]:
    """At most `samples` evenly spread indices: floor(k * size / n) for k < n = min(size, samples)."""
    count = min(size, samples)
    return np.arange(count, dtype=np.int64) * size // count


def summary_fields(name: str, values: NDArray[Any], samples: int = SAMPLES) -> dict[str, Any]:
    """The fields of `core.records.OutputSummary` for one output tensor.

    Norms are accumulated in float64 over the float32 values; the digest is FNV-1a (32 bit) of their bytes.
    """
    flat = np.ascontiguousarray(values, dtype="<f4").reshape(-1)
    finite = np.isfinite(flat)
    wide = np.where(finite, flat, 0).astype(np.float64)
    indices = sample_indices(flat.size, samples) if flat.size else np.zeros(0, np.int64)
    return {
        "name": name,
        "shape": list(values.shape),
        "non_finite": int(flat.size - finite.sum()),
        "l1": float(np.abs(wide).sum()),
        "l2": float(np.sqrt(np.square(wide).sum())),
        "max": float(np.abs(wide).max(initial=0)),
        "digest": f"{fnv1a(flat):08x}",
        "sample": {"index": indices.tolist(), "value": wide[indices].tolist()},
    }


def summarise(name: str, values: NDArray[Any], samples: int = SAMPLES) -> OutputSummary:
    """The record of one output tensor that runner, page and reference share."""
    from mobilebench.core.records import OutputSummary

    return OutputSummary.model_validate(summary_fields(name, values, samples))


def _range(fill: Fill, seeded: str) -> Fill:
    if seeded == "published" or (fill.kind == "integers" and fill.high - fill.low <= 2):
        return fill
    middle = (fill.low + fill.high) / 2
    if fill.kind == "integers":
        middle = float(middle // 1)
    return fill.model_copy(update={"low": middle} if seeded == "upper" else {"high": middle})
