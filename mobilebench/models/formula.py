"""The published input and the figures of an answer, as plain arithmetic: what a process needs that only asks an engine.

For element `i` of the model's input number `n` (both from 0), with 32-bit unsigned arithmetic:

    h = i + n * 0x9E3779B9
    h = (h ^ (h >> 16)) * 0x7FEB352D
    h = (h ^ (h >> 15)) * 0x846CA68B
    h =  h ^ (h >> 16)

    uniform:   low + (high - low) * (h >> 8) / 2^24     (computed in float64, stored as float32)
    integers:  low + h mod (high - low)

The mixing constants are those of C. Wellons' `lowbias32` (public domain).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.fnv1a import fnv1a

SAMPLES = 64
"""How many elements of each output an answer shows, unless more are asked for."""


def hashed(count: int, position: int) -> NDArray[np.uint32]:
    """`h` of the formula for the first `count` elements of input number `position`; shape (count,)."""
    h = np.arange(count, dtype=np.uint32) + np.uint32(position * 0x9E3779B9 % 2**32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(h ^ (h >> np.uint32(16)), dtype=np.uint32)


def filled(shape: Sequence[int], dtype: str, position: int, *, kind: str, low: float, high: float) -> NDArray[Any]:
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


def figures(name: str, values: NDArray[Any], samples: int = SAMPLES) -> dict[str, Any]:
    """The fields of `results.records.OutputSummary` for one output tensor.

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
