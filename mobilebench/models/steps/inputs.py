"""Converts pixels, tokens and characters to a model's numbers, and numbers back to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput

_HALF = 128.0

START, SEPARATOR = 101, 102
"""[CLS] and [SEP] of BERT's uncased vocabulary; padding is 0."""


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


def bert_tokens(
    first: Sequence[int], second: Sequence[int], sequence: int, vocabulary: int
) -> dict[str, NDArray[np.int32]]:
    """`[CLS] first [SEP] second [SEP]`, padded to [1, sequence], with a mask that is 1 except at padding, and type 1
    for the second text (Devlin et al., NAACL 2019, section 3 and figure 2). Without a second text there is one
    separator.

    Raises:
        BadInput: the texts are too long together, or a token is outside the vocabulary.
    """
    front = [START, *first, SEPARATOR]
    back = [*second, SEPARATOR] if second else []
    ids = front + back
    if len(ids) > sequence:
        raise BadInput(
            f"{len(first) + len(second)} tokens are too many: with the marks between them they are {len(ids)}, but the "
            f"model takes {sequence}.",
            hint="Shorten the text.",
        )
    if wrong := [token for token in ids if not 0 <= token < vocabulary]:
        raise BadInput(f"Token {wrong[0]} is outside the vocabulary of {vocabulary}.")
    rows = {
        "input_ids": ids,
        "attention_mask": [1] * len(ids),
        "token_type_ids": [0] * len(front) + [1] * len(back),
    }
    return {name: np.array([row + [0] * (sequence - len(row))], dtype=np.int32) for name, row in rows.items()}


def one_hot(characters: Sequence[int], sequence: int, alphabet: int) -> NDArray[np.float32]:
    """The last `sequence` characters as [1, sequence, alphabet], 1 at each character's place; a shorter text is at the
    end, after rows of zeros.

    Raises:
        BadInput: a character is outside the alphabet.
    """
    if wrong := [character for character in characters if not 0 <= character < alphabet]:
        raise BadInput(f"Character {wrong[0]} is outside the alphabet of {alphabet}.")
    rows = np.zeros((1, sequence, alphabet), dtype=np.float32)
    last: list[Any] = list(characters)[-sequence:]
    for place, character in enumerate(last, start=sequence - len(last)):
        rows[0, place, character] = 1
    return rows
