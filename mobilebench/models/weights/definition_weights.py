"""The weights of a definition: fills a network from a file of weights, and writes a network's seeded weights to one.

This module imports TensorFlow. `python -m mobilebench.models.weights.definition_weights` reads `{model, file}` as JSON
from standard input, writes the model's seeded weights to that file, and answers with `{shapes}`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.worker_process import end_with_parent, reserve_output
from mobilebench.models import registry
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


def _write_seeded(model: str, file: Path) -> list[list[int]]:
    """Write the model's seeded weights; returns the shapes in the definition's order."""
    entry = registry.get(model)
    definition = importlib.import_module(str(entry.definition))
    weights = Weights(definition.SEED)
    definition.network(weights, 1, **entry.options)
    arrays = [variable.numpy() for variable in weights.variables]
    with atomic_files.replacing(file) as draft:
        weights_file.export(arrays, draft, model=model)
    return [list(values.shape) for values in arrays]


def _shown(shape: Sequence[int]) -> str:
    return " × ".join(str(length) for length in shape) or "a single number"


def main() -> None:
    """Write one file of seeded weights. Only the answer goes to standard output."""
    end_with_parent()
    with reserve_output() as output:
        job = json.load(sys.stdin)
        output.write(json.dumps({"shapes": _write_seeded(job["model"], Path(job["file"]))}) + "\n")


if __name__ == "__main__":
    main()
