"""Fills a definition from a file instead of the seeded generator. Imports TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mobilebench.core.errors import BadInput
from mobilebench.models.weights import weights_file
from mobilebench.models.zoo.blocks import Weights

_HINT = "The file is of another model or version; `mobilebench models weights NAME FILE` writes one that fits."


class PretrainedWeights(Weights):
    """Supplies a network's variables from a file of weights, in the order in which layers are made."""

    def __init__(self, path: Path, sha256: str | None = None) -> None:
        """Read the file. Raises `BadInput` as `weights_file.load` does."""
        super().__init__(seed=0)
        self._path = path
        self._left = iter(weights_file.load(path, sha256))

    def normal(
        self,
        shape: Sequence[int],
        deviation: float,  # noqa: ARG002
        mean: float = 0.0,  # noqa: ARG002
        *,
        centred: float = 0.0,  # noqa: ARG002
    ) -> Any:
        """The next variable of the file; the distribution for seeded weights is ignored.

        Raises:
            BadInput: it has a different shape, or the file has no more tensors.
        """
        number, wanted = len(self.variables), tuple(shape)
        values = next(self._left, None)
        if values is None:
            raise BadInput(
                f"{self._path} ends after {number} tensors; tensor {number} should be {_shown(wanted)}.", hint=_HINT
            )
        if values.shape != wanted:
            raise BadInput(
                f"{self._path}: tensor {number} is {_shown(values.shape)}, where the definition has {_shown(wanted)}.",
                hint=_HINT,
            )
        self.variables.append(tf.Variable(values, trainable=False))
        return self.variables[-1]

    def finish(self) -> None:
        """Check that the network used all tensors of the file.

        Raises:
            BadInput: tensors are left.
        """
        if left := sum(1 for _ in self._left):
            raise BadInput(
                f"{self._path} has {len(self.variables) + left} tensors, of which the definition takes only "
                f"{len(self.variables)}.",
                hint=_HINT,
            )


def arrays(weights: Weights) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """The values of a definition's variables, for `weights_file.export`."""
    return [variable.numpy() for variable in weights.variables]


def _shown(shape: Sequence[int]) -> str:
    return " × ".join(str(length) for length in shape) or "a single number"
