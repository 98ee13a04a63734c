"""FNV-1a (32 bit), the digest of outputs, vectorised with numpy.

Byte by byte the digest is `h = ((h ^ byte) * PRIME) mod 2^32`, which cannot be vectorised directly. But `h ^ byte`
changes only the lowest eight bits of `h`, and those follow from lowest eight bits alone. So they are found first, for
all bytes at once and one bit after the other: bit k of `x * PRIME` is bit k of `x`, because PRIME is odd, flipped by
what the bits below k carry into it; so bit k of all states is a running exclusive-or. Once it is known by how much each
byte changes the state, the digest is a sum of these changes, each times a power of PRIME.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_START = 0x811C9DC5
_PRIME = 0x01000193
_LOW_PRIME = np.uint8(_PRIME & 0xFF)
_CHUNK = 1 << 16
"""Bytes per step; small enough for a processor's cache."""


def fnv1a(values: NDArray[Any]) -> int:
    """The digest of the bytes of a contiguous array, from 0 to 2^32 - 1."""
    content = values.reshape(-1).view(np.uint8)
    digest = _START
    for begin in range(0, content.size, _CHUNK):
        digest = _continued(digest, content[begin : begin + _CHUNK])
    return digest


def _continued(digest: int, content: NDArray[np.uint8]) -> int:
    before = _low_bytes(digest & 0xFF, content)
    changes = (before ^ content).astype(np.uint32) - before
    powers = _powers()[_CHUNK - content.size :]
    return int((digest * int(powers[0]) + int(np.sum(changes * powers, dtype=np.uint32))) & 0xFFFFFFFF)


def _low_bytes(first: int, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The lowest eight bits of the state before each byte; `first` is their value before the first byte."""
    low = np.zeros_like(content)
    mixed = np.zeros_like(content)
    """The bits of `low ^ content` that are known so far."""
    for k in range(8):
        bit = np.uint8(1 << k)
        flips = (content ^ (mixed * _LOW_PRIME)) & bit
        flips[1:] = flips[:-1]
        flips[0] = first & int(bit)
        low |= np.bitwise_xor.accumulate(flips)
        mixed |= (low ^ content) & bit
    return low


@cache
def _powers() -> NDArray[np.uint32]:
    """PRIME^_CHUNK, …, PRIME^2, PRIME^1, modulo 2^32."""
    return np.cumprod(np.full(_CHUNK, _PRIME, dtype=np.uint32), dtype=np.uint32)[::-1].copy()
