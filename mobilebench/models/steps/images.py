"""Converts pixels to a model's numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput

_HALF = 128.0


def resized(image: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    """[h, w, c] to [height, width, c] by bilinear interpolation between the centres of pixels (half-pixel centres, no
    antialiasing, like TensorFlow's `tf.image.resize`).
    """
    values = image.astype(np.float32)
    for axis, size in ((0, height), (1, width)):
        before, after, share = _neighbours(values.shape[axis], size)
        weight = share.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        values = values.take(before, axis) * (1 - weight) + values.take(after, axis) * weight
    return values


def to_unit(image: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An image of 8-bit pixels [h, w, c] or [h, w] as [1, height, width, c] in [-1, 1), for `shape` (height, width, c).

    Raises:
        BadInput: it is no image of 8-bit pixels, or has another number of channels.
    """
    pixels = np.asarray(image)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or 0 in pixels.shape:
        raise BadInput(f"An image is 8-bit pixels [height, width, channels], not {pixels.dtype} {list(pixels.shape)}.")
    height, width, channels = shape
    if pixels.shape[2] != channels:
        raise BadInput(f"The model takes images of {channels} channels, not of {pixels.shape[2]}.")
    return (resized(pixels, height, width) / np.float32(_HALF) - np.float32(1))[None]


def to_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert [-1, 1) to 0 … 255, rounded and clipped."""
    return np.clip(np.rint((values.astype(np.float64) + 1) * _HALF), 0, 255).astype(np.uint8)


def _neighbours(given: int, made: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each of `made` positions: the given positions before and after it, and the weight of the second."""
    place = np.clip((np.arange(made) + 0.5) * given / made - 0.5, 0, given - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, given - 1), (place - before).astype(np.float32)
