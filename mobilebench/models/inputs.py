"""The published input: every value follows from its index, so that all engines see the same numbers.

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

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.digest import fnv1a
from mobilebench.models.manifest import InputSpec
from mobilebench.results.records import OutputSummary, Sample

SAMPLES = 64
"""How many elements of each output an answer shows, unless more are asked for."""
MOST_SAMPLES = 65536
"""More than these are refused by the native runner."""


def hashed(count: int, position: int) -> NDArray[np.uint32]:
    """`h` of the formula for the first `count` elements of input number `position`; shape (count,)."""
    h = np.arange(count, dtype=np.uint32) + np.uint32(position * 0x9E3779B9 % 2**32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return np.asarray(h ^ (h >> np.uint32(16)), dtype=np.uint32)


def fill(spec: InputSpec, position: int) -> NDArray[Any]:
    """The array of input number `position`, with the shape and dtype of `spec`."""
    h = hashed(int(np.prod(spec.shape)), position)
    low, high = spec.fill.low, spec.fill.high
    if spec.fill.kind == "integers":
        values = int(low) + (h % np.uint32(int(high) - int(low))).astype(np.int64)
        return values.reshape(spec.shape).astype(spec.dtype)
    uniform = low + (high - low) * (h >> np.uint32(8)).astype(np.float64) / 2.0**24
    return uniform.reshape(spec.shape).astype(spec.dtype)


def sample_indices(size: int, samples: int = SAMPLES) -> NDArray[np.int64]:
    """At most `samples` evenly spread indices: floor(k * size / n) for k < n = min(size, samples)."""
    count = min(size, samples)
    return np.arange(count, dtype=np.int64) * size // count


def summarise(name: str, values: NDArray[Any], samples: int = SAMPLES) -> OutputSummary:
    """The small record of one output tensor that runner, page and reference share.

    Norms are accumulated in float64 over the float32 values; the digest is FNV-1a (32 bit) of their bytes.
    """
    flat = np.ascontiguousarray(values, dtype="<f4").reshape(-1)
    finite = np.isfinite(flat)
    wide = np.where(finite, flat, 0).astype(np.float64)
    indices = sample_indices(flat.size, samples)
    return OutputSummary(
        name=name,
        shape=list(values.shape),
        non_finite=int(flat.size - finite.sum()),
        l1=float(np.abs(wide).sum()),
        l2=float(np.sqrt(np.square(wide).sum())),
        max=float(np.abs(wide).max()),
        digest=f"{fnv1a(flat):08x}",
        sample=Sample(index=indices.tolist(), value=wide[indices].tolist()),
    )
