"""Converts tokens and characters to a model's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput

START, SEPARATOR = 101, 102
"""[CLS] and [SEP] of BERT's uncased vocabulary; padding is 0."""


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
            f"{len(first) + len(second)} tokens are too many: with the marks between them {len(ids)} of {sequence}.",
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
